"""An update never leaves the root, whatever it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.model.change import Changes
from sync_core.model.errors import UnsafeNameError
from sync_core.model.file import Kind
from sync_core.model.folder import EMPTY_FOLDER
from sync_core.model.path import RelPath
from sync_core.tree.apply import Update
from tests.support.disk import a_link, read_tree, write_tree
from tests.support.updates import ANY, adjust, apply, apply_changes, listed, make, remove, write


@pytest.mark.parametrize("path", ["../a", "..", "d/../../a", "/etc/x", "a\\b", "a\0b", ""])
def test_bad_names_are_refused_before_anything_is_done(tmp_path: Path, path: str) -> None:
    root = write_tree(tmp_path / "root", {"old": b"1"})
    for bad in (write(path), make(path), remove(path), remove(path, Kind.DIRECTORY)):
        with pytest.raises(UnsafeNameError):
            apply(root, write("good"), remove("old"), bad)
    assert read_tree(tmp_path) == {"root": None, "root/old": b"1"}


@pytest.mark.parametrize(
    "changes",
    [
        (make("link"), write("link/x")),
        (make("link"), make("link/new")),
        (make("link"), remove("link/x")),
        (make("link"), make("link/sub"), remove("link/sub/y")),
        (write("link/x"),),
        (remove("link/x"),),
        (make("link"),),
    ],
)
@pytest.mark.parametrize("target", ["../outside", "/", "inside", "nowhere"])
def test_nothing_is_done_through_a_link(tmp_path: Path, changes: Changes, target: str) -> None:
    write_tree(tmp_path, {"outside/x": b"1", "outside/sub/y": b"1"})
    root = write_tree(tmp_path / "root", {"inside/x": b"1", "inside/sub/y": b"1"})
    a_link(root / "link", target)
    before = read_tree(tmp_path)
    with pytest.raises(UnsafeNameError, match="'link' is a link where a folder must be"):
        apply(root, write("good"), *changes, before={})
    assert read_tree(tmp_path) == before


def test_a_link_gives_way_to_a_file_and_to_what_the_master_removes(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside/x": b"1"})
    root = write_tree(tmp_path / "root", {})
    for name in ("file", "folder", "gone"):
        a_link(root / name, "../outside")
    a_link(root / "replaced", "../outside/x")
    apply(
        root,
        remove("file", Kind.DIRECTORY),
        write("file"),
        remove("folder", Kind.DIRECTORY),
        make("folder"),
        write("folder/x"),
        remove("gone", Kind.DIRECTORY),
        write("replaced"),
        before={},
    )
    assert read_tree(root) == {"file": b"new", "folder": None, "folder/x": b"new", "replaced": b"new"}
    assert read_tree(tmp_path / "outside") == {"x": b"1"}


def test_a_removed_folder_takes_its_links_not_their_targets(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside/x": b"1"})
    root = write_tree(tmp_path / "root", {"d/e/a": b"1"})
    a_link(root / "d/e/out", "../../../outside")
    apply(root, remove("d", Kind.DIRECTORY))
    assert read_tree(tmp_path) == {"outside": None, "outside/x": b"1", "root": None}


def test_a_link_that_is_planted_meanwhile_does_not_redirect(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside": None})
    root = write_tree(tmp_path / "root", {"d/a": b"1"})

    def plant() -> str:
        (root / "d").rename(root / "moved")
        a_link(root / "d", "../outside")
        return "0123456789abcdef"

    with pytest.raises(UnsafeNameError, match="'d' is a link"):
        apply_changes(root, (make("d"), write("d/a")), before=EMPTY_FOLDER, max_delete=ANY, token=plant)
    assert read_tree(tmp_path / "outside") == {}


def test_a_link_that_is_planted_before_it_becomes_visible_does_not_redirect(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside": None})
    root = write_tree(tmp_path / "root", {"d/a": b"1"})
    with Update(root, (write("d/a"),), before=listed(root), max_delete=ANY) as update:
        update.write(RelPath("d/a"), b"new")
        (root / "d").rename(root / "moved")
        a_link(root / "d", "../outside")
        with pytest.raises(UnsafeNameError, match="'d' is a link"):
            update.show()
    assert read_tree(tmp_path / "outside") == {}
    assert (root / "moved/a").read_bytes() == b"1"


def test_a_link_is_not_adjusted_through(tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside/a": b"1"})
    root = write_tree(tmp_path / "root", {})
    a_link(root / "a", "../outside/a")
    with Update(root, (adjust("a", mode=0o777),), before=listed(tmp_path / "outside"), max_delete=ANY) as update:
        assert update.show().adjusted == ()
    assert (tmp_path / "outside/a").stat().st_mode & 0o777 == 0o644
