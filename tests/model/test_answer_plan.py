from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.answer_plan import Plan, PlannedWrite, ReadContent, build_changes, plan_answer
from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.errors import FileTroubleError
from sync_core.model.manifest import EMPTY_MANIFEST, Entry, Kind, Layer, Manifest, md5_of
from sync_core.model.path import RelPath, ancestors
from tests.support.trees import TIME, Tree, a_directory, a_file, a_manifest, apply_to, some_trees


def words(plan: Plan) -> list[str]:
    """Return a plan as short words, for tables."""
    sign = {MakeDirectory: "/", PlannedWrite: "+", Remove: "-"}
    return [sign[type(item)] + item.path for item in plan]


def reader(tree: Mapping[str, bytes | None]) -> ReadContent:
    def read(item: PlannedWrite) -> bytes:
        content = tree.get(item.path)
        if content is None:
            raise FileTroubleError(f"{item.path} is gone")
        return content

    return read


@pytest.mark.parametrize(
    ("view", "listed", "plan"),
    [
        ({}, {}, []),
        ({"a": b"1"}, {"a": b"1"}, []),
        ({"a": b"1"}, {"a": b"2"}, ["+a"]),
        ({"a": b"1"}, {}, ["+a"]),
        ({}, {"a": b"1"}, ["-a"]),
        ({"d": None}, {}, ["/d"]),
        ({"d": None}, {"d": None}, ["/d"]),
        ({"d/a": b"1"}, {"d/a": b"1"}, ["/d"]),
        ({"d/e/f": None, "d/e/a": b"1"}, {}, ["/d", "/d/e", "+d/e/a", "/d/e/f"]),
        ({}, {"d/e/a": b"1", "d/b": b"1"}, ["-d"]),
        ({"a": b"1"}, {"a/b/c": b"1"}, ["-a", "+a"]),
        ({"a/b/c": b"1"}, {"a": b"1"}, ["-a", "/a", "/a/b", "+a/b/c"]),
        ({"a": b"1", "c": b"1"}, {"b": b"1"}, ["+a", "-b", "+c"]),
        ({"d": None, "d.x": b"1"}, {"d/x": b"1"}, ["/d", "-d/x", "+d.x"]),
        ({}, {"d/x": b"1", "d.x": b"1"}, ["-d", "-d.x"]),
    ],
    ids=[
        "nothing",
        "same",
        "changed",
        "new",
        "gone",
        "new folder",
        "same folder is repeated",
        "same folder with a file",
        "new folders with an empty one",
        "a removed folder is one element",
        "file for folder",
        "folder for file",
        "removals at their place",
        "order is by folder",
        "names that begin alike",
    ],
)
def test_the_comparison_of_section_3_4(view: Tree, listed: Tree, plan: list[str]) -> None:
    assert words(plan_answer(a_manifest(view), a_manifest(listed))) == plan


def test_equal_times_do_not_hide_other_contents() -> None:
    assert words(plan_answer(a_manifest({"a": b"1"}, time=5), a_manifest({"a": b"2"}, time=5))) == ["+a"]


def test_another_time_alone_is_not_sent() -> None:
    assert plan_answer(a_manifest({"a": b"1"}, time=5), a_manifest({"a": b"1"}, time=6)) == ()


def test_a_listed_file_without_md5_is_never_the_same() -> None:
    assert words(plan_answer(a_manifest({"a": b"1"}), Manifest([Entry(path=RelPath("a"))]))) == ["+a"]


def test_a_removal_says_the_kind_that_was_listed() -> None:
    plan = plan_answer(EMPTY_MANIFEST, a_manifest({"a": b"1", "d": None}))
    assert plan == (Remove(path=RelPath("a"), kind=Kind.FILE), Remove(path=RelPath("d"), kind=Kind.DIRECTORY))


def test_a_planned_file_says_what_is_needed() -> None:
    entry = replace(a_file("a", b"1"), layer=Layer.ALL)
    expected = PlannedWrite(path=RelPath("a"), md5=md5_of(b"1"), last_write_time=TIME, size_bytes=1, layer=Layer.ALL)
    assert plan_answer(Manifest([entry]), EMPTY_MANIFEST) == (expected,)


