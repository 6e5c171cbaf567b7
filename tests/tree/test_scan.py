"""What a scan sees, and what it tells."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from sync_core.model.errors import FileTroubleError, RootVanishedError
from sync_core.model.file import File, Stamp, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Folder, get
from sync_core.model.path import RelPath
from sync_core.tree.scan import scan
from tests.support.disk import (
    TIME,
    a_job_tree,
    a_link,
    live_folder,
    public_folder,
    read_tree,
    unprivileged,
    write_tree,
)
from tests.support.scans import LATE_NS, file_at, late, seen, troubles


def test_everything_is_seen_in_the_order_of_bytes(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path, {"d/e/a": b"1", "d.x": b"", "d/empty": None, "b": b"", "x.job.xml~": b"2", "ä": b"", "\udcff": b""}
    )
    result = scan(root)
    nothing, one, two = md5_of(b""), md5_of(b"1"), md5_of(b"2")
    assert list(seen(result).items()) == [
        ("b", nothing),
        ("d", None),
        ("d/e", None),
        ("d/e/a", one),
        ("d/empty", None),
        ("d.x", nothing),
        ("x.job.xml~", two),
        ("ä", nothing),
        ("\udcff", nothing),
    ]
    assert (result.troubles, result.links) == ((), frozenset())


def test_a_file_is_all_that_can_be_known_of_it(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"123"})
    (root / "a").chmod(0o4751)
    found = (root / "a").stat()
    file = scan(root, clock_ns=late).root.children["a"]
    assert file == File(md5=md5_of(b"123"), sha256=sha256_of(b"123"), size_bytes=3, last_write_time=TIME, mode=0o751)
    assert isinstance(file, File)
    assert file.stamp == Stamp(TIME * 10**9, found.st_ctime_ns, found.st_ino, LATE_NS)


def test_a_time_before_the_epoch_is_the_epoch(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b""}, time=-5)
    assert file_at(scan(root).root, "a").last_write_time == 0


def test_big_files_are_read_by_threads_and_all_the_same(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    tree = {f"{folder}/{n}": content + bytes([n]) for folder in "ab" for n in range(10)}
    root = write_tree(tmp_path, tree)
    result = scan(root, clock_ns=late)
    for path, what in tree.items():
        file = file_at(result.root, path)
        assert (file.md5, file.sha256, file.size_bytes) == (md5_of(what), sha256_of(what), len(what))
    assert scan(root, known=result.root).root is result.root


def test_an_empty_folder_is_an_empty_tree(tmp_path: Path) -> None:
    assert scan(tmp_path).root == EMPTY_FOLDER


def test_dot_names_are_ignored_at_every_level(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path, {".a": b"1", ".d/x": b"1", "d/.b": b"1", "d/.jsync-0123456789abcdef~": b"1", "d/c": b""}
    )
    assert list(seen(scan(root))) == ["d", "d/c"]
    assert scan(root).troubles == ()


def test_names_of_any_bytes(tmp_path: Path) -> None:
    names = ["ä", "\udce9", "a b", "tab\there", "line\nbreak", "\x7f", "'\"&<>"]
    root = write_tree(tmp_path, dict.fromkeys(names, b"1"))
    assert set(seen(scan(root))) == set(names)


@pytest.mark.parametrize("name", ["back\\slash", "esc\x1b", "bell\a"])
@pytest.mark.parametrize("content", [b"1", None])
def test_names_that_cannot_travel_are_told_and_skipped(tmp_path: Path, name: str, content: bytes | None) -> None:
    root = write_tree(tmp_path, {name: content, "b": b"1"})
    result = scan(root)
    assert list(seen(result)) == ["b"]
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
    assert seen(result) == {}
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
    assert get(result.root, RelPath("d")) == Folder(is_unreadable=True)
    file = file_at(result.root, "a")
    assert (file.md5, file.size_bytes) == (None, 1)
    assert file.stamp is not None
    assert file.stamp.inode == found.st_ino
    assert troubles(result) == dict.fromkeys(["a", "d"], "Permission denied")


def test_what_still_cannot_be_read_is_the_very_same() -> None:
    with public_folder() as root:
        write_tree(root, {"a": b"1", "d/x": b"1", "big": bytes(1 << 20)})
        for name in ("a", "big", "d"):
            (root / name).chmod(0)
        a_link(root / "out", "/etc")
        with unprivileged():
            first = scan(root)
            second = scan(root, known=first.root)
        (root / "d").chmod(0o700)
    assert seen(first) == dict.fromkeys(["a", "big", "d", "out"], "!")
    assert second == first
    assert all(second.root.children[name] is first.root.children[name] for name in ("a", "d", "out"))


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
