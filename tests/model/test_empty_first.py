from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.answer_plan import Plan, PlannedWrite, plan_answer, portion
from sync_core.model.change import MakeDirectory, Remove
from sync_core.model.empty_first import empty_first
from sync_core.model.file import Kind
from sync_core.model.folder import EMPTY_FOLDER, Folder, get
from tests.support.folders import a_tree, as_listed, obeyed, some_folders


class FragileSlave:
    """A model of the 32-bit build: does one thing after the other, and dies of what kills that (section 17)."""

    def __init__(self, tree: Folder) -> None:
        self.tree = tree

    def obey(self, plan: Plan) -> None:
        for item in plan:
            if isinstance(item, Remove) and item.kind is Kind.DIRECTORY:
                assert most_entries(get(self.tree, item.path)) <= 1, f"it died of {item.path!r}"
            self.tree = obeyed(self.tree, [item])


def most_entries(folder: object) -> int:
    if not isinstance(folder, Folder):
        return 0
    return max([len(folder.children), *map(most_entries, folder.children.values())])


def told(view: Folder, listed: Folder) -> tuple[list[str], bool]:
    plan, has_more = empty_first(plan_answer(view, listed), listed)
    return [_said(item) for item in plan], has_more


def _said(item: MakeDirectory | PlannedWrite | Remove) -> str:
    if isinstance(item, Remove):
        return f"-{item.path}" + ("/" if item.kind is Kind.DIRECTORY else "")
    return f"{item.path}/" if isinstance(item, MakeDirectory) else f"+{item.path}"


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ({"d": None}, ["-d/"]),
        ({"d/a": b"1"}, ["-d/"]),
        ({"d/e": None}, ["-d/"]),
        ({"d/e/f/a": b"1"}, ["-d/"]),
        ({"d": b"a file"}, ["-d"]),
    ],
)
def test_what_does_no_harm_stays_as_it_is(listed: Mapping[str, bytes | None], expected: list[str]) -> None:
    assert told(EMPTY_FOLDER, a_tree(listed)) == (expected, False)


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ({"d/a": b"1", "d/b": b"2"}, ["d/", "-d/a", "-d/b"]),
        ({"d/e": None, "d/f": None}, ["d/", "-d/e/", "-d/f/"]),
        ({"d/a": b"1", "d/e/f/a": b"1"}, ["d/", "-d/a", "-d/e/"]),
        ({"d/e/a": b"1", "d/e/b": b"2"}, ["d/", "d/e/", "-d/e/a", "-d/e/b"]),
        ({"d/e/f": None, "d/e/g": None, "d/x": b"1"}, ["d/", "d/e/", "-d/e/f/", "-d/e/g/", "-d/x"]),
    ],
    ids=["files", "empty folders", "a file and a folder", "files below", "folders below"],
)
def test_what_has_several_entries_is_emptied_first(listed: Mapping[str, bytes | None], expected: list[str]) -> None:
    assert told(EMPTY_FOLDER, a_tree(listed)) == (expected, True)


def test_a_folder_goes_when_it_has_one_entry_at_most() -> None:
    assert told(EMPTY_FOLDER, a_tree({"d/e": None, "one/x": b"4", "z": b"5"})) == (["-d/", "-one/", "-z"], False)


def test_what_takes_the_place_of_a_full_folder_waits_for_a_later_answer() -> None:
    view = a_tree({"d": b"now a file", "n": b"new"})
    assert told(view, a_tree({"d/a": b"1", "d/b": b"2"})) == (["d/", "-d/a", "-d/b", "+n"], True)
    assert told(view, a_tree({"d": None, "n": b"new"})) == (["-d/", "+d"], False)


@given(some_folders(), some_folders())
def test_a_fragile_slave_survives_and_ends_at_the_view(view: Folder, listed: Folder) -> None:
    slave, has_more, answers = FragileSlave(as_listed(listed)), True, 0
    while has_more:
        plan, has_more = empty_first(plan_answer(view, slave.tree), slave.tree)
        slave.obey(plan)
        answers += 1
    assert answers <= 4, "one answer a level, and one for what takes the place"
    assert all(isinstance(item, MakeDirectory) for item in plan_answer(view, slave.tree))


@given(some_folders(), some_folders(), st.integers(min_value=0, max_value=4))
def test_a_fragile_slave_survives_portions_too(view: Folder, listed: Folder, most_bytes: int) -> None:
    slave, has_more = FragileSlave(as_listed(listed)), True
    while has_more:
        before = slave.tree
        plan, is_full = empty_first(plan_answer(view, slave.tree), slave.tree)
        plan, is_cut = portion(plan, most_bytes=most_bytes)
        slave.obey(plan)
        has_more = is_full or is_cut
        assert slave.tree != before or not has_more, "there would be no end to it"
    assert all(isinstance(item, MakeDirectory) for item in plan_answer(view, slave.tree))
