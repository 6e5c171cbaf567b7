from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from sync_core.agent.answer_builder import AnswerBuilder
from sync_core.agent.views import Views
from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.errors import FileTroubleError
from sync_core.model.manifest import Kind, Manifest
from sync_core.model.path import RelPath
from sync_core.protocol.answers import encode_changes
from tests.support.net import run
from tests.support.trees import a_directory, a_manifest

NOTHING = Manifest()


class Folder:
    """What the builder reads, and how often."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.reads: list[str] = []

    def __call__(self, folder: str, path: RelPath) -> bytes:
        self.reads.append(f"{folder}/{path}")
        try:
            return self.files[f"{folder}/{path}"]
        except KeyError:
            raise FileTroubleError(f"{path} can't be read") from None


FILES = {"_all/a": b"1", "_all/b": b"2", "h#1/b": b"own"}


def test_slaves_in_the_same_state_share_an_answer_that_is_built_once() -> None:
    async def go() -> None:
        folder = Folder(FILES)
        builder, views = AnswerBuilder(folder), Views(a_manifest(FILES))
        built = await asyncio.gather(*(builder.build(views, None, NOTHING, is_jsync=False) for _ in range(20)))
        assert len(folder.reads) == 2
        assert all(one.answer is built[0].answer for one in built)
        assert built[0].answer.encoded == encode_changes(built[0].answer.changes)
        assert (built[0].is_whole, built[0].is_unread) == (True, False)
        await builder.build(views, "h#1", NOTHING, is_jsync=False)
        await builder.build(views, None, a_manifest({"a": b"1"}), is_jsync=False)
        assert folder.reads[2:] == ["_all/a", "h#1/b", "_all/b"]
        await builder.build(Views(a_manifest(FILES)), None, NOTHING, is_jsync=False)
        assert len(folder.reads) == 7

    run(go())


def test_what_could_not_be_read_is_tried_again() -> None:
    async def go() -> None:
        folder = Folder({"_all/a": b"1"})
        builder, views = AnswerBuilder(folder), Views(a_manifest(FILES))
        built = await builder.build(views, None, NOTHING, is_jsync=True)
        assert [change.path for change in built.answer.changes] == ["a"]
        assert (built.is_whole, built.is_unread) == (False, True)
        folder.files = FILES
        assert (await builder.build(views, None, NOTHING, is_jsync=True)).is_whole

    run(go())


def test_an_error_is_everybodys_and_is_not_kept() -> None:
    async def go() -> None:
        views = Views(Manifest([replace(a_directory("_all"), is_unreadable=True)]))
        builder = AnswerBuilder(Folder({}))
        for _ in range(2):
            with pytest.raises(FileTroubleError, match="can't be read"):
                await builder.build(views, None, NOTHING, is_jsync=True)

    run(go())


def test_a_real_slave_is_spared_times_beyond_its_reach_and_jsync_is_not() -> None:
    async def go() -> None:
        views = Views(a_manifest({"_all/a": b"1"}, time=5))
        builder = AnswerBuilder(Folder(FILES))
        times = {}
        for is_jsync in (True, False):
            built = await builder.build(views, None, NOTHING, is_jsync=is_jsync)
            (change,) = built.answer.changes
            assert isinstance(change, WriteFile)
            times[is_jsync] = change.last_write_time
        assert times == {True: 5, False: 101 * 86_400}

    run(go())


def test_a_real_slave_is_spared_odd_names_and_the_removal_of_full_folders_and_jsync_is_not() -> None:
    async def go() -> None:
        views = Views(a_manifest({"_all/Ä": b"1"}))
        builder = AnswerBuilder(Folder({"_all/Ä": b"1"}))
        listed = a_manifest({"d/a": b"1", "d/b": b"2"})
        jsync = await builder.build(views, None, listed, is_jsync=True)
        assert [type(change) for change in jsync.answer.changes] == [Remove, WriteFile]
        assert jsync.is_whole
        real = await builder.build(views, None, listed, is_jsync=False)
        assert real.answer.changes == (
            MakeDirectory(path=RelPath("d")),
            Remove(path=RelPath("d/a"), kind=Kind.FILE),
            Remove(path=RelPath("d/b"), kind=Kind.FILE),
        )
        assert (real.is_whole, real.is_unread) == (False, False)

    run(go())


def test_answers_that_are_kept_are_bounded() -> None:
    async def go() -> None:
        folder = Folder(FILES)
        builder, views = AnswerBuilder(folder, most_kept_chars=1), Views(a_manifest(FILES))
        for _ in range(2):
            await builder.build(views, None, NOTHING, is_jsync=False)
        assert len(folder.reads) == 4

    run(go())


def test_an_answer_that_was_asked_for_before_a_change_is_not_kept_after_it() -> None:
    async def go() -> None:
        folder = Folder(FILES)
        builder, before, after = AnswerBuilder(folder), Views(a_manifest(FILES)), Views(a_manifest({"_all/a": b"1"}))
        old, new = await asyncio.gather(
            builder.build(before, None, NOTHING, is_jsync=False), builder.build(after, None, NOTHING, is_jsync=False)
        )
        assert [len(built.answer.changes) for built in (old, new)] == [2, 1]
        assert (await builder.build(after, None, NOTHING, is_jsync=False)).answer is new.answer

    run(go())
