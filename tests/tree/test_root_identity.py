from __future__ import annotations

import os
from pathlib import Path

import pytest

from sync_core.tree import root_identity
from sync_core.tree.root_identity import identify, place_of


def test_a_folder_is_found_with_its_mount_and_its_place_on_the_disk(tmp_path: Path) -> None:
    here = identify(tmp_path)
    assert (here.path, here.real, here.device) == (str(tmp_path), os.path.realpath(tmp_path), tmp_path.stat().st_dev)
    assert here.kind
    assert here.inside.endswith(tmp_path.name)
    assert place_of(tmp_path) == place_of(tmp_path)
    assert identify(Path("/proc/self/net")).kind == "proc"


def test_what_is_missing_lies_where_it_would_be_made(tmp_path: Path) -> None:
    gone = tmp_path / "a" / "b"
    assert place_of(gone) == place_of(tmp_path)
    there = identify(tmp_path)
    assert (identify(gone).inside, identify(gone).fsid) == (f"{there.inside}/a/b", there.fsid)


def test_a_link_means_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "current").symlink_to("release")
    found = identify(tmp_path / "current")
    assert (found.path, found.real) == (str(tmp_path / "current"), os.path.realpath(tmp_path / "release"))


def test_the_uuid_is_what_udev_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_identity, "_UDEV", tmp_path)
    assert identify(tmp_path).uuid == ""
    device = tmp_path.stat().st_dev
    record = tmp_path / f"b{os.major(device)}:{os.minor(device)}"
    record.write_text("S:disk/by-uuid/x\nE:ID_FS_UUID=2f1c\nE:ID_FS_TYPE=ext4\n")
    assert identify(tmp_path).uuid == "2f1c"


def test_names_are_decoded_as_the_kernel_writes_them() -> None:
    assert root_identity._plain(r"/srv/a\040b\134c") == "/srv/a b\\c"
