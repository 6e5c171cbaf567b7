"""Another look at what may have changed equals a full scan."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_core.model.errors import RootVanishedError
from sync_core.model.file import md5_of
from sync_core.model.folder import get, walk
from sync_core.model.path import ROOT, RelPath, ancestors
from sync_core.model.scan import Scan
from sync_core.tree.scan import rescan, scan
from tests.support.disk import Tree, a_link, some_names, some_trees, write_tree
from tests.support.scans import LATE_NS, late, seen, stamps, troubles


def test_a_file_that_was_not_dirty_is_not_looked_at(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "b": b"1"})
    before = scan(root)
    write_tree(root, {"a": b"22", "b": b"22"})
    after = rescan(root, before, [RelPath("a")])
    assert seen(after) == {"a": md5_of(b"22"), "b": md5_of(b"1")}
    assert seen(rescan(root, before, [ROOT])) == {"a": md5_of(b"22"), "b": md5_of(b"22")}


@pytest.mark.parametrize(
    ("tree", "dirty"),
    [
        ({"d/a": b"1", "x": b"1"}, "d"),
        ({"d": b"1", "x": b"1"}, "d/e/a"),
        ({"x": b"1"}, "d/e/a"),
        ({"d/e/a": b"2", "d/e/new": b"2", "x": b"1"}, "d/e"),
        ({"n/o/p": b"2", "d/e/a": b"1", "x": b"1"}, "n/o/p"),
        ({"n/.h/p": b"2", "d/e/a": b"1", "x": b"1"}, "n/.h/p"),
        ({"n/b\\s": b"2", "d/e/a": b"1", "x": b"1"}, "n"),
    ],
    ids=[
        "folder above was dirty",
        "a folder became a file",
        "folders vanished",
        "below",
        "new folders",
        "dot name",
        "bad name",
    ],
)
def test_another_look_where_it_is_dirty_equals_a_full_scan(tmp_path: Path, tree: Tree, dirty: str) -> None:
    first: Tree = {"d/e/a": b"1", "x": b"1"}
    root = write_tree(tmp_path, first)
    before = scan(root, clock_ns=late)
    if "d/e/a" not in tree:
        shutil.rmtree(root / "d")
    write_tree(root, {path: content for path, content in tree.items() if first.get(path) != content})
    assert rescan(root, before, [RelPath(dirty)], clock_ns=late) == scan(root, clock_ns=late)


def test_another_look_drops_troubles_that_are_gone_and_keeps_the_others(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/b\\s": b"", "e/b\\s": b""})
    before = scan(root)
    (root / "d/b\\s").unlink()
    assert list(troubles(rescan(root, before, [RelPath("d")]))) == ["e/b\\s"]


def test_what_a_link_shows_is_always_looked_at_again(tmp_path: Path) -> None:
    remote = write_tree(tmp_path, {"_all/x": b"1", "own/z": b"3"})
    a_link(remote / "own/x", "../_all/x")
    before = scan(remote)
    write_tree(remote, {"_all/x": b"22"})
    assert seen(rescan(remote, before, [RelPath("_all/x")]))["own/x"] == md5_of(b"22")


def test_another_look_through_a_link(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"real/d/a": b"1"})
    a_link(root / "alias", "real")
    before = scan(root, clock_ns=late)
    write_tree(root, {"real/d/a": b"22", "real/d/b": b"1"})
    assert rescan(root, before, [RelPath("alias/d/a"), RelPath("real/d")], clock_ns=late) == scan(root, clock_ns=late)


def test_where_nothing_is_different_the_very_same_tree_comes_back(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1", "x": b"1"})
    first = scan(root, clock_ns=late)
    dirty = [RelPath(path) for path in ("d/e/a", "d", "d/e/none", "n/o/n/e", ".h", "d/.h/x")]
    assert rescan(root, first, dirty, clock_ns=late).root is first.root
    assert rescan(root, first, [ROOT], clock_ns=late).root is first.root
    assert rescan(root, first, [], clock_ns=late) == first


def test_folders_that_were_not_dirty_are_the_very_same(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1", "d/f/a": b"1", "g/a": b"1"})
    first = scan(root, clock_ns=late)
    write_tree(root, {"d/e/a": b"22"})
    after = rescan(root, first, [RelPath("d/e/a")], clock_ns=late)
    assert seen(after)["d/e/a"] == md5_of(b"22")
    assert {path for path, what in walk(after.root) if what is get(first.root, path)} == {"d/f", "d/f/a", "g", "g/a"}


def test_it_costs_what_is_dirty(tmp_path: Path) -> None:
    """The folders that are not dirty are gone from the disk: whoever looked at them would notice."""
    root = write_tree(tmp_path, {"d/a": b"1", "d/b": b"1", "e/a": b"1", "f": b"1"})
    first = scan(root, clock_ns=late)
    shutil.rmtree(root / "e")
    (root / "f").unlink()
    (root / "d/b").unlink()
    assert rescan(root, first, [RelPath("d/a")], clock_ns=late).root is first.root


def test_paths_in_a_folder_that_has_gone(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1", "d/e/b": b"1", "d/x": b"1", "y": b"1"})
    first = scan(root, clock_ns=late)
    shutil.rmtree(root / "d")
    dirty = [RelPath("d/x"), RelPath("d/e/a"), RelPath("d/e/b")]
    assert seen(rescan(root, first, dirty, clock_ns=late)) == {"y": md5_of(b"1")}


@pytest.mark.parametrize("content", [b"22", bytes(1 << 20)], ids=["small", "big"])
def test_a_folder_that_goes_meanwhile_takes_along_what_was_seen_in_it(tmp_path: Path, content: bytes) -> None:
    """The files are looked at first, then the folder above them: the later look counts."""
    root = write_tree(tmp_path / "root", {"d/1": b"1", "d/2": b"1", "d/e/x": b"1", "y": b"1"})
    first = scan(root, clock_ns=late)
    write_tree(root, {"d/1": content, "d/2": b"22"})
    moved: list[Path] = []

    def clock() -> int:
        if not moved and threading.current_thread() is threading.main_thread():
            moved.append((root / "d").rename(tmp_path / "elsewhere"))
        return LATE_NS

    dirty = [RelPath("d/1"), RelPath("d/2"), RelPath("d/e/x")]
    assert seen(rescan(root, first, dirty, clock_ns=clock)) == {"y": md5_of(b"1")}
    assert moved


def test_a_folder_above_may_have_become_a_link(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/e/a": b"1", "other/e/a": b"22"})
    first = scan(root, clock_ns=late)
    shutil.rmtree(root / "d")
    a_link(root / "d", "other")
    after = rescan(root, first, [RelPath("d")], clock_ns=late)
    assert after == scan(root, clock_ns=late)
    assert after.links == {"d"}


def test_a_big_file_is_read_by_a_thread(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/a": b"1"})
    first = scan(root, clock_ns=late)
    write_tree(root, {"d/big": bytes(1 << 20), "n/big": bytes(1 << 20)})
    assert rescan(root, first, [RelPath("d/big"), RelPath("n/big")], clock_ns=late) == scan(root, clock_ns=late)


def test_another_look_at_a_root_that_vanished_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RootVanishedError):
        rescan(tmp_path / "none", Scan(), [RelPath("a")])


@pytest.mark.parametrize("dirty", ["a", ""])
def test_another_look_during_which_the_root_goes_is_an_error(tmp_path: Path, dirty: str) -> None:
    """What was seen may be of a tree that is thrown away: nothing of it counts, least of all what was missing."""
    root = write_tree(tmp_path / "root", {"a": b"1"})
    first = scan(root, clock_ns=late)
    write_tree(root, {"a": b"22"})

    def move() -> int:
        root.rename(tmp_path / "other")
        write_tree(root, {"b": b"1"})
        return LATE_NS

    with pytest.raises(RootVanishedError, match="vanished while it was read"):
        rescan(root, first, [RelPath(dirty)], clock_ns=move)


@st.composite
def some_changes(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    paths = st.lists(some_names(), min_size=1, max_size=3).map("/".join)
    verbs = st.sampled_from(["write", "remove", "mkdir", "move", "link"])
    return draw(st.lists(st.tuples(verbs, paths, paths), max_size=6))


def carry_out(root: Path, verb: str, path: str, other: str) -> None:
    """Do one thing, if it can be done."""
    place = root / path
    with contextlib.suppress(OSError):
        match verb:
            case "write":
                place.write_bytes(b"new")
            case "remove" if place.is_dir() and not place.is_symlink():
                place.rmdir()
            case "remove":
                place.unlink()
            case "mkdir":
                place.mkdir()
            case "move":
                place.rename(root / other)
            case _:
                place.symlink_to(os.path.relpath(root / other, place.parent))


def real_path(root: Path, path: str) -> RelPath:
    """Return where ``path`` really lies below the root: events don't know of links to folders."""
    place = Path(os.path.realpath((root / path).parent), Path(path).name)
    return RelPath(str(place.relative_to(root.resolve())))


