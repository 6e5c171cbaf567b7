"""A tree that is changed before or during a scan: which md5s are believed, and what is read again."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.model.errors import RootVanishedError
from sync_core.model.manifest import Kind, md5_of
from sync_core.model.observation import Observation, Observations, Scan
from sync_core.model.path import RelPath
from sync_core.tree.scan import rescan, scan
from tests.support.scans import LATE_NS, late, seen, troubles
from tests.support.trees import TIME, write_tree


def forged(result: Scan) -> Observations:
    """Return the observations with an md5 that only who did not read the files can believe."""
    return {path: replace(what, md5="0" * 32) for path, what in result.observations.items()}


def test_what_nobody_touched_is_not_read_again(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    known = forged(scan(root, clock_ns=late))
    assert seen(scan(root, known=known, clock_ns=late)) == {"a": "0" * 32}


def touch_content(place: Path) -> None:
    place.write_bytes(b"2")
    os.utime(place, (TIME, TIME))


def replace_by_twin(place: Path) -> None:
    twin = place.with_name("twin")
    twin.write_bytes(b"2")
    os.utime(twin, (TIME, TIME))
    twin.replace(place)


@pytest.mark.parametrize("change", [touch_content, replace_by_twin])
def test_a_change_with_the_same_size_and_time_is_seen(tmp_path: Path, change: Callable[[Path], None]) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    known = scan(root, clock_ns=late).observations
    change(root / "a")
    assert seen(scan(root, known=known, clock_ns=late)) == {"a": md5_of(b"2")}


@pytest.mark.parametrize(("after_s", "is_believed"), [(-1.0, False), (0.0, False), (2.0, False), (2.1, True)])
def test_an_md5_taken_soon_after_a_change_is_not_believed(tmp_path: Path, after_s: float, is_believed: bool) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    changed_ns = (root / "a").stat().st_ctime_ns
    known = forged(scan(root, clock_ns=lambda: changed_ns + int(after_s * 10**9)))
    assert (seen(scan(root, known=known, clock_ns=late)) == {"a": "0" * 32}) == is_believed


def test_a_known_folder_or_a_file_without_md5_is_no_knowledge(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    (known,) = scan(root, clock_ns=late).observations.values()
    for useless in (Observation(kind=Kind.DIRECTORY), replace(known, md5=None)):
        assert seen(scan(root, known={RelPath("a"): useless})) == {"a": md5_of(b"1")}


class BusyWriter:
    """A clock that does something each time when it is asked: between the opening of a file and its reading."""

    def __init__(self, *moves: Callable[[], object]) -> None:
        self._moves = list(moves)

    def __call__(self) -> int:
        if self._moves:
            self._moves.pop(0)()
        return LATE_NS


def append(place: Path) -> Callable[[], None]:
    def move() -> None:
        with place.open("ab") as file:
            file.write(b"+")

    return move


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    result = scan(root, clock_ns=BusyWriter(append(root / "a")))
    assert seen(result) == {"a": md5_of(b"1+")}
    assert result.observations[RelPath("a")].size_bytes == 2


def test_a_file_that_never_rests_gets_no_md5(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    result = scan(root, clock_ns=BusyWriter(*[append(root / "a")] * 3))
    assert result.observations[RelPath("a")].md5 is None
    assert not result.observations[RelPath("a")].is_unreadable
    assert result.observations[RelPath("a")].size_bytes == 4
    assert seen(rescan(root, result, [RelPath("a")])) == {"a": md5_of(b"1+++")}


def test_what_vanishes_meanwhile_is_not_there(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "b": b"1", "c/x": b"1"})

    def move() -> None:
        (root / "a").unlink()
        (root / "b").unlink()
        (root / "c").rename(tmp_path.with_name("elsewhere"))

    result = scan(root, clock_ns=BusyWriter(move))
    assert (result.observations, result.troubles) == ({}, ())


def test_a_file_that_becomes_something_else_meanwhile_is_told(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})

    def move() -> None:
        (root / "a").unlink()
        os.mkfifo(root / "a")

    result = scan(root, clock_ns=BusyWriter(move))
    assert seen(result) == {"a": "!"}
    assert troubles(result) == {"a": "it is no longer a regular file"}


def test_a_root_that_vanishes_meanwhile_is_an_error(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"a": b"1"})
    with pytest.raises(RootVanishedError, match="vanished"):
        scan(root, clock_ns=BusyWriter(lambda: root.rename(tmp_path / "other")))
    write_tree(root, {"a": b"1"})
    with pytest.raises(RootVanishedError, match="vanished"):
        scan(root, clock_ns=BusyWriter(lambda: write_tree(root.rename(tmp_path / "third").parent / "root", {})))
