from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from sync_core.model.compare import Counts, State, compare
from sync_core.model.manifest import Entry, Kind, Layer, Manifest
from sync_core.model.path import RelPath, sort_key
from tests.support.trees import Tree, a_directory, a_file, a_manifest, some_trees


def states(master: Manifest, slave: Manifest) -> dict[str, str]:
    return {entry.path: entry.state for entry in compare(master, slave).entries}


@pytest.mark.parametrize(
    ("master", "slave", "expected"),
    [
        ({}, {}, {}),
        ({"a": b"1"}, {"a": b"1"}, {}),
        ({"a": b"1"}, {"a": b"2"}, {"a": "changed"}),
        ({"a": b"1"}, {}, {"a": "missing"}),
        ({}, {"a": b"1"}, {"a": "extra"}),
        ({"d": None}, {"d": None}, {}),
        ({"d": None}, {}, {"d": "missing"}),
        ({}, {"d/a": b"1"}, {"d": "extra", "d/a": "extra"}),
        ({"a": b"1"}, {"a/b": b"1"}, {"a": "changed", "a/b": "extra"}),
        ({"a/b": b"1"}, {"a": b"1"}, {"a": "changed", "a/b": "missing"}),
    ],
    ids=[
        "nothing",
        "same",
        "changed",
        "missing",
        "extra",
        "same folder",
        "missing folder",
        "extra folder",
        "file for folder",
        "folder for file",
    ],
)
def test_states(master: Tree, slave: Tree, expected: dict[str, str]) -> None:
    diff = compare(a_manifest(master), a_manifest(slave))
    assert {entry.path: entry.state for entry in diff.entries} == expected
    assert diff.is_in_sync == (not expected)


def test_another_time_is_no_difference() -> None:
    diff = compare(a_manifest({"a": b"1"}, time=1), a_manifest({"a": b"1"}, time=2))
    assert (diff.entries, diff.counts) == ((), Counts(same=1))


def test_an_entry_says_both_sides() -> None:
    ours = replace(a_file("d/a", b"1"), layer=Layer.OWN)
    (entry,) = compare(Manifest([ours]), Manifest([a_file("d/a", b"22")])).entries
    assert (entry.kind, entry.state, entry.layer) == (Kind.FILE, State.CHANGED, Layer.OWN)
    assert (entry.master, entry.slave) == (ours, a_file("d/a", b"22"))


def test_the_kind_of_a_change_of_kind_is_the_masters() -> None:
    (entry,) = compare(Manifest([a_directory("a")]), Manifest([a_file("a")])).entries
    assert (entry.kind, entry.state) == (Kind.DIRECTORY, State.CHANGED)


def test_a_slave_whose_list_has_no_md5_is_not_the_same() -> None:
    assert states(Manifest([a_file("a")]), Manifest([Entry(path=RelPath("a"))])) == {"a": "changed"}


def test_two_unknown_contents_are_not_the_same() -> None:
    unknown = Manifest([Entry(path=RelPath("a"))])
    assert states(unknown, unknown) == {"a": "changed"}


@pytest.mark.parametrize(
    ("slave", "expected"),
    [({"a": b"old"}, {}), ({"a": b"new"}, {"a": "changed"}), ({}, {"a": "missing"})],
)
def test_a_file_that_settles_counts_with_its_old_state(slave: Tree, expected: dict[str, str]) -> None:
    master = Manifest([replace(a_file("a", b"old"), is_settling=True)])
    assert states(master, a_manifest(slave)) == expected
    assert compare(master, a_manifest(slave)).settling == 1


@pytest.mark.parametrize(
    "unknown",
    [
        Entry(path=RelPath("a"), is_settling=True),
        Entry(path=RelPath("a"), is_unreadable=True),
        Entry(path=RelPath("a"), kind=Kind.DIRECTORY, is_unreadable=True),
    ],
    ids=["new file that settles", "unreadable file", "unreadable folder"],
)
@pytest.mark.parametrize("slave", [{}, {"a": b"1"}, {"a": None}, {"a/b/c": b"1"}], ids=repr)
def test_what_the_master_does_not_know_is_left_out(unknown: Entry, slave: Tree) -> None:
    diff = compare(Manifest([unknown]), a_manifest(slave))
    assert (diff.entries, diff.counts) == ((), Counts())
    assert (diff.settling, diff.unreadable) == (int(unknown.is_settling), int(unknown.is_unreadable))


def test_a_neighbour_of_the_unknown_is_compared() -> None:
    master = Manifest([Entry(path=RelPath("d/new"), is_settling=True)])
    assert states(master, a_manifest({"d/x": b"1", "d.x": b"1"})) == {"d/x": "extra", "d.x": "extra"}


@given(some_trees())
def test_a_tree_does_not_differ_from_itself(tree: Tree) -> None:
    manifest = a_manifest(tree)
    diff = compare(manifest, manifest)
    assert diff.is_in_sync
    assert diff.counts == Counts(same=len(manifest.files))


@given(some_trees(), some_trees())
def test_every_path_is_told_once_and_the_counts_are_right(master: Tree, slave: Tree) -> None:
    ours, theirs = a_manifest(master), a_manifest(slave)
    diff = compare(ours, theirs)
    paths = [entry.path for entry in diff.entries]
    assert paths == sorted(set(paths), key=sort_key)
    assert diff.counts.missing == len(ours.by_path.keys() - theirs.by_path.keys())
    assert diff.counts.extra == len(theirs.by_path.keys() - ours.by_path.keys())
    assert diff.counts.changed + diff.counts.missing + diff.counts.extra == len(paths)
    same = [entry for entry in ours.files if entry == theirs.get(entry.path)]
    assert diff.counts.same == len(same)


@given(some_trees(), some_trees())
def test_the_other_way_round_missing_is_extra(master: Tree, slave: Tree) -> None:
    there = compare(a_manifest(master), a_manifest(slave))
    back = compare(a_manifest(slave), a_manifest(master))
    assert [entry.path for entry in there.entries] == [entry.path for entry in back.entries]
    assert (there.counts.missing, there.counts.extra) == (back.counts.extra, back.counts.missing)
