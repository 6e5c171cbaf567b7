from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Mapping

import pytest

from sync_core.agent.answer_builder import AnswerBuilder
from sync_core.agent.views import Views
from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.edit import edited
from sync_core.model.errors import FileTroubleError
from sync_core.model.file import File, Kind, md5_of
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.path import RelPath
from sync_core.protocol.changes import encode_changes
from tests.support.folders import a_listed_file, a_tree
from tests.support.net import run

NOTHING = EMPTY_FOLDER


class Disk:
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
        disk = Disk(FILES)
        builder, views = AnswerBuilder(disk), Views(a_tree(FILES))
        built = await asyncio.gather(*(builder.build(views, None, NOTHING, is_jsync=False) for _ in range(20)))
        assert len(disk.reads) == 2
        assert all(one.answer is built[0].answer for one in built)
        assert built[0].answer.encoded == encode_changes(built[0].answer.changes)
        assert (built[0].is_whole, built[0].is_unread, built[0].has_more) == (True, False, False)
        await builder.build(views, "h#1", NOTHING, is_jsync=False)
        await builder.build(views, None, a_tree({"a": b"1"}), is_jsync=False)
        assert disk.reads[2:] == ["_all/a", "h#1/b", "_all/b"]
        await builder.build(Views(a_tree(FILES)), None, NOTHING, is_jsync=False)
        assert len(disk.reads) == 7

    run(go())


def test_answers_to_made_up_lists_do_not_pile_up() -> None:
    async def go() -> None:
        views = Views(a_tree({"_all/a": b"1"}))
        builder = AnswerBuilder(Disk(FILES), most_kept_bytes=1 << 20)

        async def ask(numbers: range) -> None:
            for number in numbers:
                listed = a_tree({"a": File(md5=md5_of(b"1"), last_write_time=number)})
                assert (await builder.build(views, None, listed, is_jsync=False)).answer.changes == ()

        await ask(range(10))
        tracemalloc.start()
        try:
            await ask(range(10, 4000))
            gc.collect()  # whatever an earlier test has told the collector
            assert tracemalloc.get_traced_memory()[0] < 2 << 20
        finally:
            tracemalloc.stop()

    run(go())


def test_what_could_not_be_read_is_tried_again() -> None:
    async def go() -> None:
        disk = Disk({"_all/a": b"1"})
        builder, views = AnswerBuilder(disk), Views(a_tree(FILES))
        built = await builder.build(views, None, NOTHING, is_jsync=True)
        assert [change.path for change in built.answer.changes] == ["a"]
        assert (built.is_whole, built.is_unread, built.has_more) == (False, True, False)
        disk.files = FILES
        assert (await builder.build(views, None, NOTHING, is_jsync=True)).is_whole

    run(go())


def test_an_error_is_everybodys_and_is_not_kept() -> None:
    async def go() -> None:
        views = Views(a_tree({"_all": Folder(is_unreadable=True)}))
        builder = AnswerBuilder(Disk({}))
        for _ in range(2):
            with pytest.raises(FileTroubleError, match="can't be read"):
                await builder.build(views, None, NOTHING, is_jsync=True)

    run(go())


def test_a_real_slave_is_spared_times_beyond_its_reach_and_jsync_is_not() -> None:
    async def go() -> None:
        views = Views(a_tree({"_all/a": b"1"}, time=5))
        builder = AnswerBuilder(Disk(FILES))
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
        views = Views(a_tree({"_all/Ä": b"1"}))
        builder = AnswerBuilder(Disk({"_all/Ä": b"1"}))
        listed = a_tree({"d/a": b"1", "d/b": b"2"})
        jsync = await builder.build(views, None, listed, is_jsync=True)
        assert [type(change) for change in jsync.answer.changes] == [Remove, WriteFile]
        assert jsync.is_whole
        real = await builder.build(views, None, listed, is_jsync=False)
        assert real.answer.changes == (
            MakeDirectory(path=RelPath("d")),
            Remove(path=RelPath("d/a"), kind=Kind.FILE),
            Remove(path=RelPath("d/b"), kind=Kind.FILE),
        )
        assert (real.is_whole, real.is_unread, real.has_more) == (False, False, True)

    run(go())


