"""A tree that is changed before or during a scan: which digests are believed, and what is read again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.model.errors import RootVanishedError
from sync_core.model.file import File, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder
from sync_core.model.path import RelPath
from sync_core.model.scan import Scan
from sync_core.tree.scan import rescan, scan
from tests.support.disk import TIME, write_tree
from tests.support.scans import LATE_NS, file_at, forged, late, seen, troubles


def test_what_nobody_touched_is_not_read_again(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    known = forged(scan(root, clock_ns=late).root)
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
    known = scan(root, clock_ns=late).root
    change(root / "a")
    assert seen(scan(root, known=known, clock_ns=late)) == {"a": md5_of(b"2")}


@pytest.mark.parametrize(("after_s", "is_believed"), [(-1.0, False), (0.0, False), (2.0, False), (2.1, True)])
def test_an_md5_taken_soon_after_a_change_is_not_believed(tmp_path: Path, after_s: float, is_believed: bool) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    changed_ns = (root / "a").stat().st_ctime_ns
    known = forged(scan(root, clock_ns=lambda: changed_ns + int(after_s * 10**9)).root)
    assert (seen(scan(root, known=known, clock_ns=late)) == {"a": "0" * 32}) == is_believed


@pytest.mark.parametrize(
    "useless",
    [
        {"md5": None},
        {"sha256": None},
        {"mode": None},
        {"mode": 0o600},
        {"size_bytes": 2},
        {"stamp": None},
        {"is_settling": True},
        {"is_unreadable": True},
    ],
    ids=str,
)
def test_what_is_not_known_for_sure_is_read(tmp_path: Path, useless: dict[str, object]) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    (root / "a").chmod(0o640)
    known = forged(scan(root, clock_ns=late).root)
    assert isinstance(known.children["a"], File)
    file = replace(known.children["a"], **useless)  # type: ignore[arg-type]
    assert seen(scan(root, known=Folder({"a": file}), clock_ns=late)) == {"a": md5_of(b"1")}


@pytest.mark.parametrize("mark", ["mtime_ns", "ctime_ns", "inode"])
def test_any_other_stamp_means_another_reading(tmp_path: Path, mark: str) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    file = file_at(forged(scan(root, clock_ns=late).root), "a")
    assert file.stamp is not None
    other = file.stamp._replace(**{mark: getattr(file.stamp, mark) - 1})
    assert seen(scan(root, known=Folder({"a": replace(file, stamp=other)}), clock_ns=late)) == {"a": md5_of(b"1")}


def test_a_known_folder_is_no_knowledge_of_a_file_nor_the_other_way_round(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "d/x": b"1"})
    file = scan(root).root.children["a"]
    known: dict[str, Entry] = {"a": EMPTY_FOLDER, "d": file}
    assert seen(scan(root, known=Folder(known))) == {"a": md5_of(b"1"), "d": None, "d/x": md5_of(b"1")}


def test_where_nothing_changed_the_very_same_folders_come_back(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1", "d/f/b": b"1", "d/.h": b"1", "g/x": b"1", "g/b\\s": b"1", "n": None})
    first = scan(root, clock_ns=late)
    assert scan(root, known=first.root, clock_ns=late) == first
    assert scan(root, known=first.root, clock_ns=late).root is first.root
    write_tree(root, {"d/e/a": b"22"})
    after = scan(root, known=first.root, clock_ns=late).root
    was, is_now = first.root.children["d"], after.children["d"]
    assert isinstance(was, Folder)
    assert isinstance(is_now, Folder)
    assert is_now.children["e"] is not was.children["e"]
    assert is_now.children["f"] is was.children["f"]
    assert after.children["g"] is first.root.children["g"]


@pytest.mark.parametrize("gone", ["d/b", "d/e"])
def test_a_folder_that_lost_something_is_another_one(tmp_path: Path, gone: str) -> None:
    root = write_tree(tmp_path, {"d/a": b"1", "d/b": b"1", "d/e": None})
    first = scan(root, clock_ns=late)
    place = root / gone
    place.rmdir() if place.is_dir() else place.unlink()
    assert set(seen(scan(root, known=first.root, clock_ns=late))) == set(seen(first)) - {gone}


def test_a_folder_that_can_be_read_again_is_another_one(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d": None})
    known = Folder({"d": Folder(is_unreadable=True)})
    assert scan(root, known=known).root == Folder({"d": EMPTY_FOLDER})
    assert scan(root, known=Folder(known.children, is_unreadable=True)).root == Folder({"d": EMPTY_FOLDER})


def test_a_file_from_the_future_is_read_again_but_makes_no_new_tree(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/a": b"1"}, time=LATE_NS // 10**9)
    first = scan(root)
    assert scan(root, known=first.root).root is first.root
    assert seen(scan(root, known=forged(first.root))) == seen(first)


def test_a_new_stamp_is_remembered(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1", "x": b"1"})
    first = scan(root, clock_ns=late)
    (root / "d/e/a").chmod((root / "d/e/a").stat().st_mode)
    for after in (scan(root, known=first.root, clock_ns=late), rescan(root, first, [RelPath("d/e")], clock_ns=late)):
        assert after == first
        assert file_at(after.root, "d/e/a").stamp != file_at(first.root, "d/e/a").stamp
        assert seen(scan(root, known=forged(after.root))) == {"d": None, "d/e": None, "d/e/a": "0" * 32, "x": "0" * 32}


def test_a_new_stamp_is_told_even_when_it_is_too_recent_to_be_trusted(tmp_path: Path) -> None:
    """Whoever waits for a file to rest must see that somebody touched it."""
    root = write_tree(tmp_path, {"a": b"1"})
    first = scan(root, clock_ns=lambda: 0)
    os.utime(root / "a", ns=(0, TIME * 10**9 + 5))
    after = file_at(scan(root, known=first.root, clock_ns=lambda: 0).root, "a")
    assert after == first.root.children["a"]
    assert after.stamp is not None
    assert after.stamp.mtime_ns == TIME * 10**9 + 5


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
    file = file_at(result.root, "a")
    assert (file.md5, file.sha256, file.size_bytes) == (md5_of(b"1+"), sha256_of(b"1+"), 2)


def test_a_file_that_never_rests_gets_no_md5(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    result = scan(root, clock_ns=BusyWriter(*[append(root / "a")] * 3))
    file = file_at(result.root, "a")
    assert (file.md5, file.sha256, file.is_unreadable, file.size_bytes) == (None, None, False, 4)
    assert file.stamp is not None
    assert seen(rescan(root, result, [RelPath("a")])) == {"a": md5_of(b"1+++")}


def test_what_vanishes_meanwhile_is_not_there(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "b": b"1", "c/x": b"1"})

    def move() -> None:
        (root / "a").unlink()
        (root / "b").unlink()
        (root / "c").rename(tmp_path.with_name("elsewhere"))

    result = scan(root, clock_ns=BusyWriter(move))
    assert result == Scan()


def test_a_file_that_becomes_something_else_meanwhile_is_told(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})

    def move() -> None:
        (root / "a").unlink()
        os.mkfifo(root / "a")

    result = scan(root, clock_ns=BusyWriter(move))
    assert seen(result) == {"a": "!"}
    assert troubles(result) == {"a": "it is no longer a regular file"}


BIG = bytes(1 << 20)


class Once:
    """A clock that does one thing when a thread of the pool asks it first."""

    def __init__(self, move: Callable[[], object]) -> None:
        self._move: Callable[[], object] | None = move

    def __call__(self) -> int:
        move = self._move
        if move is not None and threading.current_thread() is not threading.main_thread():
            self._move = None
            move()
        return LATE_NS


def test_a_big_file_that_vanishes_meanwhile_is_not_there(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/big": BIG, "x": b"1"})

    def move() -> None:
        with (root / "d/big").open("ab") as file:
            file.write(b"+")
        (root / "d/big").unlink()

    assert seen(scan(root, clock_ns=Once(move))) == {"d": None, "x": md5_of(b"1")}


def test_a_big_file_that_becomes_something_else_meanwhile_is_told(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/big": BIG})

    def move() -> None:
        with (root / "d/big").open("ab") as file:
            file.write(b"+")
        (root / "d/big").unlink()
        os.mkfifo(root / "d/big")

    result = scan(root, clock_ns=Once(move))
    assert seen(result) == {"d": None, "d/big": "!"}
    assert troubles(result) == {"d/big": "it is no longer a regular file"}
    assert file_at(result.root, "d/big").size_bytes == len(BIG)


class GrowsForEver:
    """A clock during whose every tick a file grows."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __call__(self) -> int:
        with self._place.open("ab") as file:
            file.write(bytes(4 << 20))
        return LATE_NS


def bytes_read() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    return int(fields["rchar"])


def test_a_file_that_grows_for_ever_does_not_hold_us(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1"})
    before = bytes_read()
    result = scan(root, clock_ns=GrowsForEver(root / "a"))
    assert seen(result) == {"a": None}
    assert file_at(result.root, "a").size_bytes == 3 * (4 << 20) + 1
    assert bytes_read() - before < 16 << 20  # what it had each time when it was opened, not what came meanwhile


def test_a_root_that_vanishes_meanwhile_is_an_error(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "root", {"a": b"1"})
    with pytest.raises(RootVanishedError, match="vanished"):
        scan(root, clock_ns=BusyWriter(lambda: root.rename(tmp_path / "other")))
    write_tree(root, {"a": b"1"})
    with pytest.raises(RootVanishedError, match="vanished"):
        scan(root, clock_ns=BusyWriter(lambda: write_tree(root.rename(tmp_path / "third").parent / "root", {})))
