from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from sync_core.agent.cache import CacheFolder
from sync_core.agent.cache_update import CacheUpdate
from sync_core.model.answer_plan import PlannedWrite, UpdatePlan, plan_answer, plan_update
from sync_core.model.change import Changes, Remove, WriteFile
from sync_core.model.errors import FileTroubleError, RootChangedError, TooManyRemovalsError, UnsafeNameError
from sync_core.model.file import Kind
from sync_core.model.folder import EMPTY_FOLDER, Folder, walk
from sync_core.model.inventory import MaxDelete
from sync_core.model.path import RelPath
from sync_core.tree.temporaries import new_token
from tests.support.digests import MemoryDigests
from tests.support.disk import TIME, a_link, read_tree, write_tree
from tests.support.folders import a_tree, copied
from tests.support.net import Lines, ManualClock, run

BIG = bytes(range(256)) * 5000


def a_cache(
    root: Path, *, digests: MemoryDigests | None = None, max_delete: int = 50, clock: ManualClock | None = None
) -> CacheFolder:
    return CacheFolder(
        root,
        max_delete=MaxDelete(number=max_delete, is_percentage=True),
        digests=digests or MemoryDigests(),
        monotonic=clock or ManualClock(),
    )


@pytest.fixture
def lines() -> Iterator[Lines]:
    with Lines.of("sync_core.agent.cache") as found:
        yield found


def a_write(path: str, content: bytes) -> WriteFile:
    return WriteFile(path=RelPath(path), last_write_time=TIME, content=content)


def removals(names: str) -> Changes:
    return tuple(Remove(path=RelPath(name), kind=Kind.FILE) for name in names)


def paths(folder: Folder) -> list[str]:
    return [path for path, _ in walk(folder)]


def test_prepare_makes_the_folder_and_clears_what_an_update_left(tmp_path: Path, lines: Lines) -> None:
    root = tmp_path / "deep" / "cache"
    run(a_cache(root).prepare())
    assert root.is_dir()
    (root / f".jsync-{new_token()}~").write_bytes(b"left")
    write_tree(root, {"x.job.xml~": b"somebody's"})
    run(a_cache(root).prepare())
    assert lines.messages("INFO") == [f"removed 1 left-over temporary files from {root}"]
    assert read_tree(root) == {"x.job.xml~": b"somebody's"}


def test_a_cache_that_cannot_be_made_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileTroubleError, match="can't be made") as caught:
        run(a_cache(tmp_path / "file" / "cache").prepare())
    assert caught.value.hint


def test_a_look_keeps_what_is_new_and_nothing_else(tmp_path: Path) -> None:
    digests = MemoryDigests()
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}), digests=digests)

    async def go() -> None:
        first = await cache.look()
        assert await cache.look() == first
        write_tree(cache.root, {"b": b"2"})
        assert paths(await cache.look()) == ["a", "b"]

    run(go())
    assert paths(digests.kept[-1]) == ["a", "b"]
    assert all(before is not after for before, after in zip(digests.kept, digests.kept[1:], strict=False))


def test_what_is_known_needs_no_look_and_only_a_look_finds_what_somebody_else_did(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))

    async def go() -> None:
        known = await cache.known()
        write_tree(cache.root, {"a": b"drifted", "b": b"2"})
        assert await cache.known() is known
        assert paths(await cache.look()) == ["a", "b"]
        assert (await cache.known()).tree_digest == (await cache.look()).tree_digest != known.tree_digest

    run(go())


def test_a_cache_that_vanishes_is_an_empty_one_and_made_anew(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))

    async def go() -> None:
        await cache.look()
        shutil.rmtree(tmp_path / "c")
        assert await cache.peek() == EMPTY_FOLDER
        assert not (tmp_path / "c").exists()
        assert await cache.look() == EMPTY_FOLDER
        assert (tmp_path / "c").is_dir()

    run(go())


def test_peek_writes_nothing_anywhere(tmp_path: Path) -> None:
    digests = MemoryDigests()
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}), digests=digests)
    assert paths(run(cache.peek())) == ["a"]
    assert digests.kept == []


def test_what_cannot_be_read_is_told_once(tmp_path: Path, lines: Lines) -> None:
    root = write_tree(tmp_path / "c", {"a": b"1"})
    a_link(root / "out", "/etc/passwd")
    cache = a_cache(root)

    async def go() -> None:
        for _ in range(3):
            await cache.look()

    run(go())
    (warning,) = lines.messages("WARNING")
    assert f"{root}/out is left out" in warning


def test_check_says_what_an_update_would_refuse(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {name: b"1" for name in "abcd"}))

    async def go() -> None:
        before = await cache.look()
        cache.check(before, removals("ab"))
        with pytest.raises(TooManyRemovalsError):
            cache.check(before, removals("abc"))
        with pytest.raises(TooManyRemovalsError):
            await cache.apply(removals("abc"), {})

    run(go())
    assert len(read_tree(tmp_path / "c")) == 4


