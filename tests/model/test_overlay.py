from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given

from sync_core.model.file import File, Layer, md5_of
from sync_core.model.folder import EMPTY_FOLDER, Folder, kind_of, walk
from sync_core.model.overlay import layer_of, overlay
from tests.support.folders import NEW, a_file, a_tree, copied, folder_at, held_back, some_folders
from tests.support.plain.lists import plain
from tests.support.plain.merge import merged

ONE, TWO = md5_of(b"1"), md5_of(b"2")


def shown(shared: Folder, own: Folder) -> dict[str, tuple[str, str | None]]:
    return {
        path: (str(layer_of(own, path, kind_of(entry))), entry.md5 if isinstance(entry, File) else None)
        for path, entry in walk(overlay(shared, own))
    }


@pytest.mark.parametrize(
    ("shared", "own", "view"),
    [
        ({}, {}, {}),
        ({"a": b"1"}, {}, {"a": ("_all", ONE)}),
        ({}, {"a": b"2"}, {"a": ("own", TWO)}),
        ({"a": b"1", "b": b"1"}, {"a": b"2"}, {"a": ("own", TWO), "b": ("_all", ONE)}),
        ({"d/a": b"1"}, {"d/b": b"2"}, {"d": ("own", None), "d/a": ("_all", ONE), "d/b": ("own", TWO)}),
        ({"d": None}, {}, {"d": ("_all", None)}),
        ({"d/a": b"1"}, {"d": b"2"}, {"d": ("_all", None), "d/a": ("_all", ONE)}),
        ({"d": b"1"}, {"d/a": b"2"}, {"d": ("own", None), "d/a": ("own", TWO)}),
    ],
    ids=[
        "nothing",
        "all alone",
        "own alone",
        "own file hides",
        "folders merge",
        "empty folder",
        "folder of all wins over own file",
        "own folder wins over file of all",
    ],
)
def test_the_rules_of_section_3_6(
    shared: Mapping[str, bytes | None], own: Mapping[str, bytes | None], view: dict[str, tuple[str, str | None]]
) -> None:
    assert shown(a_tree(shared), a_tree(own)) == view


def test_a_layer_that_does_not_exist_is_empty() -> None:
    tree = a_tree({"a": b"1"})
    assert overlay(None, None) == EMPTY_FOLDER
    assert overlay(tree, None) is overlay(tree, EMPTY_FOLDER) is tree
    assert overlay(None, tree) is overlay(EMPTY_FOLDER, tree) is tree
    assert layer_of(None, next(walk(tree))[0], kind_of(a_file())) is Layer.ALL


@pytest.mark.parametrize("held", [NEW, File(is_unreadable=True), held_back(a_file(b"2"))])
def test_a_held_back_own_file_still_hides(held: File) -> None:
    own = a_tree({"a": held})
    assert overlay(a_tree({"a": b"1"}), own) == own


def test_nothing_of_all_shows_below_an_own_folder_that_cannot_be_read() -> None:
    own = a_tree({"d": Folder(is_unreadable=True)})
    view = overlay(a_tree({"d/x": b"1", "d/e/y": b"1", "z": b"1"}), own)
    assert [path for path, _ in walk(view)] == ["d", "z"]
    assert folder_at(view, "d") is folder_at(own, "d")


def test_nothing_of_all_shows_where_the_whole_own_folder_cannot_be_read() -> None:
    own = Folder({"x": a_file()}, is_unreadable=True)
    assert overlay(a_tree({"z": b"1"}), own) is own


def test_an_own_file_that_would_give_way_shows_neither_below_an_own_folder_that_cannot_be_read() -> None:
    own = a_tree({"d": Folder(is_unreadable=True), "d/a": b"2", "d/b": b"2"})
    assert [path for path, _ in walk(overlay(a_tree({"d/a/x": b"1", "d/b": b"1"}), own))] == ["d", "d/b"]


def test_a_folder_of_all_that_cannot_be_read_marks_the_merged_one() -> None:
    shared = a_tree({"d": Folder(is_unreadable=True)})
    view = overlay(shared, a_tree({"d/x": b"2", "e/y": b"2"}))
    assert [(path, entry.is_unreadable) for path, entry in walk(view)] == [
        ("d", True),
        ("d/x", False),
        ("e", False),
        ("e/y", False),
    ]
    assert overlay(Folder(is_unreadable=True), a_tree({"x": b"2"})).is_unreadable


def test_what_one_layer_has_alone_is_shared() -> None:
    shared = a_tree({"both/deep/x": b"1", "both/mine/y": b"1", "theirs/x": b"1", "z": b"1"})
    own = a_tree({"both/deep/o": b"2", "ours/x": b"2"})
    view = overlay(shared, own)
    assert folder_at(view, "theirs") is folder_at(shared, "theirs")
    assert folder_at(view, "both/mine") is folder_at(shared, "both/mine")
    assert folder_at(view, "ours") is folder_at(own, "ours")
    assert view.children["z"] is shared.children["z"]


def test_a_view_to_which_one_layer_adds_nothing_is_the_other() -> None:
    shared = a_tree({"d/x": b"1", "e": None, "z": b"1"})
    assert overlay(shared, a_tree({"d": None, "e": None})) is shared
    own = a_tree({"d/x": b"2", "d/y": b"2", "z": b"2"})
    assert overlay(a_tree({"d/x": b"1", "z": b"1"}), own) is own


def test_names_stand_in_the_order_of_their_bytes() -> None:
    view = overlay(a_tree({"b": b"1", "\U0001f600": b"1"}), a_tree({"a": b"2", "ä": b"2", "\udce9": b"2"}))
    assert list(view.children) == ["a", "b", "ä", "\udce9", "\U0001f600"]


@given(some_folders(is_marked=True), some_folders(is_marked=True))
def test_a_view_is_what_whole_lists_say(shared: Folder, own: Folder) -> None:
    view, expected = plain(overlay(shared, own)), merged(plain(shared), plain(own))
    assert list(view) == [
        type(entry)(path=entry.path, file=entry.file, is_unreadable=entry.is_unreadable) for entry in expected
    ]
    assert view.is_unreadable == expected.is_unreadable
    assert [layer_of(own, entry.path, entry.kind) for entry in view] == [entry.layer for entry in expected]


@given(some_folders(is_marked=True), some_folders(is_marked=True))
def test_the_digest_and_totals_of_a_view_are_those_of_its_copy(shared: Folder, own: Folder) -> None:
    assert shared.digest, own.digest  # known before, as a master knows them
    view = overlay(shared, own)
    assert (view.digest, view.totals) == (copied(view).digest, copied(view).totals)


@given(some_folders())
def test_a_tree_under_itself_is_itself(tree: Folder) -> None:
    assert overlay(copied(tree), tree) == tree
