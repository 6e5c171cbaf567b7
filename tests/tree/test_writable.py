from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sync_core.model.path import ROOT, RelPath
from sync_core.tree.disk import LOCAL_DISK
from sync_core.tree.writable import open_writable
from tests.support.disk import write_tree
from tests.support.disks import OddDisk


def test_only_the_way_to_the_folder_in_use_stays_open(tmp_path: Path) -> None:
    write_tree(tmp_path, {f"{a}/{b}/x": b"" for a in "abc" for b in "abc"})
    before = open_descriptors()
    with open_writable(tmp_path, LOCAL_DISK) as tree:
        for path in ("a/a", "a/b", "b/c", "b", "c/a", ""):
            assert os.fstat(tree.at(RelPath(path))).st_ino == (tmp_path / path).stat().st_ino
            assert open_descriptors() <= before + 3
        above, inner = tree.both(RelPath("a"), RelPath("a/b"))
        assert os.fstat(above).st_ino == (tmp_path / "a").stat().st_ino
        assert tree.both(ROOT, RelPath("a/b")) == (tree.fd, inner)
    assert open_descriptors() == before


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_new_root_is_on_the_disk(tmp_path: Path) -> None:
    synced: list[int] = []
    with open_writable(tmp_path / "root", OddDisk(fsync=lambda fd: synced.append(os.fstat(fd).st_ino))):
        assert synced == [tmp_path.stat().st_ino]


_ON_TWO_DISKS = """
import os, pathlib, sys
from sync_core.model.folder import EMPTY_FOLDER
from tests.support.disks import OddDisk
from tests.support.updates import ANY, apply_changes, write

root, single, whole = pathlib.Path(sys.argv[1]), [], []
disk = OddDisk(fsync=lambda fd: single.append(os.fstat(fd).st_dev), sync_all=lambda fd: whole.append(fd))
changes = [write(f"{name}{n}") for name in ("a", "mounted/b", "z") for n in range(9)]
apply_changes(root, changes, before=EMPTY_FOLDER, max_delete=ANY, disk=disk)
inner = os.stat(root / "mounted").st_dev
print(inner != os.stat(root).st_dev, single.count(inner) >= 10, len(whole) >= 1)
"""


def test_what_is_mounted_inside_is_synced_too(tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    mount = f'mount -t tmpfs none "{tmp_path}/mounted" && exec "{sys.executable}" -c "$0" "{tmp_path}"'
    run = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, _ON_TWO_DISKS],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode and "Error" not in run.stderr:
        pytest.skip(f"nothing can be mounted here: {run.stderr}")
    assert run.stdout == "True True True\n", run.stderr
