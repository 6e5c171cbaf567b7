from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.answer_plan import PlannedWrite, plan_answer
from sync_core.model.change import MakeDirectory, Remove
from sync_core.model.empty_first import empty_first
from sync_core.model.manifest import Entry, Kind, Manifest
from sync_core.model.path import RelPath
from tests.support.trees import a_manifest

NOTHING = Manifest()


def told(view: Manifest, listed: Manifest) -> tuple[list[str], bool]:
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
        ({"d/e/f/a": b"1"}, ["-d/"]),
        ({"d/e": None, "d/f": None}, ["-d/"]),
        ({"d": b"a file"}, ["-d"]),
    ],
)
def test_what_does_no_harm_stays_as_it_is(listed: dict[str, bytes | None], expected: list[str]) -> None:
    assert told(NOTHING, a_manifest(listed)) == (expected, False)


def test_several_files_go_first_and_their_folders_in_the_next_answer() -> None:
    listed = a_manifest({"d/a": b"1", "d/b": b"2", "d/e/c": b"3", "d/f": None, "one/x": b"4", "z": b"5"})
    assert told(NOTHING, listed) == (["d/", "-d/a", "-d/b", "d/e/", "-d/e/c", "d/f/", "-one/", "-z"], True)
    emptied = a_manifest({"d/e": None, "d/f": None})
    assert told(NOTHING, emptied) == (["-d/"], False)


def test_what_takes_the_place_of_a_full_folder_waits_for_the_next_answer() -> None:
    view = a_manifest({"d": b"now a file", "n": b"new"})
    assert told(view, a_manifest({"d/a": b"1", "d/b": b"2"})) == (["d/", "-d/a", "-d/b", "+n"], True)
    assert told(view, a_manifest({"d": None, "n": b"new"})) == (["-d/", "+d"], False)


@st.composite
def trees(draw: st.DrawFn) -> Manifest:
    paths = draw(st.sets(st.sampled_from(["a", "b/a", "b/b", "b/c/a", "b/c/b", "d/a", "d/b", "d"]), max_size=8))
    kept = [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
    return a_manifest({path: draw(st.sampled_from([b"1", b"2", None])) for path in kept})


@given(trees(), trees())
def test_two_answers_bring_all_and_no_folder_is_removed_with_several_files(view: Manifest, listed: Manifest) -> None:
    for _ in range(2):
        plan, has_more = empty_first(plan_answer(view, listed), listed)
        for item in plan:
            if isinstance(item, Remove) and item.kind is Kind.DIRECTORY:
                assert sum(entry.is_file and entry.path.startswith(f"{item.path}/") for entry in listed) <= 1
        listed = _after(plan, listed)
    assert not has_more
    assert {(e.path, e.kind, e.md5) for e in listed} == {(e.path, e.kind, e.md5) for e in view}


def _after(plan: tuple[MakeDirectory | PlannedWrite | Remove, ...], listed: Manifest) -> Manifest:
    left = {entry.path: entry for entry in listed}
    for item in plan:
        if isinstance(item, Remove):
            left = {p: e for p, e in left.items() if p != item.path and not p.startswith(f"{item.path}/")}
        elif isinstance(item, PlannedWrite):
            left[item.path] = Entry(path=item.path, md5=item.md5, last_write_time=item.last_write_time)
        else:
            left.setdefault(RelPath(item.path), Entry(path=item.path, kind=Kind.DIRECTORY))
    return Manifest(left.values())