@settings(max_examples=150)
@given(some_trees(max_size=6), some_changes())
def test_another_look_at_all_that_changed_equals_a_full_scan(tree: Tree, changes: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = write_tree(Path(name), tree)
        a_link(root / "link", "a")
        before = scan(root, clock_ns=late)
        dirty: set[RelPath] = set()
        for verb, path, other in changes:
            places = {real_path(root, path), real_path(root, other)}
            carry_out(root, verb, path, other)
            dirty |= places
        after = rescan(root, before, dirty, clock_ns=late)
        for full in (scan(root, known=before.root, clock_ns=late), scan(root, clock_ns=late)):
            assert after == full
            assert stamps(after.root) == stamps(full.root)
            assert [*walk(after.root)] == [*walk(full.root)]  # in the same order, too
        check_what_is_shared(before, after, dirty)


def check_what_is_shared(before: Scan, after: Scan, dirty: set[RelPath]) -> None:
    """Whatever nothing happened to, at it or below, is the very same object."""
    looked_at = {*dirty, *before.links, *after.links}
    touched = looked_at.union(*(ancestors(path) for path in looked_at))
    for path, what in walk(before.root):
        if path not in touched and not looked_at.intersection(ancestors(path)):
            assert get(after.root, path) is what
    if not touched:
        assert after.root is before.root
