from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from sync_core.model.manifest import EMPTY_MANIFEST, Entry, Layer, Manifest, md5_of
from sync_core.model.merge import merge_layers
from sync_core.model.path import RelPath
from tests.support.trees import Tree, a_directory, a_manifest, some_trees


def shown(view: Manifest) -> dict[str, tuple[str, str | None]]:
    return {entry.path: (str(entry.layer), entry.md5) for entry in view}


ONE, TWO = md5_of(b"1"), md5_of(b"2")


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
def test_the_rules_of_section_3_6(shared: Tree, own: Tree, view: dict[str, tuple[str, str | None]]) -> None:
    assert shown(merge_layers(a_manifest(shared), a_manifest(own))) == view


def test_a_layer_that_does_not_exist_is_empty() -> None:
    tree = a_manifest({"a": b"1"})
    assert merge_layers(None, None) == EMPTY_MANIFEST
    assert merge_layers(tree, None) == merge_layers(tree, EMPTY_MANIFEST)
    assert merge_layers(None, tree) == merge_layers(EMPTY_MANIFEST, tree)


@pytest.mark.parametrize(
    "held", [Entry(path=RelPath("a"), is_settling=True), Entry(path=RelPath("a"), is_unreadable=True)]
)
def test_a_held_back_own_file_still_hides(held: Entry) -> None:
    view = merge_layers(a_manifest({"a": b"1"}), Manifest([held]))
    assert view.entries == (replace(held, layer=Layer.OWN),)


def test_nothing_of_all_shows_below_an_own_folder_that_cannot_be_read() -> None:
    own = Manifest([replace(a_directory("d"), is_unreadable=True)])
    view = merge_layers(a_manifest({"d/x": b"1", "d/e/y": b"1", "z": b"1"}), own)
    assert [entry.path for entry in view] == ["d", "z"]


def test_a_folder_of_all_that_cannot_be_read_marks_the_merged_one() -> None:
    shared = Manifest([replace(a_directory("d"), is_unreadable=True)])
    view = merge_layers(shared, a_manifest({"d/x": b"2", "e/y": b"2"}))
    assert {entry.path: entry.is_unreadable for entry in view} == {"d": True, "d/x": False, "e": False, "e/y": False}


@given(some_trees(), some_trees())
def test_every_name_shows_and_has_the_right_content(shared: Tree, own: Tree) -> None:
    shared_files, own_files = a_manifest(shared), a_manifest(own)
    view = merge_layers(shared_files, own_files)
    assert view.by_path.keys() == shared_files.by_path.keys() | own_files.by_path.keys()
    for entry in view.files:
        source = own_files if entry.layer is Layer.OWN else shared_files
        assert replace(entry, layer=None) == source.get(entry.path)


@given(some_trees())
def test_a_tree_under_itself_is_its_own(tree: Tree) -> None:
    manifest = a_manifest(tree)
    assert merge_layers(manifest, manifest) == merge_layers(None, manifest)
