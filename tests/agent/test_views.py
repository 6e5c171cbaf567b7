from __future__ import annotations

import pytest

from sync_core.agent.views import Views, folder_of
from sync_core.model.edit import edited
from sync_core.model.errors import FileTroubleError
from sync_core.model.file import Layer
from sync_core.model.folder import EMPTY_FOLDER, Folder, walk
from sync_core.model.path import RelPath
from tests.support.folders import a_file, a_tree, folder_at

BLIND = Folder(is_unreadable=True)


def paths(folder: Folder) -> list[str]:
    return [path for path, _ in walk(folder)]


def test_the_own_folder_lies_over_all() -> None:
    remote = a_tree({"_all/a": b"1", "_all/d/b": b"2", "h#1/a": b"own", "beside": b"x", "empty": None})
    views = Views(remote)
    assert views.folders == ("_all", "empty", "h#1")
    assert views.of("h#1") == a_tree({"a": b"own", "d/b": b"2"})
    assert views.of(None) is folder_at(remote, "_all")
    assert views.of("empty") == views.of("gone") == views.of(None)
    assert (views.own("h#1"), views.own("gone"), views.own(None)) == (folder_at(remote, "h#1"), None, None)


def test_a_view_is_laid_once_and_shares_what_one_layer_has_alone() -> None:
    remote = a_tree({"_all/d/b": b"2", "h#1/a": b"own"})
    views = Views(remote)
    assert views.of("h#1") is views.of("h#1")
    assert folder_at(views.of("h#1"), "d") is folder_at(remote, "_all/d")


def test_no_folders_are_an_empty_view() -> None:
    assert Views(EMPTY_FOLDER).of("x") == EMPTY_FOLDER
    assert Views(a_tree({"own/a": b"1"})).of("own") == a_tree({"a": b"1"})


@pytest.mark.parametrize(
    ("layer", "own", "folder"), [(Layer.OWN, "h#1", "h#1"), (Layer.ALL, "h#1", "_all"), (None, None, "_all")]
)
def test_where_an_entry_comes_from(layer: Layer | None, own: str | None, folder: str) -> None:
    assert folder_of(layer, own) == folder


@pytest.mark.parametrize("blind", ["_all", "h#1"])
def test_a_folder_that_cannot_be_read_is_an_error_and_not_empty(blind: str) -> None:
    views = Views(a_tree({"_all": None, "h#1": None, "h#2/x": b"1", blind: BLIND}))
    with pytest.raises(FileTroubleError, match=blind):
        views.of("h#1")
    if blind == "h#1":
        assert paths(views.of("h#2")) == ["x"]


def test_a_deeper_folder_that_cannot_be_read_hides_only_itself() -> None:
    views = Views(a_tree({"_all/d": BLIND, "_all/a": b"1"}))
    assert paths(views.of(None)) == ["a", "d"]


def test_whose_layers_are_the_same_keeps_the_very_same_view() -> None:
    remote = a_tree({"_all/a": b"1", "h#1/b": b"1", "h#2/b": b"2"})
    before = Views(remote)
    old = {name: before.of(name) for name in ("h#1", "h#2", None)}
    after = Views(edited(remote, {RelPath("h#2/b"): a_file(b"3")}), before)
    assert after.of("h#1") is old["h#1"]
    assert after.of(None) is old[None]
    assert after.of("h#2") == a_tree({"a": b"1", "b": b"3"})
    assert after.folders is before.folders


def test_a_change_for_all_is_in_every_view() -> None:
    remote = a_tree({"_all/a": b"1", "h#1/b": b"1"})
    before = Views(remote)
    before.of("h#1")
    after = Views(edited(remote, {RelPath("_all/a"): a_file(b"2")}), before)
    assert after.of("h#1") == a_tree({"a": b"2", "b": b"1"})
    assert after.of(None) == a_tree({"a": b"2"})


def test_a_folder_that_comes_or_goes_changes_the_view_and_the_names() -> None:
    remote = a_tree({"_all/a": b"1", "h#1/b": b"1"})
    before = Views(remote)
    before.of("h#1")
    gone = Views(edited(remote, {RelPath("h#1"): None}), before)
    assert gone.folders == ("_all",)
    assert gone.of("h#1") == a_tree({"a": b"1"})
    back = Views(remote, gone)
    assert back.of("h#1") == a_tree({"a": b"1", "b": b"1"})
