from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.edit import edited
from sync_core.model.file import File, Kind
from sync_core.model.folder import EMPTY_FOLDER, Folder, Totals, get, is_same, kind_of, names_of, walk
from sync_core.model.path import ROOT, RelPath
from tests.support.folders import NEW, a_file, a_tree, copied, folder_at, held_back, some_folders
from tests.support.plain.lists import plain


def test_trees_are_equal_by_what_is_in_them_whatever_was_asked_of_them() -> None:
    tree = a_tree({"d/a": b"1", "e": None})
    other = copied(tree)
    assert tree.digest
    assert tree == other
    assert tree != a_tree({"d/a": b"2", "e": None})
    assert tree != Folder(tree.children, is_unreadable=True)
    assert tree != a_file()
    with pytest.raises(TypeError):
        hash(tree)


def test_a_tree_shows_what_is_in_it() -> None:
    assert repr(a_tree({"d": Folder(is_unreadable=True)})) == "Folder({'d': Folder({}, is_unreadable=True)})"


def test_walks_go_folder_by_folder_in_byte_order() -> None:
    tree = a_tree({"a.b": b"", "a/z": b"", "a/b/c": b"", "\udce9": b"", "ä": b""})
    assert [path for path, _ in walk(tree)] == ["a", "a/b", "a/b/c", "a/z", "a.b", "ä", "\udce9"]
    assert [path for path, _ in walk(folder_at(tree, "a"), RelPath("a"))] == ["a/b", "a/b/c", "a/z"]


def test_lookup() -> None:
    tree = a_tree({"a/b/c": b"1"})
    assert get(tree, ROOT) is tree
    assert get(tree, RelPath("a/b/c")) == a_file(b"1")
    assert kind_of(folder_at(tree, "a/b")) is Kind.DIRECTORY
    for path in ("x", "a/x", "a/b/c/d", "a/b/c/d/e"):
        assert get(tree, RelPath(path)) is None


def test_totals() -> None:
    tree = a_tree(
        {
            "a": b"1",
            "d/new": NEW,
            "d/old": held_back(a_file(b"1")),
            "d/both": held_back(a_file(b"1"), is_unreadable=True),
            "d/e": Folder(is_unreadable=True),
            "d/e/x": File(is_unreadable=True),
            "f": None,
        }
    )
    assert tree.totals == Totals(files=5, folders=3, settling=3, unreadable=3, unknown=2)
    assert tree.totals.is_held_back
    assert Folder(is_unreadable=True).totals == Totals(unreadable=1)
    assert not a_tree({"a": b"1", "d": None}).totals.is_held_back


@given(some_folders(is_marked=True))
def test_totals_are_those_of_the_whole_list(tree: Folder) -> None:
    entries = list(plain(tree))
    files = [entry.file for entry in entries if entry.file is not None]
    assert tree.totals == Totals(
        files=len(files),
        folders=len(entries) - len(files),
        settling=sum(file.is_settling for file in files),
        unreadable=sum(entry.is_unreadable for entry in entries) + tree.is_unreadable,
        unknown=sum(file.md5 is None for file in files),
    )


def test_the_same_is_told_without_a_look_below() -> None:
    tree = a_tree({"d/a": b"1"})
    other = copied(tree)
    assert is_same(tree, tree)
    assert not is_same(tree, other), "no digest is known yet"
    assert tree.digest == other.digest
    assert is_same(tree, other)
    assert not is_same(tree, edited(tree, {RelPath("d/a"): a_file(b"2")}))
    assert is_same(tree.children["d"], other.children["d"])


@pytest.mark.parametrize(("some", "other"), [(EMPTY_FOLDER, None), (a_file(), a_file(b"1")), (EMPTY_FOLDER, a_file())])
def test_what_differs_in_kind_or_content_is_not_the_same(some: Folder | File, other: Folder | File | None) -> None:
    assert EMPTY_FOLDER.digest
    assert not is_same(some, other)


@given(some_folders(is_marked=True), some_folders(is_marked=True))
def test_what_is_the_same_has_the_same_files(one: Folder, other: Folder) -> None:
    assert one.digest and other.digest
    same_digests = plain(one).digest == plain(other).digest
    assert is_same(one, other) == (same_digests and one.is_unreadable == other.is_unreadable)


@given(st.lists(some_folders(depth=1), max_size=3))
def test_names_come_once_in_byte_order(folders: list[Folder]) -> None:
    names = names_of(None, *folders)
    assert names == sorted({name for folder in folders for name in folder.children}, key=_name_bytes)


def _name_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
