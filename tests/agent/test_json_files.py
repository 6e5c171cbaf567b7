from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_core.agent.json_files import read_object, write_object


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_an_object_is_replaced_and_nothing_else_is_left(tmp_path: Path, folder: int) -> None:
    for values in ({"a": 1}, {"b": [None, "ü"]}):
        write_object(folder, "status.json", values)
        assert read_object(folder, "status.json") == values
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_none(tmp_path: Path, folder: int, content: bytes) -> None:
    assert read_object(folder, "status.json") is None
    (tmp_path / "status.json").write_bytes(content)
    assert read_object(folder, "status.json") is None


def test_what_a_link_leads_to_is_neither_read_nor_written(tmp_path: Path, folder: int) -> None:
    other = tmp_path / "other"
    other.write_text('{"a": 1}')
    (tmp_path / "status.json").symlink_to(other)
    assert read_object(folder, "status.json") is None
    write_object(folder, "status.json", {"b": 2})
    assert (other.read_text(), read_object(folder, "status.json")) == ('{"a": 1}', {"b": 2})


def test_nobody_waits_for_a_fifo(tmp_path: Path, folder: int) -> None:
    os.mkfifo(tmp_path / "status.json")
    assert read_object(folder, "status.json") is None


def test_what_cannot_be_put_in_its_place_leaves_nothing_behind(tmp_path: Path, folder: int) -> None:
    place = tmp_path / "status.json"
    (place / "in").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_object(folder, place.name, {})
    assert list(tmp_path.iterdir()) == [place]
