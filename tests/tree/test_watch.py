"""What is told of a watched tree, with the real kernel."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sync_core.model.hints import HintKind
from sync_core.tree.scan import scan
from sync_core.tree.watch import Watch
from tests.support.disk import a_link, public_folder, unprivileged, write_tree
from tests.support.net import eventually, run
from tests.support.watches import Told, Watched, inotify_descriptors, watching

COMPLETE, BEGUN, LOOK = HintKind.COMPLETE, HintKind.BEGUN, HintKind.LOOK


def a_tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "root", {"d/a": b"1", "d/b": b"1", "e/x": b"1", "other": b"1"})


def outside(root: Path, name: str) -> Path:
    return root.parent / name


def test_a_rewrite_takes_the_trust_away_also_after_a_move_out(tmp_path: Path) -> None:
    """Else half of the file travels: watchdog held back for 0.5 s whatever came after a move out."""
    root = a_tree(tmp_path)

    async def go() -> None:
        async with watching(root) as it:
            (root / "d/a").write_bytes(b"whole")
            await it.hears("d/a", COMPLETE)
            (root / "other").rename(outside(root, "gone"))
            with (root / "d/a").open("wb", buffering=0) as slow:
                slow.write(b"half")
                for _ in range(3):  # turns of the loop, in which waiting events are read
                    await asyncio.sleep(0)
                assert it.told[-1] == ("d/a", BEGUN)
                assert "d/a" not in it.trusted
            await it.hears("other", BEGUN)

    run(go())


def write_half(root: Path) -> None:
    with (root / "d/a").open("wb", buffering=0) as file:
        file.write(b"half")
        held.append(os.dup(file.fileno()))  # so that nothing is closed for good yet


held: list[int] = []


def write_whole(root: Path) -> None:
    (root / "d/a").write_bytes(b"whole")


def rename_over(root: Path) -> None:
    write_tree(root, {"d/.a.tmp": b"new"})
    (root / "d/.a.tmp").replace(root / "d/a")


def move_in_over(root: Path) -> None:
    write_tree(root.parent, {"elsewhere": b"new"})
    outside(root, "elsewhere").replace(root / "d/a")


def rename(root: Path) -> None:
    (root / "d/a").rename(root / "d/c")


def move_out(root: Path) -> None:
    (root / "d/a").rename(outside(root, "gone"))


def hide(root: Path) -> None:
    (root / "d/a").rename(root / "d/.a")


def remove(root: Path) -> None:
    (root / "d/a").unlink()


def hard_link(root: Path) -> None:
    (root / "d/c").hardlink_to(root / "d/a")


def soft_link(root: Path) -> None:
    a_link(root / "d/c", "a")


def modes_and_times(root: Path) -> None:
    (root / "d/a").chmod(0o700)
    os.utime(root / "d/a", (1, 1))


def times_of_a_folder(root: Path) -> None:
    os.utime(root / "d", (1, 1))
    os.utime(root, (1, 1))


def move_folder_in(root: Path) -> None:
    write_tree(root.parent, {"folder/f/y": b"1"})
    outside(root, "folder").rename(root / "new")


def move_folder_out(root: Path) -> None:
    (root / "e").rename(outside(root, "gone"))


def make_folder(root: Path) -> None:
    (root / "n").mkdir()


def rename_folder(root: Path) -> None:
    (root / "e").rename(root / "f")


def hide_folder(root: Path) -> None:
    (root / "e").rename(root / ".e")


def remove_folder(root: Path) -> None:
    shutil.rmtree(root / "e")


def bad_name(root: Path) -> None:
    write_tree(root, {"d/back\\slash": b"1"})


def bad_folder(root: Path) -> None:
    write_tree(root, {"back\\slash/x": b"1"})


def dot_names(root: Path) -> None:
    write_tree(root, {"d/.hidden": b"1", ".hidden/x": b"1"})


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (write_half, [("d/a", BEGUN)]),
        (write_whole, [("d/a", BEGUN), ("d/a", COMPLETE)]),
        (rename_over, [("d/a", COMPLETE)]),
        (move_in_over, [("d/a", COMPLETE)]),
        (rename, [("d/a", BEGUN), ("d/c", COMPLETE)]),
        (move_out, [("d/a", BEGUN)]),
        (hide, [("d/a", BEGUN)]),
        (remove, [("d/a", BEGUN)]),
        (hard_link, [("d/c", BEGUN)]),
        (soft_link, [("d/c", BEGUN)]),
        (modes_and_times, [("d/a", LOOK)]),
        (times_of_a_folder, []),
        (move_folder_in, [("new", COMPLETE)]),
        (move_folder_out, [("e", BEGUN)]),
        (make_folder, [("n", BEGUN)]),
        (rename_folder, [("e", BEGUN), ("f", COMPLETE)]),
        (hide_folder, [("e", BEGUN)]),
        (remove_folder, [("e/x", BEGUN), ("e", BEGUN)]),
        (bad_name, [("d", LOOK)]),
        (bad_folder, [("", LOOK)]),
        (dot_names, []),
    ],
)
def test_hints(tmp_path: Path, move: Callable[[Path], None], expected: list[Told]) -> None:
    root = a_tree(tmp_path)

    async def go() -> None:
        async with watching(root) as it:
            move(root)
            await eventually(lambda: len(it.told) >= len(expected))
            assert await it.quiet() == expected

    run(go())
    while held:
        os.close(held.pop())


def test_our_own_reading_gives_no_hint(tmp_path: Path) -> None:
    root = a_tree(tmp_path)

    async def go() -> None:
        async with watching(root) as it:
            assert scan(root).troubles == ()
            assert await it.quiet() == []

    run(go())


def test_modes_and_times_after_closing_leave_the_trust(tmp_path: Path) -> None:
    root = a_tree(tmp_path)

    async def go() -> None:
        async with watching(root) as it:
            write_whole(root)
            modes_and_times(root)
            await it.quiet()
            assert it.told[-1] == ("d/a", LOOK)
            assert it.trusted == {"d/a"}

    run(go())


def test_a_replaced_file_that_is_closed_makes_nobody_trust_its_successor(tmp_path: Path) -> None:
    """Who still holds the old one writes to it and closes it, under the name that is another file's now."""
    root = a_tree(tmp_path)

    async def go() -> None:
        async with watching(root) as it:
            with (root / "d/a").open("ab", buffering=0) as old:
                (root / "d/a").unlink()
                with (root / "d/a").open("wb", buffering=0) as successor:
                    successor.write(b"half")
                    old.write(b"more")
                    old.close()
                    assert ("d/a", COMPLETE) not in await it.quiet()

    run(go())


