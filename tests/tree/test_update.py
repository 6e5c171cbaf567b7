from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.errors import TooManyRemovalsError, UnsafeNameError
from sync_core.model.file import File, Kind
from sync_core.model.folder import EMPTY_FOLDER, walk
from sync_core.model.inventory import MaxDelete
from sync_core.model.path import RelPath
from sync_core.model.removal_budget import RemovalBudget
from sync_core.tree.update import Step, check_removals, split_hidden, with_removals
from tests.support.disk import Tree, some_trees
from tests.support.updates import adjust, content_tree, planned, steps_between

NEVER = MaxDelete(number=0, is_percentage=False)
HALF = MaxDelete(number=50, is_percentage=True)
ALL = MaxDelete(number=100, is_percentage=True)


def changes_of(text: str) -> tuple[Step, ...]:
    """Read ``+file /folder -file -folder/`` as changes."""
    return tuple(_change(word) for word in text.split())


def _change(word: str) -> Step:
    sign, path = word[0], RelPath(word[1:])
    if sign == "+":
        return WriteFile(path=path, last_write_time=0, content=b"")
    if sign == "/":
        return MakeDirectory(path=path)
    is_folder = path.endswith("/")
    return Remove(path=RelPath(path.rstrip("/")), kind=Kind.DIRECTORY if is_folder else Kind.FILE)


@pytest.mark.parametrize("path", ["..", "../a", "d/../../a", "a\\b", "a//b", "/etc/passwd", "d/.", "a\0", ""])
@pytest.mark.parametrize("sign", "+/-")
def test_names_that_must_not_reach_the_disk_are_refused(sign: str, path: str) -> None:
    change = _change("+x" if sign == "+" else f"{sign}x")
    bad = type(change)(**{name: getattr(change, name) for name in change.__slots__} | {"path": RelPath(path)})
    with pytest.raises(UnsafeNameError):
        split_hidden((change, bad))


def test_dot_names_are_set_aside() -> None:
    kept, skipped = split_hidden(changes_of("+a +.b /d +d/.c /.d +.d/e -.f /d/.g +d/h"))
    assert kept == changes_of("+a /d +d/h")
    assert skipped == (".b", "d/.c", ".d", ".d/e", ".f", "d/.g")


@pytest.mark.parametrize(
    ("before", "sent", "complete"),
    [
        ({"a": b""}, "+a", "+a"),
        ({"d": None}, "/d", "/d"),
        ({"a/x": b""}, "+a", "-a/ +a"),
        ({"a": b""}, "/a +a/x", "-a /a +a/x"),
        ({"a": b""}, "-a /a", "-a /a"),
        ({"d/a/x": b""}, "-d/ /d +d/a", "-d/ /d +d/a"),
        ({"a": b"", "b/x": b""}, "/a +b", "-a /a -b/ +b"),
        ({"a/x": b"", "b": b""}, "-a/ /a +a/x", "-a/ /a +a/x"),
    ],
)
def test_a_change_of_kind_gets_its_removal(before: Tree, sent: str, complete: str) -> None:
    assert with_removals(changes_of(sent), content_tree(before)) == changes_of(complete)


TEN: Tree = {f"d/{n}": b"" for n in range(5)} | {f"{n}": b"" for n in range(5)}


@pytest.mark.parametrize(
    ("changes", "vanishing"),
    [
        ("+new /d/e", 0),
        ("+1 +2 +d/3", 0),
        ("-1", 1),
        ("-1 -2 -none -none/", 2),
        ("-d/", 5),
        ("-d/ -1", 6),
        ("-d/ /d +d/1", 4),
        ("-d/ +d", 5),
        ("-1 /1", 1),
        ("-1 +renamed", 1),
        ("+1 -1", 1),
        ("+new -new", 0),
        ("-d/1 -d/", 5),
    ],
)
def test_files_that_vanish_are_counted(changes: str, vanishing: int) -> None:
    before = content_tree(TEN)
    check_removals(changes_of(changes), before, MaxDelete(number=vanishing, is_percentage=False))
    if vanishing:
        with pytest.raises(TooManyRemovalsError, match=f"would remove {vanishing} of 10 files"):
            check_removals(changes_of(changes), before, MaxDelete(number=vanishing - 1, is_percentage=False))


