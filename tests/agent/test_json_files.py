from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.agent.json_files import read_object, write_object


def test_an_object_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    place = tmp_path / "status.json"
    for values in ({"a": 1}, {"b": [None, "ü"]}):
        write_object(place, values)
        assert read_object(place) == values
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_none(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "status.json"
    assert read_object(place) is None
    place.write_bytes(content)
    assert read_object(place) is None


def test_what_cannot_be_put_in_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    place = tmp_path / "status.json"
    (place / "in").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_object(place, {})
    assert list(tmp_path.iterdir()) == [place]
