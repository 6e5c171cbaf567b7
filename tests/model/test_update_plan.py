from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.answer_plan import PlannedWrite, UpdatePlan, plan_update, realizes
from sync_core.model.change import Adjust, MakeDirectory, Remove
from sync_core.model.edit import edited
from sync_core.model.file import File, Kind
from sync_core.model.folder import Entry, Folder, get, walk
from sync_core.model.path import RelPath, ancestors, sort_key
from tests.support.folders import (
    NEW,
    TIME,
    a_file,
    a_listed_file,
    a_tree,
    copied,
    held_back,
    obeyed,
    some_edits,
    some_folders,
)

Tree = Mapping[str, bytes | Entry | None]


def words(plan: UpdatePlan) -> list[str]:
    sign = {MakeDirectory: "/", PlannedWrite: "+", Remove: "-", Adjust: "~"}
    return [sign[type(item)] + item.path for item in plan]


@pytest.mark.parametrize(
    ("cache", "wanted", "plan"),
    [
        ({}, {}, []),
        ({"d/a": b"1"}, {"d/a": b"1"}, []),
        ({"d/a": b"1"}, {"d/a": b"2"}, ["+d/a"]),
        ({}, {"d/e": None, "d/a": b"1"}, ["/d", "+d/a", "/d/e"]),
        ({"d/e": None, "d/a": b"1", "z": b"1"}, {}, ["-d", "-z"]),
        ({"a": b"1"}, {"a/b": b"1"}, ["-a", "/a", "+a/b"]),
        ({"a/b": b"1"}, {"a": b"1"}, ["-a", "+a"]),
        ({"a": a_file(b"1", time=1)}, {"a": b"1"}, ["~a"]),
        ({"a": a_file(b"1", mode=0o600)}, {"a": b"1"}, ["~a"]),
        ({"a": a_file(b"1", mode=0o600)}, {"a": b"2"}, ["+a"]),
        ({"a": File()}, {"a": b"1"}, ["+a"]),
        ({"a": a_listed_file(b"1", time=1)}, {"a": b"1"}, []),
        ({"d/x": b"1", "d.x": b"1"}, {"d": None}, ["-d/x", "-d.x"]),
    ],
    ids=[
        "nothing",
        "same",
        "changed",
        "new folders",
        "a removed folder is one step",
        "folder for file",
        "file for folder",
        "another time",
        "another mode",
        "another content and mode",
        "a file that could not be read in the cache",
        "known by md5 alone",
        "order is by folder",
    ],
)
def test_a_plan(cache: Tree, wanted: Tree, plan: list[str]) -> None:
    assert words(plan_update(a_tree(cache), a_tree(wanted))) == plan


def test_steps_say_what_is_needed() -> None:
    cache = a_tree({"a": a_file(b"1", time=1, mode=0o600), "b": b"1", "c": None})
    wanted = a_tree({"a": b"1", "b": a_file(b"22", mode=0o755)})
    assert plan_update(cache, wanted) == (
        Adjust(path=RelPath("a"), last_write_time=TIME, mode=0o644),
        PlannedWrite.of(a_file(b"22", mode=0o755), RelPath("b")),
        Remove(path=RelPath("c"), kind=Kind.DIRECTORY),
    )


def test_a_mode_that_is_not_known_stays() -> None:
    plan = plan_update(a_tree({"a": a_file(b"1", time=1)}), a_tree({"a": a_file(b"1", mode=None)}))
    assert plan == (Adjust(path=RelPath("a"), last_write_time=TIME, mode=None),)


@pytest.mark.parametrize(
    "held",
    [
        held_back(a_file(b"old")),
        NEW,
        held_back(a_file(b"old"), is_settling=False, is_unreadable=True),
        File(is_unreadable=True),
        Folder(is_unreadable=True),
        File(),
    ],
    ids=["settling", "new", "unreadable", "never read", "unreadable folder", "without state"],
)
@pytest.mark.parametrize("cache", [{}, {"a": b"1"}, {"a": b"old"}, {"a": None}, {"a/b/c": b"1"}], ids=repr)
def test_what_is_held_back_leaves_the_cache_as_it_is(held: Entry, cache: Tree) -> None:
    assert plan_update(a_tree(cache), a_tree({"a": held})) == ()


def test_below_a_folder_that_cannot_be_read_nothing_is_removed() -> None:
    wanted = a_tree({"d": Folder(is_unreadable=True), "d/new": b"1", "d/e": None})
    cache = a_tree({"d/x": b"1", "d/e/y": b"1", "d.x": b"1"})
    assert words(plan_update(cache, wanted)) == ["+d/new", "-d.x"]
    assert words(plan_update(cache, Folder(is_unreadable=True))) == []


@given(some_folders(), some_folders(), st.booleans())
def test_the_plan_turns_the_cache_into_what_is_wanted(cache: Folder, wanted: Folder, is_digested: bool) -> None:
    assert not is_digested or (cache.digest and wanted.digest)
    assert obeyed(cache, plan_update(cache, wanted)) == wanted


@given(some_folders(is_marked=True), some_folders(is_marked=True))
def test_after_the_plan_the_cache_realizes_what_is_wanted(cache: Folder, wanted: Folder) -> None:
    after = obeyed(cache, plan_update(cache, wanted))
    assert realizes(after, wanted)
    assert plan_update(after, wanted) == ()


@given(some_folders(is_marked=True), some_folders(is_marked=True))
def test_what_is_held_back_is_not_touched(cache: Folder, wanted: Folder) -> None:
    after = obeyed(cache, plan_update(cache, wanted))
    for path, entry in walk(wanted):
        gave_way = any(isinstance(get(cache, above), File) for above in ancestors(path))
        if isinstance(entry, File) and (entry.is_held_back or entry.md5 is None) and not gave_way:
            assert get(after, path) == get(cache, path)


@given(some_folders(), some_edits())
def test_the_plan_of_an_edit_says_the_edited_paths_in_order(cache: Folder, edits: dict[RelPath, Entry | None]) -> None:
    wanted = edited(cache, edits)
    plan = plan_update(cache, wanted)
    assert obeyed(cache, plan) == wanted
    assert [item.path for item in plan] == sorted((item.path for item in plan), key=sort_key)
    for item in plan:
        assert any(path == item.path or path in ancestors(item.path) or item.path in ancestors(path) for path in edits)


@given(some_folders(is_marked=True))
def test_an_equal_tree_needs_no_update(tree: Folder) -> None:
    assert plan_update(tree, tree) == plan_update(copied(tree), tree) == ()