def test_nothing_is_written_where_the_guard_says_no(tmp_path: Path) -> None:
    places = iter([True, True, False, False])  # for prepare and the look, then for both updates

    def guard() -> None:
        if not next(places):
            raise RootChangedError("another disk")

    cache = CacheFolder(
        tmp_path, max_delete=MaxDelete(number=50, is_percentage=True), digests=MemoryDigests(), guard=guard
    )

    async def go() -> None:
        await cache.prepare()
        plan = a_plan(await cache.look(), {"a": b"1"})
        with pytest.raises(RootChangedError):
            await cache.apply((a_write("a", b"1"),), {RelPath("a"): b"1"})
        with pytest.raises(RootChangedError):
            await cache.update(plan, Contents(plan, {"a": b"1"}).whole)

    run(go())
    assert read_tree(tmp_path) == {}


def test_what_goes_in_one_burst_counts_against_what_was_there_before_it(tmp_path: Path) -> None:
    """Else half of what is left could go again and again."""
    clock = ManualClock()
    cache = a_cache(write_tree(tmp_path / "c", {name: b"1" for name in "abcd"}), clock=clock)

    async def go() -> None:
        await cache.apply(removals("ab"), {})
        clock.now_s += 30
        with pytest.raises(TooManyRemovalsError):
            await cache.apply(removals("c"), {})
        assert sorted(read_tree(cache.root)) == ["c", "d"]
        clock.now_s += 61
        await cache.apply(removals("c"), {})
        assert sorted(read_tree(cache.root)) == ["d"]

    run(go())


def test_apply_and_read(tmp_path: Path) -> None:
    digests = MemoryDigests()
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1", "d/b": b"2"}), digests=digests)

    async def go() -> None:
        before = await cache.look()
        applied = await cache.apply((a_write("a", b"22"),), {RelPath("a"): b"22"})
        assert applied.written == ("a",)
        assert await cache.read(RelPath("a")) == b"22"
        assert await cache.known() is applied.tree
        assert applied.tree.children["d"] is before.children["d"]
        assert digests.kept[-1] is applied.tree
        assert await cache.look() == applied.tree  # it is what a look sees

    run(go())


def test_build_reads_what_was_planned(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))
    plan = plan_answer(a_tree({"a": b"1", "gone": b"2"}), EMPTY_FOLDER)
    built = run(cache.build(plan))
    assert [change.path for change in built.changes] == ["a"]
    assert [trouble.path for trouble in built.left_out] == ["gone"]


def test_a_name_that_must_not_be_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))
    evil = (a_write("b", b"2"), a_write("../evil", b"3"))
    with pytest.raises(UnsafeNameError):
        run(cache.apply(evil, {change.path: change.content for change in evil}))
    assert read_tree(tmp_path) == {"c": None, "c/a": b"1"}


class Contents:
    """Brings the contents of an update as a test says."""

    def __init__(self, plan: UpdatePlan, contents: dict[str, bytes]) -> None:
        self.plan = plan
        self.contents = contents
        self.began_at: list[int] = []

    async def whole(self, update: CacheUpdate) -> None:
        await update.write({RelPath(path): content for path, content in self.contents.items()})

    async def in_pieces(self, update: CacheUpdate, *, until: int | None = None) -> None:
        """Bring the big one in two pieces, or only so many bytes of it and break off."""
        path = RelPath("big")
        begin = await update.begin(path)
        self.began_at.append(begin)
        await update.add(path, [self.contents["big"][begin:until]])
        if until is not None:
            raise ConnectionError("broken off")
        await update.end(path)


def a_plan(have: Folder, wanted: dict[str, bytes]) -> UpdatePlan:
    return plan_update(have, copied(a_tree(dict(wanted))))


def test_contents_that_come_while_the_update_is_open_show_at_its_end(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))

    async def go() -> None:
        contents = Contents(a_plan(await cache.look(), {"a": b"2", "b": b"3"}), {"a": b"2", "b": b"3"})

        async def bring(update: CacheUpdate) -> None:
            await contents.whole(update)
            assert [name for name in read_tree(cache.root) if not name.startswith(".")] == ["a"]
            assert (cache.root / "a").read_bytes() == b"1"

        applied = await cache.update(contents.plan, bring)
        assert applied.tree == await cache.look()
        assert read_tree(cache.root) == {"a": b"2", "b": b"3"}

    run(go())


