from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.agent.file_contents import FileContents, Piece
from sync_core.model.file import File
from sync_core.model.path import RelPath
from tests.support.disk import a_link, write_tree
from tests.support.folders import a_file

MIB = 1 << 20


def read(contents: FileContents, path: str, file: File, offset: int = 0, length: int | None = None) -> bytes | None:
    size_bytes = file.size_bytes or 0
    (found,) = contents.read([Piece(RelPath(path), file, offset, size_bytes if length is None else length)])
    return found


def test_a_small_content_is_read_once_and_known_by_what_it_is(tmp_path: Path) -> None:
    contents = FileContents(write_tree(tmp_path / "r", {"d/a": b"0123"}))
    file = a_file(b"0123")
    assert contents.kept(file) is None
    assert read(contents, "d/a", file) == b"0123"
    (tmp_path / "r" / "d" / "a").unlink()
    assert contents.kept(file) == b"0123"
    assert read(contents, "elsewhere", file, 1, 2) == b"12"


@pytest.mark.parametrize("now", [b"other", b"oth", b""])
def test_what_is_not_what_was_offered_is_not_handed_out(tmp_path: Path, now: bytes) -> None:
    root = write_tree(tmp_path / "r", {"a": now})
    contents = FileContents(root)
    assert read(contents, "a", a_file(b"offer")) is None
    write_tree(root, {"a": b"offer"})
    assert read(contents, "a", a_file(b"offer")) == b"offer"


def test_what_is_gone_or_leads_out_is_none(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "r", {"d": None})
    (tmp_path / "out").write_bytes(b"1")
    a_link(root / "link", "../out")
    contents = FileContents(root)
    for path in ("gone", "d", "link", "d/gone"):
        assert read(contents, path, a_file(b"1")) is None
    assert read(FileContents(tmp_path / "nowhere"), "a", a_file(b"1")) is None


def test_pieces_of_a_big_file_are_what_is_there_and_none_beyond_its_end(tmp_path: Path) -> None:
    big = bytes(range(256)) * (8 * MIB // 256)
    root = write_tree(tmp_path / "r", {"big": big})
    contents = FileContents(root)
    file = a_file(big)
    assert read(contents, "big", file, 3 * MIB, MIB) == big[3 * MIB : 4 * MIB]
    assert contents.kept(file) is None  # the disk's cache has it
    (root / "big").write_bytes(big + b"more")
    assert read(contents, "big", file, 3 * MIB, MIB) is None


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    files = {f"f{n}": bytes([n]) * (1 << 18) for n in range(70)} | {"large": b"l" * ((1 << 18) + 1)}
    contents = FileContents(write_tree(tmp_path / "r", files))
    for path, content in files.items():
        assert read(contents, path, a_file(content)) == content
    kept = [path for path, content in files.items() if contents.kept(a_file(content)) is not None]
    assert kept == [f"f{n}" for n in range(6, 70)]


def test_an_empty_file_has_a_content(tmp_path: Path) -> None:
    contents = FileContents(write_tree(tmp_path / "r", {"a": b""}))
    assert read(contents, "a", a_file(b"")) == b""
    assert contents.kept(a_file(b"")) == b""


def test_each_piece_is_had_or_not_by_itself(tmp_path: Path) -> None:
    contents = FileContents(write_tree(tmp_path / "r", {"a": b"1", "b": b"changed", "d/c": b"333"}))
    assert read(contents, "a", a_file(b"1")) == b"1"
    pieces = [
        Piece(RelPath("gone"), a_file(b"1"), 0, 1),  # it is at hand
        Piece(RelPath("b"), a_file(b"2"), 0, 1),
        Piece(RelPath("d/c"), a_file(b"333"), 1, 2),
        Piece(RelPath("d/gone"), a_file(b"4"), 0, 1),
    ]
    assert contents.read(pieces) == [b"1", None, b"33", None]
    assert contents.read([]) == []
