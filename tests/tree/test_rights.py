"""Who may do what with what an update writes: permissions, owner and group."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sync_core.model.change import WriteFile
from sync_core.model.errors import FileTroubleError
from sync_core.model.folder import EMPTY_FOLDER, get
from sync_core.model.path import RelPath
from sync_core.tree.apply import Applied, Update
from sync_core.tree.rights import NO_RIGHTS, Rights
from sync_core.tree.update import Step
from tests.support.disk import public_folder, unprivileged, write_tree
from tests.support.disks import OddDisk
from tests.support.updates import ANY, adjust, apply, give, listed, make, planned, remove, write

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")

OWNER, GROUP = 4711, 4712


def run(root: Path, *steps: Step, rights: Rights, piece_bytes: int | None = None) -> Applied:
    before = listed(root) if root.exists() else EMPTY_FOLDER
    with Update(root, steps, before=before, max_delete=ANY, rights=rights) as update:
        for step in steps:
            if isinstance(step, WriteFile):
                update.write(step.path, step.content)
        give(update, steps, {step.path: b"new" for step in steps}, piece_bytes=piece_bytes)
        return update.show()


def looks(place: Path) -> tuple[int, int, int]:
    found = place.stat()
    return found.st_mode & 0o7777, found.st_uid, found.st_gid


@as_root
@pytest.mark.parametrize("piece_bytes", [None, 2])
@pytest.mark.parametrize("mode", [None, 0o600])
def test_a_file_that_is_replaced_keeps_its_owner(tmp_path: Path, piece_bytes: int | None, mode: int | None) -> None:
    root = write_tree(tmp_path, {"a": b"old"})
    (root / "a").chmod(0o640)
    os.chown(root / "a", OWNER, GROUP)
    run(root, planned("a", mode=mode), planned("new", mode=mode), rights=NO_RIGHTS, piece_bytes=piece_bytes)
    assert looks(root / "a") == (mode or 0o640, OWNER, GROUP)
    assert looks(root / "new")[1:] == (os.geteuid(), os.getegid())


@as_root
def test_what_comes_from_a_classic_master_keeps_its_owner_too(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"old"})
    os.chown(root / "a", OWNER, GROUP)
    apply(root, write("a"))
    assert looks(root / "a") == (0o644, OWNER, GROUP)


@as_root
def test_what_takes_the_place_of_another_kind_is_new(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": None})
    os.chown(root / "a", OWNER, GROUP)
    run(root, remove("a"), planned("a"), rights=NO_RIGHTS)
    assert looks(root / "a")[1:] == (os.geteuid(), os.getegid())


@pytest.mark.parametrize("piece_bytes", [None, 2])
def test_a_file_mode_overrules_all_others(tmp_path: Path, piece_bytes: int | None) -> None:
    root = write_tree(tmp_path, {"a": b"old", "b": b"same"})
    steps = (planned("a", mode=0o755), adjust("b", mode=0o755), planned("n", mode=None), write("w"))
    applied = run(root, *steps, rights=Rights(file_mode=0o640), piece_bytes=piece_bytes)
    for name in ("a", "b", "n", "w"):
        assert looks(root / name)[0] == 0o640
        entry = get(applied.tree, RelPath(name))
        assert entry == listed(root).children[name]


def test_folders_that_are_made_get_their_mode_and_no_others(tmp_path: Path) -> None:
    root = tmp_path / "root"
    run(root, make("d"), planned("d/a"), rights=Rights(dir_mode=0o750))
    (root / "d").chmod(0o755)
    run(root, make("d"), make("d/e"), remove("d/a"), make("d/a"), rights=Rights(dir_mode=0o700))
    assert [looks(root / name)[0] for name in ("", "d", "d/e", "d/a")] == [0o750, 0o755, 0o700, 0o700]


def test_a_folder_is_nobody_elses_before_it_has_its_mode(tmp_path: Path) -> None:
    seen: list[int] = []
    disk = OddDisk(fsync=lambda fd: seen.append(os.fstat(fd).st_mode & 0o777))
    with Update(
        tmp_path, [make("d")], before=listed(tmp_path), max_delete=ANY, rights=Rights(dir_mode=0o710), disk=disk
    ) as update:
        update.show()
    assert 0o710 in seen  # it is on the disk with it


@as_root
def test_everything_that_is_written_or_made_gets_its_owner(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"old": b"old"})
    steps = (make("d"), planned("d/a", mode=0o4755), planned("old", mode=0o644))
    run(root, *steps, rights=Rights(file_mode=0o640, dir_mode=0o750, uid=OWNER, gid=GROUP))
    assert looks(root / "d") == (0o750, OWNER, GROUP)
    assert looks(root / "d/a") == looks(root / "old") == (0o640, OWNER, GROUP)


@as_root
def test_a_group_alone_leaves_the_owner(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"old": b"old"})
    os.chown(root / "old", OWNER, OWNER)
    run(root, planned("old"), rights=Rights(gid=GROUP))
    assert looks(root / "old")[1:] == (OWNER, GROUP)


@as_root
def test_who_may_not_give_files_away_keeps_them_or_says_so() -> None:
    with public_folder() as root:
        write_tree(root, {"a": b"old"})
        root.chmod(0o777)
        (root / "a").chmod(0o644)
        with unprivileged():
            run(root, planned("a"), rights=NO_RIGHTS)
            assert (root / "a").read_bytes() == b"new"
            with pytest.raises(FileTroubleError, match="'a' can't be updated: Operation not permitted"):
                run(root, planned("a"), rights=Rights(uid=OWNER))
            with pytest.raises(FileTroubleError, match="'d' can't be updated: Operation not permitted"):
                run(root, make("d"), rights=Rights(uid=OWNER))
        assert [place.name for place in root.iterdir()] == ["a"]