def test_new_folders_are_watched_with_all_below(tmp_path: Path) -> None:
    root = a_tree(tmp_path)

    async def go() -> None:
        async with watching(root) as it:
            write_tree(root, {"n/o/p": None})
            await it.hears("n", LOOK)  # it had something in it when it was watched
            await it.hears_a_write("n/o/p/x")
            move_folder_in(root)
            await it.hears("new", COMPLETE)
            await it.hears_a_write("new/f/z")

    run(go())


def test_a_file_in_a_new_folder_is_hinted_at_by_itself_or_by_the_folder(tmp_path: Path) -> None:
    root = a_tree(tmp_path)

    async def go() -> None:
        async with watching(root) as it:
            for number in range(50):
                folder = root / f"n{number}"
                folder.mkdir()
                await asyncio.sleep(0)
                (folder / "x").write_bytes(b"1")
                await eventually(
                    lambda n=number: (f"n{n}", LOOK) in it.told or (f"n{n}/x", COMPLETE) in it.told  # type: ignore[misc]
                )

    run(go())


def test_a_folder_keeps_being_watched_under_its_new_name_only(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"e/f/x": b"1"})

    async def go() -> None:
        async with watching(root) as it:
            (root / "e").rename(root / "g")
            await it.hears("g", COMPLETE)
            await it.hears_a_write("g/f/y")
            (root / "g").rename(outside(root, "gone"))
            await it.hears("g", BEGUN)
            it.hints.clear()
            (outside(root, "gone") / "f/x").write_bytes(b"2")
            assert await it.quiet() == []
            write_tree(root, {"e/f": None})
            await it.hears("e", LOOK)
            await it.hears_a_write("e/f/z")

    run(go())


