from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import FileTroubleError
from sync_core.model.path import RelPath
from sync_core.tree import memory
from sync_core.tree.memory import load_observations, save_observations
from tests.support.trees import public_folder, seen_file, seen_folder, unprivileged

ROW = [1, 2, 3, 4, "0" * 32, 5]


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    files = {RelPath(path): seen_file(path.encode("utf-8", "surrogateescape")) for path in ["a", "d/ä", "\udce9/x"]}
    save_observations(tmp_path / "digests", files)
    assert load_observations(tmp_path / "digests") == files
    assert [place.name for place in tmp_path.iterdir()] == ["digests"]


def test_only_files_with_an_md5_are_worth_saving(tmp_path: Path) -> None:
    place = tmp_path / "digests"
    save_observations(place, {RelPath("d"): seen_folder(), RelPath("a"): seen_file(None), RelPath("b"): seen_file()})
    assert list(load_observations(place)) == ["b"]


def test_saving_replaces(tmp_path: Path) -> None:
    place = tmp_path / "digests"
    save_observations(place, {RelPath("a"): seen_file(b"1")})
    save_observations(place, {RelPath("a"): seen_file(b"2")})
    assert load_observations(place) == {RelPath("a"): seen_file(b"2")}


def test_there_may_be_nothing_yet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert load_observations(tmp_path / "none") == {}
    assert caplog.records == []


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"version": 2, "files": {}},
        {"version": 1},
        {"version": 1, "files": []},
        {"version": 1, "files": {"a": None}},
        {"version": 1, "files": {"a": ROW[:-1]}},
        {"version": 1, "files": {"a": [*ROW, 1]}},
        {"version": 1, "files": {"a": ["1", *ROW[1:]]}},
        {"version": 1, "files": {"a": [1, 2, 3, 4, "0" * 31, 5]}},
        {"version": 1, "files": {"../a": ROW}},
        {"version": 1, "files": {"": ROW}},
        {"version": 1, "files": {"a": ROW, "a/b": ROW}},
    ],
    ids=repr,
)
def test_a_document_that_makes_no_sense_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, document: object
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "digests").write_text(json.dumps(document), encoding="ascii")
    assert load_observations(tmp_path / "digests") == {}
    assert "is not used" in caplog.text


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'{"version": 1, "files": {"a"', b"[" * 100_000])
def test_bytes_that_make_no_sense_are_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "digests").write_bytes(content)
    assert load_observations(tmp_path / "digests") == {}


@given(st.binary(max_size=200))
def test_no_bytes_do_any_harm(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    place = tmp_path_factory.getbasetemp() / "digests"
    place.write_bytes(content)
    assert load_observations(place) == {}


def test_a_file_that_is_too_big_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_observations(tmp_path / "digests", {RelPath("a"): seen_file()})
    monkeypatch.setattr(memory, "_MAX_BYTES", 10)
    assert load_observations(tmp_path / "digests") == {}


def test_a_folder_in_its_place_is_not_used_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "digests").mkdir()
    assert load_observations(tmp_path / "digests") == {}
    with pytest.raises(FileTroubleError, match="can't be written"):
        save_observations(tmp_path / "digests", {})
    assert [place.name for place in tmp_path.iterdir()] == ["digests"]


def test_where_it_cannot_be_written_it_says_so() -> None:
    with public_folder() as above:
        folder = above / "state"
        folder.mkdir(mode=0o500)
        with unprivileged(), pytest.raises(FileTroubleError, match="Permission denied"):
            save_observations(folder / "digests", {})
