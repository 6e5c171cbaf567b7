from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.answer_plan import plan_answer, plan_update, realizes
from sync_core.model.change import MakeDirectory
from sync_core.model.compare import Counts, State, compare
from sync_core.model.edit import edited
from sync_core.model.file import File, Kind, Layer
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get
from sync_core.model.overlay import overlay
from sync_core.model.path import RelPath, sort_key
from tests.support.folders import (
    NEW,
    TIME,
    a_file,
    a_listed_file,
    a_tree,
    as_listed,
    copied,
    file_at,
    held_back,
    some_edits,
    some_folders,
)
from tests.support.plain.compare import differences, same_files
from tests.support.plain.lists import plain
from tests.support.plain.merge import merged

Tree = Mapping[str, bytes | Entry | None]


def states(master: Folder, slave: Folder) -> dict[str, str]:
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
    diff = compare(a_tree(master), a_tree(slave))
    assert {entry.path: entry.state for entry in diff.entries} == expected
    assert diff.is_in_sync == (not expected)


@pytest.mark.parametrize("other", [a_file(b"1", time=2), a_file(b"1", mode=0o755), a_listed_file(b"1", time=None)])
def test_another_time_or_mode_is_no_difference(other: File) -> None:
    diff = compare(a_tree({"a": b"1"}), a_tree({"a": other}))
    assert (diff.entries, diff.counts) == ((), Counts(same=1))


def test_an_entry_says_both_sides() -> None:
    master, slave = a_tree({"d/a": b"1"}), a_tree({"d/a": b"22"})
    (entry,) = compare(master, slave, own=a_tree({"d/a": b"1"})).entries
    assert (entry.kind, entry.state, entry.layer) == (Kind.FILE, State.CHANGED, Layer.OWN)
    assert (entry.master, entry.slave) == (file_at(master, "d/a"), file_at(slave, "d/a"))


def test_entries_have_no_layer_where_nobody_knows_the_layers() -> None:
    assert [entry.layer for entry in compare(a_tree({"d/a": b"1"}), EMPTY_FOLDER).entries] == [None, None]
    known = compare(a_tree({"d/a": b"1"}), EMPTY_FOLDER, own=EMPTY_FOLDER)
    assert [entry.layer for entry in known.entries] == [Layer.ALL, Layer.ALL]


def test_the_kind_of_a_change_of_kind_is_the_masters() -> None:
    (entry,) = compare(a_tree({"a": None}), a_tree({"a": b""})).entries
    assert (entry.kind, entry.state) == (Kind.DIRECTORY, State.CHANGED)


def test_a_slave_whose_list_has_no_md5_is_not_the_same() -> None:
    assert states(a_tree({"a": b""}), a_tree({"a": File()})) == {"a": "changed"}


def test_two_unknown_contents_are_not_the_same_though_their_folders_look_alike() -> None:
    unknown = a_tree({"d/a": File(), "d/b": b"1"})
    assert copied(unknown).digest == unknown.digest
    diff = compare(unknown, unknown)
    assert {entry.path: entry.state for entry in diff.entries} == {"d/a": "changed"}
    assert diff.counts == Counts(same=1, changed=1)


@pytest.mark.parametrize(
    ("slave", "expected"),
    [({"a": b"old"}, {}), ({"a": b"new"}, {"a": "changed"}), ({}, {"a": "missing"})],
)
def test_a_file_that_settles_counts_with_its_old_state(slave: Tree, expected: dict[str, str]) -> None:
    master = a_tree({"a": held_back(a_file(b"old"))})
    assert states(master, a_tree(slave)) == expected
    assert compare(master, a_tree(slave)).settling == 1


@pytest.mark.parametrize(
    "unknown",
    [NEW, File(is_unreadable=True), Folder(is_unreadable=True)],
    ids=["new file that settles", "unreadable file", "unreadable folder"],
)
@pytest.mark.parametrize("slave", [{}, {"a": b"1"}, {"a": None}, {"a/b/c": b"1"}], ids=repr)
def test_what_the_master_does_not_know_is_left_out(unknown: Entry, slave: Tree) -> None:
    diff = compare(a_tree({"a": unknown}), a_tree(slave))
    assert (diff.entries, diff.counts) == ((), Counts())
    is_settling = isinstance(unknown, File) and unknown.is_settling
    assert (diff.settling, diff.unreadable) == (int(is_settling), int(unknown.is_unreadable))


def test_a_neighbour_of_the_unknown_is_compared() -> None:
    slave = a_tree({"d/x": b"1", "d.x": b"1"})
    assert states(a_tree({"d/new": NEW}), slave) == {"d/x": "extra", "d.x": "extra"}


def test_what_is_the_same_is_counted_without_a_walk() -> None:
    tree = a_tree({"d/e/a": b"1", "d/b": b"2", "c": b"3"})
    other = edited(copied(tree), {RelPath("c"): a_file(b"4")})
    assert tree.digest != other.digest  # both are known now
    for folder in (tree.children["d"], other.children["d"]):
        assert isinstance(folder, Folder)
        assert folder.totals.files == 2
        folder.children = _Untouchable()  # whoever walked here would fall
    assert compare(tree, other).counts == Counts(same=2, changed=1)
    assert not realizes(other, tree)
    assert [item.path for item in plan_update(other, tree)] == ["c"]


