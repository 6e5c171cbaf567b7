from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sync_core.agent.remote import RemoteFolder
from sync_core.agent.views import Views
from sync_core.model.errors import FileTroubleError, RootVanishedError
from sync_core.model.file import File, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, get, walk
from sync_core.model.path import RelPath
from sync_core.tree.scan import scan
from tests.support.agents import DeafWatch, in_background
from tests.support.digests import MemoryDigests
from tests.support.disk import a_link, write_tree
from tests.support.net import Lines, eventually, run


class Changes:
    """Counts how often the view changed."""

    def __init__(self) -> None:
        self.count = 0
        self.error: Exception | None = None

    def __call__(self) -> None:
        self.count += 1
        if self.error is not None:
            raise self.error


def a_remote(
    root: Path,
    changes: Changes | None = None,
    *,
    interval_s: float = 60.0,
    digests: MemoryDigests | None = None,
    is_young: bool = False,
    **more: Any,
) -> RemoteFolder:
    """Return a remote folder whose files have settled, unless they are young."""
    known = scan(root).root if root.exists() and not is_young else EMPTY_FOLDER
    return RemoteFolder(
        root,
        interval_s=interval_s,
        digests=digests or MemoryDigests(known),
        on_change=changes or Changes(),
        missed_again_s=0.02,
        **more,
    )


@asynccontextmanager
async def kept_in_view(remote: RemoteFolder) -> AsyncIterator[RemoteFolder]:
    async with in_background(remote.run()):
        yield remote


def put(root: Path, path: str, content: bytes) -> None:
    """Write as careful programs do: the rename is trusted at once."""
    temporary = root / f".{time.monotonic_ns()}.new"
    temporary.write_bytes(content)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(root / path)


async def paths(remote: RemoteFolder) -> list[str]:
    return _paths_of(await remote.views())


async def until(remote: RemoteFolder, *expected: str) -> None:
    await until_true(lambda views: _paths_of(views) == list(expected), remote)


async def until_true(is_true: Callable[[Views], bool], remote: RemoteFolder) -> None:
    while not is_true(await remote.views()):  # noqa: ASYNC110 - a folder has no event for that
        await asyncio.sleep(0.005)


def _paths_of(views: Views) -> list[str]:
    return [path for path, entry in walk(views.of(None)) if isinstance(entry, File) and not entry.is_unknown]


async def until_gone(remote: RemoteFolder) -> None:
    await eventually(lambda: remote.last_error is not None)
    with pytest.raises(RootVanishedError):
        await remote.views()


def test_an_atomic_edit_counts_at_once(tmp_path: Path) -> None:
    changes = Changes()
    write_tree(tmp_path, {"_all/a": b"1"})
    digests = MemoryDigests(scan(tmp_path).root)
    remote = a_remote(tmp_path, changes, digests=digests)

    async def go() -> None:
        async with kept_in_view(remote):
            await remote.views()
            put(tmp_path, "_all/b", b"2")
            await until(remote, "a", "b")
            # What is new is kept, and told, each a moment later than it is in the views.
            await eventually(lambda: any(get(tree, RelPath("_all/b")) is not None for tree in digests.kept))
            await eventually(lambda: changes.count >= 1)
            assert remote.read("_all", RelPath("b")) == b"2"

    run(go())


def test_where_events_are_lost_the_periodic_scan_sees_all(tmp_path: Path) -> None:
    remote = a_remote(write_tree(tmp_path, {"_all/a": b"1"}), interval_s=0.02, watch=DeafWatch)

    async def go() -> None:
        async with kept_in_view(remote):
            await remote.views()
            (tmp_path / "_all" / "new").mkdir()
            await until_true(lambda views: views.of(None).totals.folders == 1, remote)

    run(go())


