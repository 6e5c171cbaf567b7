"""What an update does to a tree."""

from __future__ import annotations

import logging
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.model.errors import FileTroubleError
from sync_core.model.file import Kind
from sync_core.model.folder import EMPTY_FOLDER
from sync_core.model.path import RelPath
from sync_core.tree.apply import Applied
from tests.support.disk import a_link, read_tree, write_tree
from tests.support.updates import apply, make, remove, write


def test_an_update_does_all_it_should(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"same": b"1", "changed": b"old", "gone": b"1", "d/gone": b"1", "e/f/gone": b"1"})
    result = apply(
        root,
        write("changed"),
        make("d"),
        remove("d/gone"),
        write("d/new"),
        remove("e", Kind.DIRECTORY),
        remove("gone"),
        make("n"),
        make("n/m"),
        write("n/m/new", b""),
    )
    assert read_tree(root) == {
        "changed": b"new",
        "d": None,
        "d/new": b"new",
        "n": None,
        "n/m": None,
        "n/m/new": b"",
        "same": b"1",
    }
    assert replace(result, tree=EMPTY_FOLDER) == Applied(
        written=(RelPath("changed"), RelPath("d/new"), RelPath("n/m/new")),
        made=(RelPath("n"), RelPath("n/m")),
        removed=(RelPath("d/gone"), RelPath("e"), RelPath("gone")),
    )
    assert not result.is_empty


def test_an_update_without_news_changes_nothing(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"d/a": b"1"})
    assert apply(root, make("d"), remove("none"), remove("d/a/none"), remove("no/ne", Kind.DIRECTORY)).is_empty
    assert read_tree(root) == {"d": None, "d/a": b"1"}


def test_a_file_gets_the_masters_time_and_the_umasks_mode(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        apply(tmp_path, make("d"), write("d/a", time=5))
    finally:
        os.umask(mask)
    found, folder = (tmp_path / "d/a").stat(), (tmp_path / "d").stat()
    assert (found.st_mtime_ns, stat.S_IMODE(found.st_mode)) == (5 * 10**9, 0o640)
    assert stat.S_IMODE(folder.st_mode) == 0o750


@pytest.mark.parametrize(("before", "after"), [(0o600, 0o600), (0o444, 0o444), (0o000, 0o400), (0o4755, 0o755)])
def test_a_file_keeps_its_mode_as_far_as_we_can_read_it(tmp_path: Path, before: int, after: int) -> None:
    write_tree(tmp_path, {"a": b"1"})
    (tmp_path / "a").chmod(before)
    apply(tmp_path, write("a"))
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == after


def test_a_file_is_replaced_not_rewritten(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a": b"old"})
    with (tmp_path / "a").open("rb") as reader:
        apply(tmp_path, write("a"))
        assert reader.read() == b"old"


def test_kinds_change(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a/x/y": b"1", "b": b"1"})
    result = apply(root, remove("a", Kind.DIRECTORY), write("a"), remove("b"), make("b"), make("b/c"), write("b/c/d"))
    assert read_tree(root) == {"a": b"new", "b": None, "b/c": None, "b/c/d": b"new"}
    assert result.removed == ("a", "b")
    assert result.made == ("b", "b/c")


def test_a_change_of_kind_that_a_real_master_sends_without_removal(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a/x/y": b"1", "b": b"1"})
    assert apply(root, write("a"), make("b"), write("b/c")).removed == ("a", "b")
    assert read_tree(root) == {"a": b"new", "b": None, "b/c": b"new"}


def test_a_folder_that_is_removed_and_made_anew(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a/x/y": b"1", "a/z": b"1"})
    apply(root, remove("a", Kind.DIRECTORY), make("a"), make("a/x"), write("a/x/y"))
    assert read_tree(root) == {"a": None, "a/x": None, "a/x/y": b"new"}


def test_other_removals_come_last_and_deepest_first(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"a": b"1", "d/e/b": b"1", "d/c": b"1", "k/x": b"1"})
    result = apply(
        root,
        remove("a"),
        make("d"),
        remove("d/c"),
        make("d/e"),
        remove("d/e/b"),
        remove("k", Kind.DIRECTORY),
        write("k"),
    )
    assert result.removed == ("k", "d/e/b", "d/c", "a")


def test_dot_names_are_skipped_and_told(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {".mine": b"1", ".d/x": b"1"})
    result = apply(root, write(".mine"), remove(".d", Kind.DIRECTORY), make(".e"), write(".e/y"), write("a"))
    assert read_tree(root) == {".mine": b"1", ".d": None, ".d/x": b"1", "a": b"new"}
    assert replace(result, tree=EMPTY_FOLDER) == Applied(
        written=(RelPath("a"),), skipped=tuple(map(RelPath, [".mine", ".d", ".e", ".e/y"]))
    )


def test_names_of_any_bytes_can_be_written(tmp_path: Path) -> None:
    names = ["ä", "\udce9", "a b", "line\nbreak", "x.job.xml~"]
    apply(tmp_path, *(write(name) for name in names))
    assert read_tree(tmp_path).keys() == set(names)


def test_the_root_is_made_if_only_it_is_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    apply(tmp_path / "cache", write("a"))
    assert read_tree(tmp_path / "cache") == {"a": b"new"}
    assert "made the folder" in caplog.text
    with pytest.raises(FileTroubleError, match="does not exist") as caught:
        apply(tmp_path / "none/cache", write("a"))
    assert str(tmp_path / "none") in str(caught.value.hint)
    assert not (tmp_path / "none").exists()


def test_a_root_may_be_a_link_but_no_file(tmp_path: Path) -> None:
    write_tree(tmp_path, {"real": None, "file": b"1"})
    apply(a_link(tmp_path / "cache", "real"), write("a"))
    assert read_tree(tmp_path / "real") == {"a": b"new"}
    with pytest.raises(FileTroubleError, match="can't be used: Not a directory"):
        apply(tmp_path / "file", write("a"), before={})
