"""What happens while a walk is under way, which the kernel of these tests holds up in its thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sync_core.model.hints import HintKind
from sync_core.tree.inotify import Inotify
from tests.support.disk import write_tree
from tests.support.net import eventually, run
from tests.support.watches import Watched, watching

COMPLETE, BEGUN, LOOK = HintKind.COMPLETE, HintKind.BEGUN, HintKind.LOOK


class SlowKernel(Inotify):
    """Holds up the thread that has just watched the folder ``SlowKernel.at``."""

    at = ""
    is_held = threading.Event()
    go_on = threading.Event()

    def add(self, place: str, mask: int) -> int:
        watch = super().add(place, mask)
        if threading.current_thread() is not threading.main_thread() and place.endswith(self.at):
            self.is_held.set()
            assert self.go_on.wait(10)
        return watch


@asynccontextmanager
async def held_up(root: Path, at: str) -> AsyncIterator[Watched]:
    SlowKernel.is_held.clear()
    SlowKernel.go_on.clear()
    SlowKernel.at = "nothing yet"
    try:
        async with watching(root, kernel=SlowKernel) as it:
            SlowKernel.at = at
            yield it
            SlowKernel.go_on.set()
    finally:
        SlowKernel.go_on.set()


async def walk_is_held() -> None:
    await eventually(SlowKernel.is_held.is_set)


def test_who_writes_in_a_folder_that_arrives_is_told_after_its_arrival(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"d/a": b"1"})
    write_tree(tmp_path, {"folder/f/y": b"1", "folder/z": b"1"})

    async def go() -> None:
        async with held_up(root, "/new/f") as it:
            (tmp_path / "folder").rename(root / "new")
            await walk_is_held()
            with (root / "new/f/y").open("wb", buffering=0) as slow, (root / "new/z").open("wb", buffering=0) as other:
                slow.write(b"half")
                other.write(b"half")
                await it.hears_a_write("d/a")
                assert "new" not in it.trusted
                SlowKernel.go_on.set()
                await it.hears("new/f/y", BEGUN)
                await it.hears("new/z", BEGUN)
                assert ("new", COMPLETE) in it.told
                assert it.trusted == {"d/a"}

    run(go())


def test_what_moved_while_it_was_walked_is_not_heard_under_its_old_name(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {})

    async def go() -> None:
        async with held_up(root, "/n/m") as it:
            write_tree(root, {"n/m/x": b"1"})
            await walk_is_held()
            (root / "n/m").rename(tmp_path / "gone")
            await it.hears("n/m", BEGUN)
            SlowKernel.go_on.set()
            await it.hears("n", LOOK)
            it.hints.clear()
            (tmp_path / "gone/x").write_bytes(b"2")
            assert await it.quiet() == []

    run(go())


def test_a_folder_that_left_before_it_was_walked_does_not_arrive(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {})
    write_tree(tmp_path, {"folder/f/y": b"1"})

    async def go() -> None:
        async with held_up(root, "/new/f") as it:
            (tmp_path / "folder").rename(root / "new")
            await walk_is_held()
            (root / "new").rename(tmp_path / "gone")
            await it.hears("new", BEGUN)
            SlowKernel.go_on.set()
            write_tree(root, {"other/f": None})
            await it.hears("other", LOOK)  # walked after the walk that was held up
            assert ("new", COMPLETE) not in it.told

    run(go())


def test_a_folder_that_moves_on_while_it_is_walked_is_heard_under_its_new_name(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {})

    async def go() -> None:
        async with held_up(root, "/n/m") as it:
            write_tree(root, {"n/m/x": b"1"})
            await walk_is_held()
            (root / "n").rename(root / "o")
            await it.hears("n", BEGUN)
            SlowKernel.go_on.set()
            await it.hears("o", COMPLETE)
            await it.hears_a_write("o/m/x")
            assert not any(path.startswith("n/") for path, _ in it.told)

    run(go())


def test_a_stop_waits_for_the_walk(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {})

    async def go() -> None:
        async with held_up(root, "/n") as it:
            (root / "n").mkdir()
            await walk_is_held()
            stopping = asyncio.create_task(it.watch.stop())
            done, _ = await asyncio.wait([stopping], timeout=0.05)
            assert not done  # else its instance would be closed under it
            SlowKernel.go_on.set()
            await stopping

    run(go())