class _Untouchable(dict[str, Entry]):
    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"it was walked: {name}")


@given(some_folders())
def test_a_tree_does_not_differ_from_itself(tree: Folder) -> None:
    for other in (tree, copied(tree)):
        diff = compare(tree, other)
        assert diff.is_in_sync
        assert diff.counts == Counts(same=tree.totals.files)


@given(some_folders(is_marked=True), some_folders(is_marked=True), some_folders(is_marked=True), st.booleans())
def test_a_difference_is_what_whole_lists_say(shared: Folder, own: Folder, slave: Folder, is_digested: bool) -> None:
    master = overlay(shared, own)
    assert not is_digested or (master.digest and slave.digest)
    diff = compare(master, slave, own=own)
    expected = merged(plain(shared), plain(own))
    found = [(entry.path, entry.kind, entry.state, entry.layer) for entry in diff.entries]
    assert found == differences(expected, plain(slave))
    assert diff.counts.same == same_files(expected, plain(slave))
    for entry in diff.entries:
        assert (entry.master, entry.slave) == (get(master, entry.path), get(slave, entry.path))
    marked = sum(entry.is_unreadable for entry in expected) + expected.is_unreadable
    assert (diff.settling, diff.unreadable) == (sum(entry.is_settling for entry in expected), marked)


@given(some_folders(is_marked=True), some_edits(is_marked=True))
def test_trees_that_share_folders_differ_as_whole_lists_do(master: Folder, edits: dict[RelPath, Entry | None]) -> None:
    slave = edited(master, edits)
    diff = compare(master, slave)
    assert [(entry.path, entry.kind, entry.state, entry.layer) for entry in diff.entries] == differences(
        plain(master), plain(slave)
    )
    assert diff.counts.same == same_files(plain(master), plain(slave))


@given(some_folders(), some_folders())
def test_every_path_is_told_once_and_the_other_way_round_missing_is_extra(one: Folder, other: Folder) -> None:
    there, back = compare(one, other), compare(other, one)
    paths = [entry.path for entry in there.entries]
    assert paths == sorted(set(paths), key=sort_key)
    assert paths == [entry.path for entry in back.entries]
    assert (there.counts.missing, there.counts.extra) == (back.counts.extra, back.counts.missing)


@pytest.mark.parametrize(
    ("have", "wanted", "is_realized"),
    [
        ({"a": a_file(b"1")}, {"a": a_file(b"1")}, True),
        ({"a": a_file(b"1")}, {"a": a_file(b"2")}, False),
        ({"a": a_file(b"1")}, {"a": a_file(b"1", time=TIME + 1)}, False),
        ({"a": a_file(b"1")}, {"a": a_file(b"1", mode=0o755)}, False),
        ({"a": a_file(b"1")}, {"a": a_file(b"1", time=None, mode=None)}, True),
        ({"a": a_listed_file(b"1", time=1)}, {"a": a_file(b"1", mode=0o755)}, True),
        ({"a": a_listed_file(b"2")}, {"a": a_file(b"1")}, False),
        ({"a": a_file(b"1", time=1)}, {"a": a_listed_file(b"1")}, True),
        ({"a": File()}, {"a": a_file(b"1")}, False),
        ({}, {"a": None}, False),
        ({"a": None}, {}, False),
        ({"a": None}, {"a": b"1"}, False),
        ({"d/x": b"1"}, {"d": Folder(is_unreadable=True)}, True),
        ({"d/x": b"1"}, {"d": Folder(is_unreadable=True), "d/y": b"1"}, False),
        ({"a/x": b"1", "b": b"1"}, {"a": NEW, "b": held_back(a_file(b"2"))}, True),
    ],
)
def test_a_tree_realizes_what_is_wanted(have: Tree, wanted: Tree, is_realized: bool) -> None:
    assert realizes(a_tree(have), a_tree(wanted)) is is_realized


@given(some_folders(is_marked=True), some_folders(is_marked=True), st.booleans())
def test_what_is_realized_needs_no_update(have: Folder, wanted: Folder, is_digested: bool) -> None:
    assert not is_digested or (have.digest and wanted.digest)
    assert realizes(have, wanted) == (not plan_update(have, wanted))


@given(some_folders(is_marked=True), some_folders(is_marked=True))
def test_to_whom_has_listed_what_is_wanted_only_its_folders_are_repeated(have: Folder, wanted: Folder) -> None:
    listed = as_listed(have)
    plan = plan_answer(wanted, listed)
    is_repetition = all(isinstance(item, MakeDirectory) and get(listed, item.path) is not None for item in plan)
    assert realizes(listed, wanted) == is_repetition


@given(some_folders(is_marked=True))
def test_every_tree_realizes_itself(tree: Folder) -> None:
    assert realizes(tree, tree)
    assert realizes(copied(tree), tree)
