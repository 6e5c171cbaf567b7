"""Large documents are read and written on threads, small ones where they are."""

from __future__ import annotations

import threading

import pytest

from sync_core.model.change import MakeDirectory, WriteFile
from sync_core.model.edit import tree_of
from sync_core.model.file import File
from sync_core.model.path import RelPath
from sync_core.net.workers import WORTH_A_THREAD_BYTES, answer_weight_bytes, beside_loop, request_weight_bytes
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    CheckFolders,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    FileListAnswer,
    OkAnswer,
    RemoteScheduler,
    Request,
    StateAnswer,
)
from sync_core.protocol.requests import encode_request
from tests.support.net import run
from tests.support.wire import encode_answer

TREE = tree_of(
    (RelPath(f"folder/{n:05}.job.xml"), File(md5="0" * 32, last_write_time=n, size_bytes=n)) for n in range(1000)
)


@pytest.mark.parametrize(
    ("size_bytes", "is_here"), [(0, True), (WORTH_A_THREAD_BYTES - 1, True), (WORTH_A_THREAD_BYTES, False)]
)
def test_only_what_is_large_goes_to_a_thread(size_bytes: int, is_here: bool) -> None:
    where = run(beside_loop(threading.current_thread, size_bytes=size_bytes))
    assert (where is threading.current_thread()) is is_here


def test_errors_come_back() -> None:
    with pytest.raises(ZeroDivisionError):
        run(beside_loop(lambda: 1 // 0, size_bytes=1 << 20))


@pytest.mark.parametrize(
    "request_",
    [FetchUpdatedFiles(listed=TREE), FetchDifferences(listed=TREE), FetchConfiguration(scheduler_id="s", listed=TREE)],
)
def test_the_weight_of_a_request_is_about_its_length(request_: Request) -> None:
    assert 0.5 < request_weight_bytes(request_) / len(encode_request(request_)) < 2


@pytest.mark.parametrize(
    "answer",
    [
        FileListAnswer(tree=TREE),
        ChangesAnswer(changes=(WriteFile(path=RelPath("x"), last_write_time=0, content=bytes(100_000)),)),
        ChangesAnswer(changes=tuple(MakeDirectory(path=RelPath(f"{n:060}")) for n in range(1000))),
        StateAnswer(
            attributes={},
            remote_schedulers=tuple(RemoteScheduler(attributes={"hostname": "x" * 400}) for _ in range(100)),
            with_remote_schedulers=True,
        ),
    ],
)
def test_the_weight_of_an_answer_is_about_its_length(answer: Answer) -> None:
    assert 0.5 < answer_weight_bytes(answer) / len(encode_answer(answer, time="")) < 2


def test_what_is_small_or_written_already_weighs_nothing() -> None:
    assert request_weight_bytes(CheckFolders()) == 0
    assert answer_weight_bytes(OkAnswer()) == 0
    assert answer_weight_bytes(ChangesAnswer(encoded=bytes(100_000))) == 0
