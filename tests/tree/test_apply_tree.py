"""What is known of a cache after an update, without another look at it."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Folder, get, walk
from sync_core.model.path import RelPath
from sync_core.tree.apply import Applied, Update
from sync_core.tree.update import Step
from tests.support.disk import TIME, Tree, some_trees, write_tree
from tests.support.updates import (
    ANY,
    adjust,
    apply,
    apply_changes,
    content_tree,
    give,
    listed,
    make,
    planned,
    remove,
    steps_between,
    write,
)


def run(root: Path, *steps: Step, contents: Tree | None = None, before: Folder | None = None) -> Applied:
    known = listed(root) if before is None else before
    with Update(root, steps, before=known, max_delete=ANY, clock_ns=lambda: 77) as update:
        give(update, steps, contents or {})
        return update.show()


def mode_of(root: Path, name: str) -> int:
    return (root / name).stat().st_mode & 0o7777


def assert_known(root: Path, tree: Folder) -> None:
    """The tree is what a look would find, stamps too."""
    found = listed(root)
    assert tree == found
    for path, entry in walk(tree):
        there = get(found, path)
        if isinstance(entry, File) and isinstance(there, File) and entry.stamp and there.stamp:
            assert entry.stamp[:3] == there.stamp[:3], path


@given(some_trees(max_size=20), some_trees(max_size=20))
@settings(max_examples=60)
def test_the_tree_is_the_one_that_a_look_finds(old: Tree, new: Tree) -> None:
    with TemporaryDirectory() as name:
        root = write_tree(Path(name), old)
        wanted = content_tree(new, time=TIME + 1)
        applied = run(root, *steps_between(listed(root), wanted), contents=new)
        assert applied.tree == wanted
        assert_known(root, applied.tree)


def test_what_no_change_speaks_of_is_not_touched(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1", "f/b": b"1"})
    before = listed(root)
    tree = run(root, planned("f/b"), contents={"f/b": b"new"}, before=before).tree
    assert tree.children["d"] is before.children["d"]
    assert run(root, before=tree).tree is tree


def test_a_file_is_stamped_as_it_lies_there(tmp_path: Path) -> None:
    file = get(run(tmp_path, planned("a"), contents={"a": b"new"}).tree, RelPath("a"))
    assert isinstance(file, File)
    assert file.stamp is not None
    found = (tmp_path / "a").stat()
    assert file.stamp == (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, 77)


def test_changes_in_an_odd_order_leave_a_true_tree(tmp_path: Path) -> None:
    write_tree(tmp_path, {"d/x": b"1", "gone": b"1"})
    steps = (make("d"), write("d/y"), remove("d"), make("d"), write("d/z"), remove("gone"), remove("none"))
    assert_known(tmp_path, apply(tmp_path, *steps).tree)


def test_what_vanished_before_the_update_is_known_no_longer(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/x": b"1", "a": b"1"})
    before = listed(root)
    for place in ("d/x", "a"):
        (root / place).unlink()
    (root / "d").rmdir()
    applied = apply_changes(root, (make("d"), remove("a")), before=before, max_delete=ANY)
    assert applied.tree == Folder({"d": EMPTY_FOLDER})
    assert applied.removed == ()


def test_a_folder_keeps_its_mark(tmp_path: Path) -> None:
    before = Folder({"d": Folder({}, is_unreadable=True)})
    (tmp_path / "d").mkdir()
    d = apply_changes(tmp_path, (make("d"), write("d/a")), before=before, max_delete=ANY).tree.children["d"]
    assert isinstance(d, Folder)
    assert d.is_unreadable


@pytest.mark.parametrize(("told", "given"), [(0o755, 0o755), (0o600, 0o600), (0o4755, 0o755), (0o040, 0o040), (0, 0)])
def test_a_told_mode_is_taken_exactly_but_nothing_that_acts_as_somebody_else(
    tmp_path: Path, told: int, given: int
) -> None:
    root = write_tree(tmp_path, {"a": b"old", "b": b"same"})
    (root / "a").chmod(0o640)
    contents = {"a": b"new", "new": b"new"}
    applied = run(root, planned("a", mode=told), adjust("b", mode=told), planned("new", mode=told), contents=contents)
    assert [mode_of(root, name) for name in ("a", "b", "new")] == [given] * 3
    assert [entry.mode for _, entry in walk(applied.tree) if isinstance(entry, File)] == [given] * 3


def test_an_untold_mode_is_that_of_the_file_before(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"old", "b": b"same"})
    for name in ("a", "b"):
        (root / name).chmod(0o640)
    run(root, planned("a", mode=None), adjust("b"), contents={"a": b"new"})
    assert [mode_of(root, name) for name in ("a", "b")] == [0o640] * 2


def test_a_file_that_needs_no_content_is_adjusted_in_place(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "d/b": b"2"})
    inode = (root / "a").stat().st_ino
    applied = run(root, adjust("a", time=TIME + 5, mode=0o700), adjust("d/b", time=TIME + 6))
    assert applied.adjusted == ("a", "d/b")
    assert not applied.is_empty
    found = (root / "a").stat()
    assert (found.st_ino, found.st_mtime_ns, found.st_mode & 0o777) == (inode, (TIME + 5) * 10**9, 0o700)
    assert_known(root, applied.tree)
    a = applied.tree.children["a"]
    assert isinstance(a, File)
    assert a.stamp is not None
    assert a.stamp.hashed_at_ns == 1, "its content was not looked at again"


@pytest.mark.parametrize("what", ["rewritten", "replaced", "gone", "a link", "a folder", "never known"])
def test_a_file_that_is_not_the_known_one_is_not_adjusted_but_brought_anew(tmp_path: Path, what: str) -> None:
    root = write_tree(tmp_path / "root", {"a": b"1", "d": None})
    outside = write_tree(tmp_path, {"outside": b"1"}) / "outside"
    before = listed(root)
    if what == "rewritten":
        (root / "a").write_bytes(b"2")
        os.utime(root / "a", (TIME, TIME))
    elif what == "never known":
        before = Folder({})
    else:
        (root / "a").unlink()
        if what == "replaced":
            write_tree(root, {"a": b"2"})
        elif what == "a link":
            (root / "a").symlink_to("../outside")
        elif what == "a folder":
            (root / "a").mkdir()
    applied = run(root, adjust("a", mode=0o777), before=before)
    assert applied.adjusted == ()
    assert "a" not in applied.tree.children
    assert outside.stat().st_mode & 0o777 == 0o644
    if what in {"rewritten", "replaced"}:
        assert mode_of(root, "a") == 0o644