def test_a_writer_in_a_folder_that_was_moved_in_takes_the_trust_away(tmp_path: Path) -> None:
    root = a_tree(tmp_path)
    write_tree(tmp_path, {"folder/f/y": b"1"})

    async def go() -> None:
        async with watching(root) as it:
            with (tmp_path / "folder/f/y").open("wb", buffering=0) as slow:
                (tmp_path / "folder").rename(root / "new")
                await it.hears("new", COMPLETE)
                assert it.trusted == {"new"}
                slow.write(b"half")
                await it.hears("new/f/y", BEGUN)
                assert it.trusted == set()

    run(go())


def test_a_thousand_folders_that_come_and_go_leave_what_is_there(tmp_path: Path) -> None:
    root = a_tree(tmp_path)

    async def go() -> None:
        async with watching(root) as it:
            for number in range(1000):
                (root / f"n{number % 7}/m").mkdir(parents=True, exist_ok=True)
                if number % 3 == 0:
                    shutil.rmtree(root / f"n{number % 7}")
                elif number % 3 == 1:
                    shutil.rmtree(root / "moved", ignore_errors=True)
                    (root / f"n{number % 7}").rename(root / "moved")
                if number % 20 == 0:
                    await asyncio.sleep(0)
            await it.quiet()
            for folder in [place for place in root.rglob("*") if place.is_dir()]:
                await it.hears_a_write(str((folder / "later").relative_to(root)))

    run(go())


def test_a_folder_that_can_be_read_again_is_watched_again() -> None:
    with public_folder() as place, unprivileged():
        root = a_tree(place)
        (root / "d").chmod(0o000)

        async def go() -> None:
            async with watching(root) as it:
                assert it.watch.status.is_live
                (root / "d").chmod(0o755)
                await it.hears("d", LOOK)
                await it.hears_a_write("d/later")
                it.hints.clear()
                (root / "d").chmod(0o300)
                await it.hears("d", LOOK)
                (root / "d").chmod(0o755)

        run(go())


def test_a_root_may_be_a_link_or_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"real/d/a": b"1"})
    a_link(tmp_path / "root", "real")
    monkeypatch.chdir(tmp_path)

    async def go() -> None:
        async with watching(Path("root")) as it:
            await it.hears_a_write("d/a")

    run(go())


def test_starting_twice_keeps_the_watch(tmp_path: Path) -> None:
    root = a_tree(tmp_path)

    async def go() -> None:
        async with watching(root) as it:
            assert (await it.watch.start()).is_live
            write_whole(root)
            assert await it.quiet() == [("d/a", BEGUN), ("d/a", COMPLETE)]

    run(go())


def test_no_hint_comes_after_the_stop_and_nothing_stays_open(tmp_path: Path) -> None:
    root = a_tree(tmp_path)
    before = inotify_descriptors()

    async def go() -> None:
        it = Watched(root)
        await it.watch.start()
        assert inotify_descriptors() > before
        (root / "n").mkdir()
        write_whole(root)
        await it.watch.stop()
        await it.watch.stop()
        assert it.watch.status.reason == "it is not watched"
        assert inotify_descriptors() == before
        told = list(it.hints)
        async with watching(root) as other:
            write_whole(root)
            await other.quiet()
        assert it.hints == told
        assert (await it.watch.start()).is_live
        await it.hears_a_write("d/again")
        await it.watch.stop()

    run(go())


def test_a_stop_during_the_start_leaves_nothing_open(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {f"d{number}": None for number in range(300)})
    before = inotify_descriptors()

    async def go() -> None:
        for turns in range(12):
            watch = Watch(root, lambda hint: None)
            starting = asyncio.create_task(watch.start())
            for _ in range(turns):
                await asyncio.sleep(0)
            await watch.stop()
            starting.cancel()
            assert inotify_descriptors() == before

    run(go())