HELD = {
    "settling": replace(a_file("a", b"old"), is_settling=True),
    "new": Entry(path=RelPath("a"), is_settling=True),
    "unreadable": replace(a_file("a", b"old"), is_unreadable=True),
    "never read": Entry(path=RelPath("a"), is_unreadable=True),
    "unreadable folder": replace(a_directory("a"), is_unreadable=True),
    "without state": Entry(path=RelPath("a")),
}


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
@pytest.mark.parametrize("listed", [{}, {"a": b"1"}, {"a": b"old"}, {"a": None}, {"a/b/c": b"1"}], ids=repr)
def test_what_is_held_back_is_neither_sent_nor_removed(held: Entry, listed: Tree) -> None:
    assert plan_answer(Manifest([held]), a_manifest(listed)) == ()


def test_below_a_folder_that_cannot_be_read_nothing_is_removed() -> None:
    view = Manifest([replace(a_directory("d"), is_unreadable=True), a_file("d/new", b"1"), a_directory("d/e")])
    listed = a_manifest({"d/x": b"1", "d/e/y": b"1", "d.x": b"1"})
    assert words(plan_answer(view, listed)) == ["/d", "/d/e", "+d/new", "-d.x"]


def test_a_file_does_not_give_way_to_a_folder_that_cannot_be_read() -> None:
    view = Manifest([replace(a_directory("d"), is_unreadable=True), a_file("d/new", b"1")])
    assert plan_answer(view, a_manifest({"d": b"1"})) == ()


@given(some_trees(), some_trees())
def test_the_answer_turns_the_list_into_the_view(view: Tree, listed: Tree) -> None:
    ours, theirs = a_manifest(view), a_manifest(listed, time=TIME - 1)
    built = build_changes(plan_answer(ours, theirs), reader(view))
    assert built.left_out == ()
    after = apply_to(theirs, built.changes)
    assert [(entry.path, entry.kind, entry.md5) for entry in after] == [
        (entry.path, entry.kind, entry.md5) for entry in ours
    ]
    again = plan_answer(ours, after)
    assert all(isinstance(item, MakeDirectory) for item in again)


@given(some_trees(), some_trees(), st.sets(st.integers(min_value=0, max_value=30)))
def test_what_is_held_back_stays_as_it_is(view: Tree, listed: Tree, held: set[int]) -> None:
    entries = a_manifest(view).entries
    ours = Manifest(
        replace(entry, is_settling=True) if entry.is_file and n in held else entry for n, entry in enumerate(entries)
    )
    theirs = a_manifest(listed)
    built = build_changes(plan_answer(ours, theirs), reader(view))
    after = apply_to(theirs, built.changes)
    for entry in ours:
        if entry.is_held_back and not any((above := theirs.get(f)) and above.is_file for f in ancestors(entry.path)):
            assert after.get(entry.path) == theirs.get(entry.path)
        elif not entry.is_held_back:
            found = after.get(entry.path)
            assert found is not None
            assert (found.kind, found.md5) == (entry.kind, entry.md5)


def test_contents_are_put_in() -> None:
    tree = {"d/a": b"1"}
    built = build_changes(plan_answer(a_manifest(tree), EMPTY_MANIFEST), reader(tree))
    assert built.changes == (
        MakeDirectory(path=RelPath("d")),
        WriteFile(path=RelPath("d/a"), last_write_time=TIME, content=b"1"),
    )


@pytest.mark.parametrize(("now", "reason"), [({"a": b"2"}, "changed"), ({}, "a is gone")])
def test_a_file_that_cannot_be_read_as_planned_is_left_out(now: Tree, reason: str) -> None:
    plan = plan_answer(a_manifest({"a": b"1", "b": b"1"}), EMPTY_MANIFEST)
    built = build_changes(plan, reader({**now, "b": b"1"}))
    assert [change.path for change in built.changes] == ["b"]
    assert [(trouble.path, reason in trouble.reason) for trouble in built.left_out] == [("a", True)]


def test_a_file_that_is_left_out_takes_its_removal_with_it() -> None:
    plan = plan_answer(a_manifest({"a": b"1"}), a_manifest({"a/x": b"1", "0": b"1"}))
    assert words(plan) == ["-0", "-a", "+a"]
    built = build_changes(plan, reader({}))
    assert built.changes == (Remove(path=RelPath("0"), kind=Kind.FILE),)
