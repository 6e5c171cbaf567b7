from __future__ import annotations

from dataclasses import replace

import pytest

from sync_core.agent.views import Views
from sync_core.model.errors import FileTroubleError
from sync_core.model.manifest import Layer, Manifest
from tests.support.trees import a_directory, a_file, a_manifest


def test_the_own_folder_lies_over_all() -> None:
    remote = a_manifest({"_all/a": b"1", "_all/d/b": b"2", "h#1/a": b"own", "beside": b"x", "empty": None})
    views = Views(remote)
    assert views.folders == ("_all", "empty", "h#1")
    own = views.of("h#1")
    assert {entry.path: entry.layer for entry in own.files} == {"a": Layer.OWN, "d/b": Layer.ALL}
    assert [entry.path for entry in views.of(None).files] == ["a", "d/b"]
    assert views.of("empty") == views.of(None)
    assert views.of("gone") == views.of(None)
    assert views.tree_md5("h#1") == own.tree_md5 != views.tree_md5(None)
    assert views.of("h#1") is own


def test_no_folders_are_an_empty_view() -> None:
    assert len(Views(Manifest()).of("x")) == 0


@pytest.mark.parametrize(
    ("layer", "own", "folder"), [(Layer.OWN, "h#1", "h#1"), (Layer.ALL, "h#1", "_all"), (None, None, "_all")]
)
def test_where_an_entry_comes_from(layer: Layer | None, own: str | None, folder: str) -> None:
    assert Views.folder_of(layer, own) == folder


@pytest.mark.parametrize("blind", ["_all", "h#1"])
def test_a_folder_that_cannot_be_read_is_an_error_and_not_empty(blind: str) -> None:
    folders = [replace(a_directory(name), is_unreadable=name == blind) for name in ("_all", "h#1", "h#2")]
    views = Views(Manifest([*folders, a_file("h#2/x", b"1")]))
    with pytest.raises(FileTroubleError, match=blind):
        views.of("h#1")
    with pytest.raises(FileTroubleError, match=blind):
        views.tree_md5("h#1")
    if blind == "h#1":
        assert [entry.path for entry in views.of("h#2").files] == ["x"]


def test_a_deeper_folder_that_cannot_be_read_hides_only_itself() -> None:
    views = Views(Manifest([replace(a_directory("_all/d"), is_unreadable=True), a_file("_all/a", b"1")]))
    assert [entry.path for entry in views.of(None)] == ["a", "d"]
