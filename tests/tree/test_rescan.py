"""Another look at what may have changed equals a full scan."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_core.model.errors import RootVanishedError
from sync_core.model.manifest import md5_of
from sync_core.model.observation import Scan
from sync_core.model.path import ROOT, RelPath
from sync_core.tree.scan import rescan, scan
from tests.support.scans import late, seen, troubles
from tests.support.trees import Tree, a_link, some_names, some_trees, write_tree


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


def test_another_look_at_a_root_that_vanished_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RootVanishedError):
        rescan(tmp_path / "none", Scan(), [RelPath("a")])


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
        dirty: list[RelPath] = []
        for verb, path, other in changes:
            places = {real_path(root, path), real_path(root, other)}
            carry_out(root, verb, path, other)
            dirty += places
        assert rescan(root, before, dirty, clock_ns=late) == scan(root, known=before.observations, clock_ns=late)
