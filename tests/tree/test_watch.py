from __future__ import annotations

import os
import queue
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sync_core.model.path import ROOT, RelPath
from sync_core.tree.scan import scan
from sync_core.tree.watch import Hint, Watch, trusted_paths
from tests.support.trees import a_link, write_tree

WAIT_S = 10
"""Nothing here takes that long; it only bounds a failure."""


class Watched:
    """A watched tree, and the hints that came from it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._hints: queue.Queue[Hint] = queue.Queue()
        self.watch = Watch(root, self._hints.put)

    def hints(self) -> list[tuple[str, bool]]:
        """Return the hints so far, without repetitions; a marker that is written now tells where they end."""
        marker = self.root / "marker"
        marker.write_bytes(b"")
        found: list[tuple[str, bool]] = []
        while True:
            hint = self._hints.get(timeout=WAIT_S)
            if hint.path == "marker":
                if hint.is_complete:
                    return found
            elif (hint.path, hint.is_complete) not in found[-1:]:
                found.append((hint.path, hint.is_complete))

    def wait_for(self, hint: Hint) -> None:
        while self._hints.get(timeout=WAIT_S) != hint:
            pass


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    it = Watched(write_tree(tmp_path / "root", {"d/a": b"1", "d/b": b"1", "e/x": b"1"}))
    assert it.watch.start()
    yield it
    it.watch.stop()


def outside(root: Path, name: str) -> Path:
    return root.parent / name


def write_half(root: Path) -> None:
    with (root / "d/a").open("wb", buffering=0) as file:
        file.write(b"half")
        held.append(os.dup(file.fileno()))  # so that nothing is closed for good yet


held: list[int] = []


def write_whole(root: Path) -> None:
    (root / "d/a").write_bytes(b"whole")


def rename_over(root: Path) -> None:
    write_tree(root, {"d/.a.tmp": b"new"})
    (root / "d/.a.tmp").replace(root / "d/a")


def move_in_over(root: Path) -> None:
    write_tree(root.parent, {"elsewhere": b"new"})
    outside(root, "elsewhere").replace(root / "d/a")


def rename(root: Path) -> None:
    (root / "d/a").rename(root / "d/c")


def hide(root: Path) -> None:
    (root / "d/a").rename(root / "d/.a")


def remove(root: Path) -> None:
    (root / "d/a").unlink()


def hard_link(root: Path) -> None:
    (root / "d/c").hardlink_to(root / "d/a")


def soft_link(root: Path) -> None:
    a_link(root / "d/c", "a")


def modes_and_times(root: Path) -> None:
    (root / "d/a").chmod(0o600)
    os.utime(root / "d/a", (1, 1))


def move_folder_in(root: Path) -> None:
    write_tree(root.parent, {"folder/f/y": b"1"})
    outside(root, "folder").rename(root / "new")


def make_folder(root: Path) -> None:
    (root / "n").mkdir()


def rename_folder(root: Path) -> None:
    (root / "e").rename(root / "f")


def remove_folder(root: Path) -> None:
    shutil.rmtree(root / "e")


def bad_name(root: Path) -> None:
    write_tree(root, {"d/back\\slash": b"1"})


def dot_names(root: Path) -> None:
    write_tree(root, {"d/.hidden": b"1", ".hidden/x": b"1"})


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (write_half, [("d/a", False)]),
        (write_whole, [("d/a", False), ("d/a", True)]),
        (rename_over, [("d/a", True)]),
        (move_in_over, [("d/a", True)]),
        (rename, [("d/a", False), ("d/c", True)]),
        (hide, [("d/a", False)]),
        (remove, [("d/a", False)]),
        (hard_link, [("d/c", False)]),
        (soft_link, [("d/c", False)]),
        (modes_and_times, []),
        (move_folder_in, [("new", True)]),
        (make_folder, [("n", False)]),
        (rename_folder, [("e", False), ("f", True)]),
        (remove_folder, [("e/x", False), ("e", False)]),
        (bad_name, [("d", False)]),
        (dot_names, []),
    ],
)
def test_hints(watched: Watched, move: Callable[[Path], None], expected: list[tuple[str, bool]]) -> None:
    move(watched.root)
    found = watched.hints()
    while held:
        os.close(held.pop())
    assert found == expected


def test_our_own_reading_gives_no_hint(watched: Watched) -> None:
    assert scan(watched.root).troubles == ()
    assert watched.hints() == []


def test_new_folders_are_watched_too(watched: Watched) -> None:
    write_tree(watched.root, {"n/o": None})
    watched.wait_for(Hint(path=RelPath("n/o"), is_complete=False))
    write_tree(watched.root, {"n/o/x": b"1"})
    watched.wait_for(Hint(path=RelPath("n/o/x"), is_complete=True))
    move_folder_in(watched.root)
    watched.wait_for(Hint(path=RelPath("new"), is_complete=True))
    write_tree(watched.root, {"new/f/y": b"2"})
    watched.wait_for(Hint(path=RelPath("new/f/y"), is_complete=True))


def test_what_leaves_the_tree_gives_a_hint(watched: Watched) -> None:
    (watched.root / "e").rename(outside(watched.root, "gone"))
    watched.wait_for(Hint(path=RelPath("e"), is_complete=False))
    (watched.root / "d/a").rename(outside(watched.root, "gone too"))
    watched.wait_for(Hint(path=RelPath("d/a"), is_complete=False))


def test_a_root_that_vanishes_gives_a_hint_and_can_come_back(watched: Watched) -> None:
    shutil.rmtree(watched.root)
    watched.wait_for(Hint(path=ROOT, is_complete=False))
    assert not watched.watch.start()
    write_tree(watched.root, {})
    assert watched.watch.start()
    write_tree(watched.root, {"a": b"1"})
    watched.wait_for(Hint(path=RelPath("a"), is_complete=True))


def test_a_root_that_was_replaced_is_watched_after_the_next_start(watched: Watched) -> None:
    watched.root.rename(outside(watched.root, "old"))
    write_tree(watched.root, {"d": None})
    assert watched.watch.start()
    write_tree(watched.root, {"d/new": b"1"})
    watched.wait_for(Hint(path=RelPath("d/new"), is_complete=True))


def test_starting_twice_keeps_the_watch(watched: Watched) -> None:
    assert watched.watch.start()
    write_tree(watched.root, {"d/a": b"2"})
    assert watched.hints() == [("d/a", False), ("d/a", True)]


def test_a_root_may_be_a_link(tmp_path: Path) -> None:
    write_tree(tmp_path, {"real/d/a": b"1"})
    it = Watched(a_link(tmp_path / "root", "real"))
    assert it.watch.start()
    write_tree(it.root, {"d/a": b"2"})
    assert it.hints() == [("d/a", False), ("d/a", True)]
    it.watch.stop()


def test_a_root_that_does_not_exist_can_not_be_watched(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "none", lambda hint: None)
    assert not watch.start()
    watch.stop()


def test_no_hint_comes_after_the_stop(watched: Watched) -> None:
    watched.watch.stop()
    watched.watch.stop()
    write_tree(watched.root, {"a": b"1"})
    with pytest.raises(queue.Empty):
        watched._hints.get(timeout=0.1)


def test_where_the_system_refuses_there_are_no_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(tmp_path, lambda hint: None)
    before = threading.active_count()
    with monkeypatch.context() as patch:
        patch.setattr(watch, "_identify", lambda: (str(tmp_path / "vanished since"), 0, 0))
        assert not watch.start()
    assert threading.active_count() == before
    assert watch.start()
    watch.stop()


@pytest.mark.parametrize(
    ("hints", "trusted"),
    [
        ([], set()),
        ([("a", True)], {"a"}),
        ([("a", False), ("a", True)], {"a"}),
        ([("a", True), ("a", False)], set()),
        ([("a", True), ("b", False)], {"a"}),
        ([("d", True), ("d/e/x", False), ("f", True)], {"f"}),
        ([("d", True), ("d/x", False), ("d/x", True)], {"d/x"}),
        ([("d/x", True), ("d", False)], {"d/x"}),
    ],
)
def test_the_last_hint_decides_whom_to_trust(hints: list[tuple[str, bool]], trusted: set[str]) -> None:
    told = [Hint(path=RelPath(path), is_complete=is_complete) for path, is_complete in hints]
    assert trusted_paths(told) == trusted


@pytest.mark.parametrize("is_complete", [True, False])
@pytest.mark.parametrize(("newer", "trusted"), [("a", {"d", "e/x"}), ("d/y", {"a", "e/x"}), ("e", {"a", "d", "e/x"})])
def test_a_hint_that_came_during_the_look_only_takes_trust(newer: str, trusted: set[str], is_complete: bool) -> None:
    told = [Hint(path=RelPath(path), is_complete=True) for path in ("a", "d", "e/x")]
    assert trusted_paths(told, [Hint(path=RelPath(newer), is_complete=is_complete)]) == trusted
