"""What a scan sees, and what it tells."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from sync_core.model.errors import FileTroubleError, RootVanishedError
from sync_core.model.manifest import Kind, md5_of
from sync_core.model.observation import Observation
from sync_core.model.path import RelPath
from sync_core.model.settle import manifest_of
from sync_core.tree.scan import scan
from tests.support.scans import LATE_NS, late, seen, troubles
from tests.support.trees import (
    TIME,
    a_job_tree,
    a_link,
    a_manifest,
    live_folder,
    public_folder,
    read_tree,
    unprivileged,
    write_tree,
)


def test_everything_is_seen(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1", "d/empty": None, "b": b"", "x.job.xml~": b"2"})
    result = scan(root)
    assert manifest_of(result) == a_manifest({"d/e/a": b"1", "d/empty": None, "b": b"", "x.job.xml~": b"2"})
    assert (result.troubles, result.links) == ((), frozenset())


def test_an_observation_says_what_the_file_is(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"123"})
    found = (root / "a").stat()
    assert scan(root, clock_ns=late).observations == {
        "a": Observation(
            kind=Kind.FILE,
            size_bytes=3,
            mtime_ns=TIME * 10**9,
            ctime_ns=found.st_ctime_ns,
            inode=found.st_ino,
            md5=md5_of(b"123"),
            hashed_at_ns=LATE_NS,
        )
    }


def test_dot_names_are_ignored_at_every_level(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path, {".a": b"1", ".d/x": b"1", "d/.b": b"1", "d/.jsync-0123456789abcdef~": b"1", "d/c": b""}
    )
    assert list(scan(root).observations) == ["d", "d/c"]
    assert scan(root).troubles == ()


def test_names_of_any_bytes(tmp_path: Path) -> None:
    names = ["ä", "\udce9", "a b", "tab\there", "line\nbreak", "\x7f", "'\"&<>"]
    root = write_tree(tmp_path, dict.fromkeys(names, b"1"))
    assert set(scan(root).observations) == set(names)


@pytest.mark.parametrize("name", ["back\\slash", "esc\x1b", "bell\a"])
@pytest.mark.parametrize("content", [b"1", None])
def test_names_that_cannot_travel_are_told_and_skipped(tmp_path: Path, name: str, content: bytes | None) -> None:
    root = write_tree(tmp_path, {name: content, "b": b"1"})
    result = scan(root)
    assert list(result.observations) == ["b"]
    assert list(troubles(result)) == [name]
    assert repr(name) in troubles(result)[name]


def test_what_is_neither_file_nor_folder_is_told_and_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # socket names are short
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        a_link(tmp_path / "link", "fifo")
        result = scan(tmp_path)
    assert result.observations == {}
    assert troubles(result) == dict.fromkeys(["fifo", "link", "socket"], "it is neither a file nor a folder")


def test_what_cannot_be_read_is_told_and_still_there() -> None:
    with public_folder() as root:
        write_tree(root, {"a": b"1", "d/x": b"1", "e/y": b"1"})
        (root / "a").chmod(0)
        (root / "d").chmod(0)
        with unprivileged():
            result = scan(root, clock_ns=late)
        (root / "d").chmod(0o700)
        found = (root / "a").stat()
    assert seen(result) == {"a": "!", "d": "!", "e": None, "e/y": md5_of(b"1")}
    assert result.observations[RelPath("d")].kind is Kind.DIRECTORY
    assert result.observations[RelPath("a")].inode == found.st_ino
    assert troubles(result) == dict.fromkeys(["a", "d"], "Permission denied")


def test_a_root_that_does_not_exist_is_no_empty_tree(tmp_path: Path) -> None:
    for missing in (tmp_path / "none", tmp_path / "none/at/all"):
        with pytest.raises(RootVanishedError, match="does not exist"):
            scan(missing)
    write_tree(tmp_path, {"file": b""})
    with pytest.raises(RootVanishedError):
        scan(tmp_path / "file" / "below")


def test_a_root_must_be_a_folder(tmp_path: Path) -> None:
    write_tree(tmp_path, {"file": b""})
    with pytest.raises(FileTroubleError, match="not a folder"):
        scan(tmp_path / "file")


def test_a_root_must_be_readable() -> None:
    with public_folder() as above:
        root = write_tree(above / "root", {})
        root.chmod(0)
        with unprivileged(), pytest.raises(FileTroubleError, match="can't be read: Permission denied"):
            scan(root)
        root.chmod(0o700)


def check_against_disk(root: Path) -> None:
    on_disk = read_tree(root)
    result = scan(root)
    assert result.troubles == ()
    assert seen(result) == {path: None if what is None else md5_of(what) for path, what in on_disk.items()}


def test_a_generated_configuration_folder(tmp_path: Path) -> None:
    check_against_disk(write_tree(tmp_path, a_job_tree()))


def test_a_real_configuration_folder() -> None:
    check_against_disk(live_folder())