def test_answers_that_are_kept_are_bounded() -> None:
    async def go() -> None:
        disk = Disk(FILES)
        builder, views = AnswerBuilder(disk, most_kept_bytes=1), Views(a_tree(FILES))
        for _ in range(2):
            await builder.build(views, None, NOTHING, is_jsync=False)
        assert len(disk.reads) == 4

    run(go())


def test_an_answer_that_was_asked_for_before_a_change_is_not_kept_after_it() -> None:
    async def go() -> None:
        disk = Disk(FILES)
        builder, before, after = AnswerBuilder(disk), Views(a_tree(FILES)), Views(a_tree({"_all/a": b"1"}))
        old, new = await asyncio.gather(
            builder.build(before, None, NOTHING, is_jsync=False), builder.build(after, None, NOTHING, is_jsync=False)
        )
        assert [len(built.answer.changes) for built in (old, new)] == [2, 1]
        assert (await builder.build(after, None, NOTHING, is_jsync=False)).answer is new.answer

    run(go())


MIB = 1 << 20


def test_an_answer_carries_so_much_and_the_rest_comes_with_the_next_list() -> None:
    """Small ones first; what a slave lacks is sorted out again with every list."""
    files = {f"_all/{name}": name.encode() * (3 * MIB) for name in "abc"} | {"_all/z": b"small"}

    async def go() -> None:
        builder, views = AnswerBuilder(Disk(files)), Views(a_tree(files))
        listed, rounds = NOTHING, []
        while True:
            built = await builder.build(views, None, listed, is_jsync=False)
            written = {change.path: change.content for change in built.answer.changes if isinstance(change, WriteFile)}
            rounds.append(sorted(written))
            assert built.is_whole is not built.has_more
            assert sum(map(len, written.values())) <= 4 * MIB
            listed = edited(listed, {path: a_listed_file(content) for path, content in written.items()})
            if built.is_whole:
                break
        assert rounds == [["a", "z"], ["b"], ["c"]]
        assert not (await builder.build(views, None, listed, is_jsync=False)).is_news

    run(go())


def test_a_file_that_is_larger_comes_alone_and_is_no_reason_to_wait_for_ever() -> None:
    files = {"_all/big": b"b" * (5 * MIB), "_all/z": b"small"}

    async def go() -> None:
        builder, views = AnswerBuilder(Disk(files)), Views(a_tree(files))
        first = await builder.build(views, None, NOTHING, is_jsync=True)
        assert [change.path for change in first.answer.changes] == ["z"]
        second = await builder.build(views, None, a_tree({"z": a_listed_file(b"small")}), is_jsync=True)
        assert [change.path for change in second.answer.changes] == ["big"]
        assert second.is_whole

    run(go())


def test_who_asks_for_all_differences_gets_them_in_one_answer() -> None:
    files = {f"_all/{name}": name.encode() * (3 * MIB) for name in "ab"}

    async def go() -> None:
        builder, views = AnswerBuilder(Disk(files)), Views(a_tree(files))
        built = await builder.build(views, None, NOTHING, is_jsync=True, is_portion=False)
        assert [change.path for change in built.answer.changes] == ["a", "b"]
        assert built.is_whole

    run(go())


def test_who_gives_up_waiting_takes_the_answer_from_nobody() -> None:
    async def go() -> None:
        disk = Disk(FILES)
        builder, views = AnswerBuilder(disk), Views(a_tree(FILES))
        first = asyncio.ensure_future(builder.build(views, None, NOTHING, is_jsync=False))
        second = asyncio.ensure_future(builder.build(views, None, NOTHING, is_jsync=False))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).is_whole
        assert len(disk.reads) == 2

    run(go())
