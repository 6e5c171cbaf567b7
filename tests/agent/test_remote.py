from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sync_core.agent.remote import RemoteFolder
from sync_core.agent.views import Views
from sync_core.model.errors import FileTroubleError, RootVanishedError
from sync_core.model.observation import Observations
from sync_core.model.path import RelPath
from sync_core.tree.scan import scan
from tests.support.agents import DeafWatch, in_background
from tests.support.net import Lines, eventually, run
from tests.support.trees import a_link, write_tree


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
    save: Callable[[Observations], None] = lambda _: None,
    is_young: bool = False,
    **more: Any,
) -> RemoteFolder:
    """Return a remote folder whose files have settled, unless they are young."""
    known = scan(root).observations if root.exists() and not is_young else {}
    on_change = changes or Changes()
    return RemoteFolder(
        root, interval_s=interval_s, known=known, save=save, on_change=on_change, missed_again_s=0.02, **more
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
    return [entry.path for entry in views.of(None).files if entry.md5 is not None]


async def until_gone(remote: RemoteFolder) -> None:
    await eventually(lambda: remote.last_error is not None)
    with pytest.raises(RootVanishedError):
        await remote.views()


def test_an_atomic_edit_counts_at_once(tmp_path: Path) -> None:
    changes = Changes()
    saved: list[Observations] = []
    remote = a_remote(write_tree(tmp_path, {"_all/a": b"1"}), changes, save=saved.append)

    async def go() -> None:
        async with kept_in_view(remote):
            before = await remote.views()
            assert remote.is_newest(before)
            put(tmp_path, "_all/b", b"2")
            await until(remote, "a", "b")
            assert not remote.is_newest(before)
            await eventually(lambda: changes.count >= 1 and len(saved) >= 1)
            assert RelPath("_all/b") in saved[-1]
            assert remote.read("_all", RelPath("b")) == b"2"

    run(go())


def test_where_events_are_lost_the_periodic_scan_sees_all(tmp_path: Path) -> None:
    remote = a_remote(write_tree(tmp_path, {"_all/a": b"1"}), interval_s=0.02, watch=DeafWatch)

    async def go() -> None:
        async with kept_in_view(remote):
            await remote.views()
            (tmp_path / "_all" / "new").mkdir()
            await until_true(lambda views: len(views.of(None)) == 2, remote)

    with Lines.of("sync_core.agent.remote") as lines:
        run(go())
    assert [line for line in lines.messages("WARNING") if "can't be watched" in line] == [
        f"{tmp_path} can't be watched for events: changes are seen by the scan every 0.02 s"
    ]


def test_a_look_that_is_asked_for_needs_no_event(tmp_path: Path) -> None:
    remote = a_remote(write_tree(tmp_path, {"_all/a": b"1"}), watch=DeafWatch)

    async def go() -> None:
        async with kept_in_view(remote):
            await remote.views()
            (tmp_path / "_all" / "new").mkdir()
            remote.look_now()
            await until_true(lambda views: len(views.of(None)) == 2, remote)

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
    remote = RemoteFolder(root, interval_s=60, known={}, save=lambda _: None, on_change=lambda: None)

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
            held = {entry.path: entry.is_held_back for entry in views.of(None).files}
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


def test_a_digest_cache_that_cannot_be_saved_is_a_warning(tmp_path: Path) -> None:
    def save(_: Observations) -> None:
        raise FileTroubleError("no space left")

    remote = a_remote(write_tree(tmp_path, {"_all/a": b"1"}), save=save)

    async def go() -> None:
        async with kept_in_view(remote):
            await remote.views()
            for name in ("b", "c"):
                put(tmp_path, f"_all/{name}", b"2")
                await until(remote, *"abc"[: "abc".index(name) + 1])
            await eventually(lambda: bool(lines.messages("WARNING")))

    with Lines.of("sync_core.agent.remote") as lines:
        run(go())
    assert "no space left" in lines.messages("WARNING")[0]


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