def test_a_look_that_is_asked_for_needs_no_event(tmp_path: Path) -> None:
    remote = a_remote(write_tree(tmp_path, {"_all/a": b"1"}), watch=DeafWatch)

    async def go() -> None:
        async with kept_in_view(remote):
            await remote.views()
            (tmp_path / "_all" / "new").mkdir()
            remote.look_now()
            await until_true(lambda views: views.of(None).totals.folders == 1, remote)

    run(go())


def test_a_folder_that_vanishes_is_an_error_until_it_is_back(tmp_path: Path) -> None:
    root, away, changes = tmp_path / "remote", tmp_path / "away", Changes()
    remote = a_remote(write_tree(root, {"_all/a": b"1"}), changes)

    async def go() -> None:
        async with kept_in_view(remote):
            await until(remote, "a")
            for _ in range(2):
                before = changes.count
                root.rename(away)
                remote.look_now()
                await until_gone(remote)
                assert changes.count == before + 1
                away.rename(root)
                await eventually(lambda: remote.last_error is None)
                await eventually(lambda b=before: changes.count > b + 1)  # type: ignore[misc]
                assert await paths(remote) == ["a"]
            put(root, "_all/b", b"2")  # the watch is true again
            await until(remote, "a", "b")

    with Lines.of("sync_core.agent.remote") as lines:
        run(go())
    errors = lines.messages("ERROR")
    assert len(errors) == 2
    assert all(line.startswith("SCHEDULER-882  ") and line.endswith("slaves keep what they have") for line in errors)


def test_a_folder_that_is_missing_at_the_start_is_watched_when_it_appears(tmp_path: Path) -> None:
    root = tmp_path / "remote"
    remote = a_remote(root)

    async def go() -> None:
        async with kept_in_view(remote):
            await until_gone(remote)
            (root / "_all").mkdir(parents=True)
            await eventually(lambda: remote.last_error is None)
            put(root, "_all/b", b"2")
            await until(remote, "b")

    run(go())


def test_a_file_in_the_folders_place_is_not_an_empty_folder(tmp_path: Path) -> None:
    root = tmp_path / "remote"
    root.write_bytes(b"")
    remote = a_remote(root, is_young=True)

    async def go() -> None:
        async with kept_in_view(remote):
            await until_gone(remote)

    run(go())


def test_young_files_settle_before_anybody_is_answered_but_not_for_ever(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"_all/young": b"1", "_all/restless": b"1"})
    remote = a_remote(root, is_young=True)

    async def scribble() -> None:
        number = 0
        while True:
            number += 1
            os.utime(root / "_all" / "restless", ns=(number, number))
            await asyncio.sleep(0.05)

    async def go() -> None:
        async with in_background(scribble()), kept_in_view(remote):
            views = await remote.views()
            held = {path: entry.is_held_back for path, entry in walk(views.of(None)) if isinstance(entry, File)}
            assert held == {"young": False, "restless": True}

    run(go())


def test_what_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"_all/a": b"1"})
    a_link(root / "_all" / "out", "/etc/passwd")
    remote = a_remote(root)

    async def go() -> None:
        async with kept_in_view(remote):
            await until(remote, "a")
            put(root, "_all/b", b"2")
            await until(remote, "a", "b")

    with Lines.of("sync_core.agent.remote") as lines:
        run(go())
    assert sum("_all/out is left out" in line for line in lines.messages("WARNING")) == 1


def test_an_error_that_nobody_foresaw_never_ends_the_watching_in_silence(tmp_path: Path) -> None:
    changes = Changes()
    changes.error = RuntimeError("a bug")
    remote = a_remote(write_tree(tmp_path, {"_all/a": b"1"}), changes)

    async def go() -> None:
        with pytest.raises(RuntimeError, match="a bug"):
            await remote.run()

    run(go())


def test_files_beside_the_folders_are_nobodys(tmp_path: Path) -> None:
    remote = a_remote(write_tree(tmp_path, {"_all/a": b"1", "readme": b"x"}))

    async def go() -> None:
        async with kept_in_view(remote):
            assert await paths(remote) == ["a"]
            with pytest.raises(FileTroubleError):
                remote.read("_all", RelPath("readme"))

    run(go())