def test_a_big_file_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))

    async def go() -> None:
        wanted = {"a": b"1", "big": BIG}
        contents = Contents(a_plan(await cache.look(), wanted), wanted)
        with pytest.raises(ConnectionError):
            await cache.update(contents.plan, lambda update: contents.in_pieces(update, until=1000))
        assert await cache.known() == await cache.look()
        await cache.update(contents.plan, contents.in_pieces)
        assert contents.began_at == [0, 1000]
        assert read_tree(cache.root) == {"a": b"1", "big": BIG}

    run(go())


def test_what_came_wrong_is_not_gone_on_with(tmp_path: Path) -> None:
    """Else it would be refused for ever: all of it is there, and it is wrong."""
    cache = a_cache(tmp_path / "c")

    async def go() -> None:
        await cache.prepare()
        contents = Contents(a_plan(await cache.look(), {"big": BIG}), {"big": BIG[::-1]})
        with pytest.raises(FileTroubleError, match="not what was announced"):
            await cache.update(contents.plan, contents.in_pieces)
        contents.contents["big"] = BIG
        await cache.update(contents.plan, contents.in_pieces)
        assert contents.began_at == [0, 0]
        assert read_tree(cache.root) == {"big": BIG}

    run(go())


def test_what_does_not_come_stays_as_it_is(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))

    async def go() -> None:
        plan = a_plan(await cache.look(), {"a": b"2", "b": b"3"})

        async def bring(update: CacheUpdate) -> None:
            await update.leave_out(RelPath("a"))
            await update.write({RelPath("b"): b"3"})

        applied = await cache.update(plan, bring)
        assert applied.written == ("b",)
        assert read_tree(cache.root) == {"a": b"1", "b": b"3"}

    run(go())


@pytest.mark.parametrize("other", [CacheFolder.look, CacheFolder.known])
def test_nobody_looks_while_an_update_is_open(
    tmp_path: Path, other: Callable[[CacheFolder], Awaitable[Folder]]
) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))

    async def go() -> None:
        plan = a_plan(await cache.look(), {"a": b"1", "b": b"2"})
        looks: list[asyncio.Future[Folder]] = []

        async def bring(update: CacheUpdate) -> None:
            looks.append(asyncio.ensure_future(other(cache)))
            await update.write({RelPath("b"): b"2"})
            assert not looks[0].done()

        await cache.update(plan, bring)
        assert paths(await looks[0]) == ["a", "b"]

    run(go())


def test_who_only_asks_sees_what_was_there_before_an_update_that_is_open(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))

    async def go() -> None:
        plan = a_plan(await cache.look(), {"a": b"1", "b": b"2"})

        async def bring(update: CacheUpdate) -> None:
            assert paths(await cache.shown()) == ["a"]
            await update.write({RelPath("b"): b"2"})

        await cache.update(plan, bring)
        assert paths(await cache.shown()) == ["a", "b"]

    run(go())


def test_after_an_update_that_failed_half_way_what_is_known_is_what_is_there(tmp_path: Path) -> None:
    """A wake-up that follows must not work from the tree of before."""
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1", "z": b"1"}))

    async def go() -> None:
        plan = a_plan(await cache.look(), {"a": b"2", "z": b"2"})
        assert all(isinstance(step, PlannedWrite) for step in plan)
        (cache.root / "z").unlink()
        write_tree(cache.root, {"z/in": b"3"})  # so that z can't be put in its place, when a is already
        with pytest.raises(FileTroubleError):
            await cache.apply(plan, {RelPath("a"): b"2", RelPath("z"): b"2"})
        assert await cache.known() == await cache.look()
        assert (cache.root / "a").read_bytes() == b"2"

    run(go())


def test_two_updates_at_once_are_done_one_after_the_other(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {}))

    async def go() -> None:
        await cache.look()
        await asyncio.gather(*(cache.apply((a_write(name, b"1"),), {RelPath(name): b"1"}) for name in ("a", "b", "c")))
        assert paths(await cache.known()) == ["a", "b", "c"]

    run(go())


def test_before_the_end_an_update_under_way_is_finished_and_no_other_begins(tmp_path: Path) -> None:
    cache = a_cache(write_tree(tmp_path / "c", {"a": b"1"}))

    async def go() -> None:
        assert not cache.begin_no_more()
        with pytest.raises(FileTroubleError, match="about to stop"):
            await cache.apply([a_write("b", b"2")], {RelPath("b"): b"2"})
        assert read_tree(cache.root) == {"a": b"1"}

    run(go())
    cache = a_cache(cache.root)

    async def also() -> None:
        contents = Contents(a_plan(await cache.look(), {"a": b"2"}), {"a": b"2"})

        async def bring(update: CacheUpdate) -> None:
            assert cache.begin_no_more()
            await contents.whole(update)

        await cache.update(contents.plan, bring)
        assert not cache.begin_no_more()
        assert read_tree(cache.root) == {"a": b"2"}

    run(also())
