from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.edit import edited, folder_of, tree_of, with_children
from sync_core.model.file import Stamp
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get, walk
from sync_core.model.path import RelPath, ancestors
from tests.support.folders import a_file, a_tree, copied, file_at, folder_at, some_edits, some_folders
from tests.support.plain import lists
from tests.support.plain.lists import plain


def test_names_are_sorted_by_their_bytes() -> None:
    assert list(folder_of({"ä": a_file(), "a.b": a_file(), "a": a_file(), "\udce9": a_file()}).children) == [
        "a",
        "a.b",
        "ä",
        "\udce9",
    ]


def test_children_are_replaced_added_and_removed() -> None:
    folder = a_tree({"a": b"1", "b": b"1", "c": b"1"})
    after = with_children(folder, {"a": a_file(b"2"), "aa": a_file(b"1"), "b": None, "x": None})
    assert after == a_tree({"a": b"2", "aa": b"1", "c": b"1"})
    assert list(after.children) == ["a", "aa", "c"]
    assert folder == a_tree({"a": b"1", "b": b"1", "c": b"1"}), "what was before stays"


def test_a_folder_keeps_its_mark() -> None:
    folder = Folder({"a": a_file()}, is_unreadable=True)
    assert with_children(folder, {"a": None}) == Folder(is_unreadable=True)
    assert with_children(folder, {"0": a_file()}).is_unreadable


def test_the_very_same_folder_comes_back_where_nothing_is_different() -> None:
    tree = a_tree({"d/a": b"1", "e": None})
    same: dict[RelPath, Entry | None] = {
        RelPath("d/a"): a_file(b"1"),
        RelPath("e"): EMPTY_FOLDER,
        RelPath("x/y"): None,
        RelPath("d/x"): None,
    }
    assert edited(tree, same) is tree
    assert edited(tree, {RelPath("d"): copied(folder_at(tree, "d"))}) is tree


def test_another_stamp_alone_is_kept() -> None:
    tree = a_tree({"d/e/a": b"1"})
    after = edited(tree, {RelPath("d/e/a"): replace(a_file(b"1"), stamp=Stamp(1, 2, 3, 4))})
    assert file_at(after, "d/e/a").stamp == Stamp(1, 2, 3, 4)
    assert after == tree


def test_folders_on_the_way_are_made_and_take_the_place_of_files() -> None:
    after = edited(a_tree({"a": b"1", "z": b"1"}), {RelPath("a/b/c"): a_file(b"2"), RelPath("n/m"): EMPTY_FOLDER})
    assert after == a_tree({"a/b/c": b"2", "n/m": None, "z": b"1"})


def test_below_an_edited_folder_edits_change_that_one() -> None:
    edits: dict[RelPath, Entry | None] = {
        RelPath("d"): a_tree({"x": b"1", "y": b"1"}),
        RelPath("d/y"): a_file(b"2"),
        RelPath("d/x"): None,
    }
    assert edited(a_tree({"d/old": b"1"}), edits) == a_tree({"d/y": b"2"})


def test_a_removal_below_a_file_removes_nothing() -> None:
    tree = a_tree({"a": b"1"})
    assert edited(tree, {RelPath("a/b"): None}) is tree


@given(some_folders(is_marked=True), some_edits(is_marked=True))
def test_an_edited_tree_is_the_edited_list(tree: Folder, edits: dict[RelPath, Entry | None]) -> None:
    before = plain(tree)
    after = edited(tree, edits)
    assert plain(after) == lists.edited(before, edits)
    assert plain(tree) == before
    assert list(walk(after)) == list(walk(lists.folder_of(plain(after)))), "names stay sorted"


@given(some_folders(is_marked=True), some_edits(is_marked=True))
def test_what_is_not_on_the_way_to_an_edit_is_shared(tree: Folder, edits: dict[RelPath, Entry | None]) -> None:
    after = edited(tree, edits)
    touched = {place for path in edits for place in (path, *ancestors(path))}
    for path, entry in walk(tree):
        if path not in touched and not any(above in edits for above in ancestors(path)):
            assert get(after, path) is entry


@given(some_folders(is_marked=True), some_edits(is_marked=True))
def test_the_digest_after_an_edit_is_that_of_a_new_tree(tree: Folder, edits: dict[RelPath, Entry | None]) -> None:
    assert tree.digest
    after = edited(tree, edits)
    assert (after.digest, after.totals) == (copied(after).digest, copied(after).totals)


def test_a_tree_of_flat_entries_has_the_folders_on_the_way() -> None:
    tree = tree_of(
        [(RelPath("a/b/c"), a_file(b"1")), (RelPath("a"), Folder(is_unreadable=True)), (RelPath("0"), a_file())]
    )
    assert [(path, entry.is_unreadable) for path, entry in walk(tree)] == [
        ("0", False),
        ("a", True),
        ("a/b", False),
        ("a/b/c", False),
    ]


@given(some_folders(is_marked=True), st.randoms())
def test_a_tree_of_its_own_entries_is_the_tree(tree: Folder, random: Random) -> None:
    entries = list(walk(tree))
    random.shuffle(entries)
    assert tree_of(entries).children == tree.children


FILE = a_file()


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([("a", FILE), ("a", FILE)], "twice"),
        ([("a", EMPTY_FOLDER), ("a", EMPTY_FOLDER)], "twice"),
        ([("a", FILE), ("a", EMPTY_FOLDER)], "twice"),
        ([("a", EMPTY_FOLDER), ("a", FILE)], "twice"),
        ([("a/b", FILE), ("a", FILE)], "twice"),
        ([("a", FILE), ("a/b", FILE)], "below a file"),
    ],
)
def test_a_path_stands_once_and_nothing_lies_below_a_file(entries: list[tuple[str, Entry]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        tree_of((RelPath(path), entry) for path, entry in entries)
