from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sync_core.model.errors import FileTroubleError, RootVanishedError
from sync_core.model.path import RelPath
from sync_core.tree.content import OpenContent, content_reader, read_content
from tests.support.disk import a_link, public_folder, unprivileged, write_tree


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    root = write_tree(tmp_path, {"d/e/a": content, "empty": b""})
    assert read_content(root, RelPath("d/e/a"), max_bytes=len(content)) == content
    assert read_content(root, RelPath("empty"), max_bytes=0) == b""


def test_a_file_that_is_too_big_is_refused(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"123"})
    with pytest.raises(FileTroubleError, match="'a' is bigger than 2 bytes"):
        read_content(root, RelPath("a"), max_bytes=2)


def test_links_are_followed_inside_the_root_only(tmp_path: Path) -> None:
    remote = write_tree(tmp_path / "remote", {"_all/f/x": b"1", "own/z": b"2"})
    write_tree(tmp_path, {"secret": b"3"})
    a_link(remote / "own/x", "../_all/f/x")
    a_link(remote / "own/f", "../_all/f")
    a_link(remote / "own/out", "../../secret")
    a_link(remote / "own/none", "none at all")
    for path in ("x", "f/x"):
        assert read_content(remote, RelPath(f"own/{path}"), max_bytes=9) == b"1"
        with pytest.raises(FileTroubleError, match="leads out"):
            read_content(remote / "own", RelPath(path), max_bytes=9)
    with pytest.raises(FileTroubleError, match="'own/out' can't be read: the link leads out"):
        read_content(remote, RelPath("own/out"), max_bytes=9)
    with pytest.raises(FileTroubleError, match="leads nowhere"):
        read_content(remote, RelPath("own/none"), max_bytes=9)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/a": b"1"})
    os.mkfifo(root / "fifo")
    for path in ("d", "fifo"):
        with pytest.raises(FileTroubleError, match=f"'{path}' is not a file"):
            read_content(root, RelPath(path), max_bytes=9)
    for path in ("none", "d/a/below", "none/at/all"):
        with pytest.raises(FileTroubleError, match="can't be read"):
            read_content(root, RelPath(path), max_bytes=9)


def test_a_file_that_must_not_be_read_is_an_error() -> None:
    with public_folder() as root:
        write_tree(root, {"a": b"1"})
        (root / "a").chmod(0)
        with unprivileged(), pytest.raises(FileTroubleError, match="'a' can't be read: Permission denied"):
            read_content(root, RelPath("a"), max_bytes=9)


def test_a_root_that_vanished_is_said_to_have(tmp_path: Path) -> None:
    with pytest.raises(RootVanishedError):
        read_content(tmp_path / "none", RelPath("a"), max_bytes=9)


@contextmanager
def open_content(root: Path, path: RelPath) -> Iterator[OpenContent]:
    with content_reader(root) as reader, reader.open(path) as opened:
        yield opened


def test_pieces_may_be_read_in_any_order(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40
    root = write_tree(tmp_path, {"d/a": content})
    with open_content(root, RelPath("d/a")) as opened:
        assert (opened.path, opened.size_bytes) == ("d/a", len(content))
        for offset in (4096, 0, 8192, 4096):
            assert opened.piece(offset, 4096) == content[offset : offset + 4096]
        assert opened.piece(len(content), 1) == b""


def test_what_is_open_stays_what_it_was(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"old", "b": b"new"})
    with open_content(root, RelPath("a")) as opened:
        (root / "b").rename(root / "a")
        assert opened.piece(0, 9) == b"old"


def test_a_file_that_shrinks_ends_early(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"123456"})
    with open_content(root, RelPath("a")) as opened:
        os.truncate(root / "a", 2)
        assert (opened.size_bytes, opened.piece(0, 6), opened.piece(4, 2)) == (6, b"12", b"")


def test_a_file_of_many_gigabytes_is_opened_and_read_at_any_place(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b""})
    with (root / "a").open("r+b") as file:
        file.seek(5 << 30)
        file.write(b"end")
    with open_content(root, RelPath("a")) as opened:
        assert (opened.size_bytes, opened.piece(5 << 30, 256 << 10)) == ((5 << 30) + 3, b"end")


def open_descriptors() -> set[str]:
    return {place.name for place in Path("/proc/self/fd").iterdir()}


def test_every_descriptor_is_closed_again(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/a": b"1"})
    before = open_descriptors()
    with open_content(root, RelPath("d/a")):
        assert len(open_descriptors()) > len(before)
    for path in ("d", "none", "d/a/below"):
        with pytest.raises(FileTroubleError), open_content(root, RelPath(path)):
            pass
    assert open_descriptors() == before


def test_a_file_that_grows_is_read_as_far_as_shows_it(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"12"})
    with open_content(root, RelPath("a")) as opened:
        (root / "a").write_bytes(b"12345")
        assert opened.piece(0, opened.size_bytes + 1) == b"123"
