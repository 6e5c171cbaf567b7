from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sync_core.agent.cache import CacheFolder
from sync_core.agent.slave_commands import SlaveCommands
from sync_core.agent.trust import Trust
from sync_core.model.errors import FileTroubleError
from sync_core.model.folder import Folder
from sync_core.model.inventory import MaxDelete
from sync_core.model.security import Level
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    CheckFolders,
    ClusterAnswer,
    ErrorAnswer,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    FileListAnswer,
    GetParams,
    ListFiles,
    OkAnswer,
    OpenDialect,
    OtherAnswer,
    Request,
    ShowCluster,
    ShowState,
    StateAnswer,
)
from tests.support.agents import a_connection, a_registration
from tests.support.digests import MemoryDigests
from tests.support.disk import write_tree
from tests.support.folders import a_tree
from tests.support.net import Lines, a_host

STATE = StateAnswer(attributes={"id": "s"})


class Slave:
    def __init__(self, root: Path, *, cache: type[CacheFolder] = CacheFolder) -> None:
        self.wake_ups = 0
        folder = cache(root, max_delete=MaxDelete(number=0, is_percentage=False), digests=MemoryDigests())
        self.commands = SlaveCommands(
            folder, Trust(a_host("s"), named_level_of=lambda _: Level.ALL), wake_up=self._wake_up, state=lambda _: STATE
        )

    def _wake_up(self) -> None:
        self.wake_ups += 1

    def ask(self, request: Request, *, level: Level = Level.ALL) -> Answer:
        return asyncio.run(self.commands.handle(a_connection(level=level), request))


def test_a_wake_up_by_tcp(tmp_path: Path) -> None:
    slave = Slave(tmp_path)
    assert slave.ask(CheckFolders(), level=Level.INFO) == OkAnswer()
    assert slave.wake_ups == 1


def test_its_list_and_its_state(tmp_path: Path) -> None:
    slave = Slave(write_tree(tmp_path / "c", {"a": b"1"}))
    answer = slave.ask(ListFiles())
    assert isinstance(answer, FileListAnswer)
    assert list(answer.tree.children) == ["a"]
    assert slave.ask(ShowState()) is STATE
    assert slave.ask(ShowCluster()) == ClusterAnswer()
    assert slave.ask(GetParams()) == OtherAnswer(element="params")
    assert slave.ask(OpenDialect(), level=Level.INFO) == OkAnswer(jsync=2)


def test_the_differences_with_their_contents(tmp_path: Path) -> None:
    slave = Slave(write_tree(tmp_path / "c", {"a": b"1", "b": b"2"}))
    answer = slave.ask(FetchDifferences(listed=a_tree({"a": b"1"})))
    assert isinstance(answer, ChangesAnswer)
    assert [change.path for change in answer.changes] == ["b"]


class _Forgetful(CacheFolder):
    """A cache one of whose files vanishes between list and reading."""

    async def look(self) -> Folder:
        listed = await super().look()
        (self.root / "a").unlink()
        return listed


def test_what_vanished_meanwhile_is_left_out(tmp_path: Path) -> None:
    slave = Slave(write_tree(tmp_path / "c", {"a": b"1"}), cache=_Forgetful)
    with Lines.of("sync_core.agent.slave_commands") as lines:
        assert slave.ask(FetchDifferences()) == ChangesAnswer(changes=())
    assert lines.messages("WARNING")[0].startswith("a is not sent: ")


class _Broken(CacheFolder):
    async def look(self) -> Folder:
        raise FileTroubleError("the cache can't be read")


def test_a_cache_that_cannot_be_read_is_an_error_answer(tmp_path: Path) -> None:
    answer = Slave(tmp_path, cache=_Broken).ask(ListFiles())
    assert isinstance(answer, ErrorAnswer)
    assert answer.text == "file  the cache can't be read"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (a_registration(), "SCHEDULER-105"),
        (FetchConfiguration(scheduler_id="s"), "SCHEDULER-105"),
        (FetchUpdatedFiles(), "SCHEDULER-457"),
    ],
)
def test_a_slave_is_no_master(tmp_path: Path, request_: Request, code: str) -> None:
    answer = Slave(tmp_path).ask(request_)
    assert isinstance(answer, ErrorAnswer)
    assert answer.code == code


@pytest.mark.parametrize("request_", [a_registration(), FetchConfiguration(scheduler_id="s"), FetchDifferences()])
def test_below_its_level_no_command_is_carried_out(tmp_path: Path, request_: Request) -> None:
    answer = Slave(tmp_path).ask(request_, level=Level.INFO)
    assert isinstance(answer, ErrorAnswer)
    assert answer.code == "SCHEDULER-121"


def test_no_command_at_all_for_who_may_only_signal(tmp_path: Path) -> None:
    slave = Slave(tmp_path)
    for request in (CheckFolders(), ListFiles(), ShowState()):
        assert isinstance(slave.ask(request, level=Level.SIGNAL), ErrorAnswer)
    assert slave.wake_ups == 0