def test_what_happened_before_anybody_watched_is_seen_by_the_first_look(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1", "_all/b": b"2"})
    digests = MemoryDigests(scan(tmp_path).root)
    (tmp_path / "_all" / "b").unlink()
    put(tmp_path, "_all/c", b"3")
    remote = a_remote(tmp_path, digests=digests)

    async def go() -> None:
        async with kept_in_view(remote):
            await until(remote, "a", "c")
            (tree,) = {id(tree): tree for tree in digests.kept[-1:]}.values()
            assert [path for path, _ in walk(tree)] == ["_all", "_all/a", "_all/c"]

    run(go())


def test_a_half_written_file_is_never_in_a_view(tmp_path: Path) -> None:
    """Also where another file was moved out of the tree just before: its move has no other half to wait for."""
    root, out = write_tree(tmp_path / "remote", {"_all/f": b"old", "_all/other": b"x"}), tmp_path / "out"
    remote = a_remote(root)
    whole = b"0123456789" * 10_000
    offered: set[bytes] = set()

    async def watch_views() -> None:
        while True:
            entry = get((await remote.views()).of(None), RelPath("f"))
            assert isinstance(entry, File)
            if not entry.is_held_back:
                assert entry.sha256 is not None
                offered.add(entry.sha256)
            await asyncio.sleep(0)

    async def go() -> None:
        async with kept_in_view(remote), in_background(watch_views()):
            await remote.views()
            file = root / "_all" / "f"
            for number in range(5):
                first = b"first %d" % number
                file.write_bytes(first)  # closed, so it is trusted
                await until_true(lambda views, now=first: _is_offered(views, "f", now), remote)  # type: ignore[misc]
                put(root, "_all/other", b"x")
                await until_true(lambda views: _is_offered(views, "other", b"x"), remote)
                (root / "_all" / "other").rename(out)
                with file.open("wb") as half:
                    half.write(whole[: len(whole) // 2])
                    half.flush()
                    # A look that began after this has seen half of it.
                    remote.look_now()
                    put(root, "_all/seen", b"%d" % number)
                    await until_true(lambda views, n=number: _is_offered(views, "seen", b"%d" % n), remote)  # type: ignore[misc]
                    half.write(whole[len(whole) // 2 :])
                await until_true(lambda views: _is_offered(views, "f", whole), remote)
            await eventually(lambda: sha256_of(whole) in offered)
        expected = {b"old", whole, *(b"first %d" % number for number in range(5))}
        assert offered <= {sha256_of(content) for content in expected}

    run(go())


def _is_offered(views: Views, path: str, content: bytes) -> bool:
    entry = get(views.of(None), RelPath(path))
    return isinstance(entry, File) and not entry.is_held_back and entry.sha256 == sha256_of(content)


def test_what_goes_in_one_burst_goes_from_the_views_at_once(tmp_path: Path) -> None:
    """So that `max_delete` sees all of an `rm -rf` and not its first part."""
    root = write_tree(tmp_path, {f"_all/d{n % 20}/f{n}": b"1" for n in range(2000)} | {"_all/kept": b"k"})
    remote = a_remote(root)
    counts: set[int] = set()

    async def watch_views() -> None:
        while True:
            counts.add((await remote.views()).of(None).totals.files)
            await asyncio.sleep(0)

    async def go() -> None:
        async with kept_in_view(remote), in_background(watch_views()):
            await remote.views()
            for n in range(20):  # some of it is seen to be gone while the rest is still there
                await asyncio.to_thread(shutil.rmtree, root / "_all" / f"d{n}")
                remote.look_now()
            await until(remote, "kept")
            await eventually(lambda: 1 in counts)
        assert counts == {2001, 1}

    run(go())
