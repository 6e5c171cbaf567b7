"""What a power failure leaves of an update: every file old or new at any moment, and all of it once it is done."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_core.tree.apply import Update
from sync_core.tree.disk import FEW_FILES
from tests.support.disk import TIME, Tree, some_trees, write_tree
from tests.support.disks import ForgetfulDisk, OnDisk, assert_untorn
from tests.support.updates import ANY, content_tree, give, listed, steps_between

OLD: Tree = {
    "same": b"1",
    "adjusted": b"1",
    "changed": b"old",
    "gone": b"1",
    "d/changed": b"old",
    "d/gone": b"1",
    "becomes a file/x/y": b"1",
    "becomes a folder": b"1",
    "f/g/all gone": b"1",
}
NEW: Tree = {
    "same": b"1",
    "adjusted": b"1",
    "changed": b"new",
    "new": b"",
    "d": None,
    "d/changed": b"new",
    "becomes a file": b"2",
    "becomes a folder": None,
    "becomes a folder/z": None,
    "becomes a folder/z/w": b"2",
    "n": None,
    "n/m": None,
    "n/m/new": b"2",
}
MANY: Tree = {f"many/{n}": b"%d" % n for n in range(FEW_FILES + 1)}
MANY_FOLDERS: Tree = {f"{n}/of many": None for n in range(FEW_FILES + 1)}


def run(root: Path, old: Tree, new: Tree, *, can_sync_all: bool, piece_bytes: int | None = None) -> ForgetfulDisk:
    """Update ``old`` to ``new``; look at every crash on the way, and at the end."""
    write_tree(root, old)
    before = listed(root)
    wanted = content_tree(new, time=TIME + 1)
    steps = tuple(steps_between(before, wanted))
    with ForgetfulDisk(root, can_sync_all=can_sync_all) as disk:
        old_found = disk.safe()
        with Update(root, steps, before=before, max_delete=ANY, disk=disk) as update:
            give(update, steps, new, piece_bytes=piece_bytes)
            applied = update.show()
        new_found = {path: _found(content) for path, content in new.items()} | {path: None for path in folders_of(new)}
        for crash in disk.crashes:
            assert_untorn(crash, old_found, new_found)
        assert disk.safe() == new_found, "the update is done, and not all of it is on the disk"
    assert applied.tree == wanted
    return disk


def _found(content: bytes | None) -> OnDisk | None:
    return None if content is None else OnDisk(content, 0o644, TIME + 1)


def folders_of(tree: Tree) -> set[str]:
    return {"/".join(path.split("/")[:n]) for path in tree for n in range(1, path.count("/") + 1)}


@pytest.mark.parametrize("piece_bytes", [None, 1])
@pytest.mark.parametrize("can_sync_all", [True, False])
@pytest.mark.parametrize("more", [{}, MANY, MANY_FOLDERS])
def test_no_crash_tears_a_file_and_none_loses_what_is_done(
    tmp_path: Path, more: Tree, can_sync_all: bool, piece_bytes: int | None
) -> None:
    disk = run(tmp_path, OLD, {**NEW, **more}, can_sync_all=can_sync_all, piece_bytes=piece_bytes)
    assert len(disk.crashes) > 30
    assert bool(disk.syncs["all"]) == (can_sync_all and bool(more)), "few files are synced one by one, many at once"


def test_many_files_are_synced_at_once_and_so_are_their_folders(tmp_path: Path) -> None:
    disk = run(tmp_path, {}, {**MANY, **{f"other/{n}/x": b"" for n in range(FEW_FILES)}}, can_sync_all=True)
    assert disk.syncs == {"one": 0, "all": 2}


@pytest.mark.parametrize("can_sync_all", [True, False])
def test_many_adjusted_files_are_on_the_disk_too(tmp_path: Path, can_sync_all: bool) -> None:
    disk = run(tmp_path, MANY, MANY, can_sync_all=can_sync_all)
    assert disk.syncs == ({"one": 0, "all": 1} if can_sync_all else {"one": len(MANY), "all": 0})


@given(some_trees(max_size=20), some_trees(max_size=20), st.booleans(), st.sampled_from([None, 1]))
@settings(max_examples=60)
def test_whatever_changes(old: Tree, new: Tree, can_sync_all: bool, piece_bytes: int | None) -> None:
    with TemporaryDirectory() as root:
        run(Path(root), old, new, can_sync_all=can_sync_all, piece_bytes=piece_bytes)