@pytest.mark.parametrize(("removed", "is_allowed"), [(5, True), (6, False)])
def test_a_percentage_is_of_the_files_before(removed: int, is_allowed: bool) -> None:
    changes = changes_of(" ".join(f"-{path}" for path in list(TEN)[:removed]))
    if is_allowed:
        check_removals(changes, content_tree(TEN), HALF)
    else:
        with pytest.raises(TooManyRemovalsError) as caught:
            check_removals(changes, content_tree(TEN), HALF)
        assert str(caught.value) == "the update would remove 6 of 10 files; max_delete (50%) allows 5"
        assert caught.value.hint is not None
        assert "raise max_delete" in caught.value.hint


def test_a_single_file_may_always_go_by_percentage_and_never_by_zero() -> None:
    before = content_tree({"a": b"", "d": None})
    check_removals(changes_of("-a"), before, HALF)
    with pytest.raises(TooManyRemovalsError):
        check_removals(changes_of("-a"), before, NEVER)
    check_removals(changes_of("-d/"), before, NEVER)


@given(some_trees(max_size=30), some_trees(max_size=30))
def test_the_count_is_that_of_the_paths_that_go(new: Tree, old: Tree) -> None:
    ours, theirs = content_tree(new), content_tree(old)
    steps = tuple(steps_between(theirs, ours))
    going = {path for path, entry in walk(theirs) if isinstance(entry, File)} - {
        path for path, entry in walk(ours) if isinstance(entry, File)
    }
    assert check_removals(steps, theirs, ALL) == len(going)


some_steps = st.lists(
    st.builds(
        lambda sign, path: _change(f"{sign}{path}"),
        st.sampled_from("+/-"),
        st.sampled_from(["a", "b", "a/a", "a/b", "a/b/a", "b/a"]),
    )
)


@given(some_trees(), some_steps)
def test_the_count_is_that_of_doing_one_step_after_the_other(old: Tree, steps: list[Step]) -> None:
    files = {path for path, content in old.items() if content is not None}
    left = set(files)
    for step in steps:
        if isinstance(step, WriteFile):
            left.add(step.path)
        elif isinstance(step, Remove):
            left = {path for path in left if path != step.path and not path.startswith(f"{step.path}/")}
    assert check_removals(steps, content_tree(old), ALL) == len(files - left)


def test_what_came_in_pieces_or_stays_as_it_is_counts_likewise() -> None:
    before = content_tree(TEN)
    assert check_removals((*changes_of("-d/ /d"), planned("d/1")), before, ALL) == 4
    assert check_removals((adjust("1"), adjust("d/1")), before, NEVER) == 0
    assert with_removals((adjust("d"),), before) == (adjust("d"),)


def test_removals_of_one_burst_count_together() -> None:
    left = content_tree(dict(list(TEN.items())[4:]))
    check_removals(changes_of("-0 -1 -2"), left, HALF)
    burst = RemovalBudget(files_before=10, removed=4, last_removal_at=0.0)
    assert check_removals(changes_of("-0"), left, HALF, burst) == 1
    assert check_removals(changes_of("+0"), left, NEVER, burst) == 0
    with pytest.raises(TooManyRemovalsError) as caught:
        check_removals(changes_of("-0 -1"), left, HALF, burst)
    assert str(caught.value) == (
        "the update would remove 2 of 6 files, 4 more have just gone; max_delete (50%) allows 5 of 10"
    )


def test_nothing_is_removed_from_nothing() -> None:
    check_removals(changes_of("-a -b/"), EMPTY_FOLDER, NEVER)
