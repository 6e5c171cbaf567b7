from __future__ import annotations

import pytest
from hypothesis import given

from sync_core.model.answer_plan import PlannedWrite, plan_answer
from sync_core.model.change import Change, Changes, MakeDirectory, Remove, WriteFile
from sync_core.model.errors import TooManyRemovalsError, UnsafeNameError
from sync_core.model.inventory import MaxDelete
from sync_core.model.manifest import EMPTY_MANIFEST, Kind
from sync_core.model.path import RelPath
from sync_core.tree.update import check_removals, split_hidden, with_removals
from tests.support.trees import Tree, a_manifest, some_trees

NEVER = MaxDelete(number=0, is_percentage=False)
HALF = MaxDelete(number=50, is_percentage=True)


def changes_of(text: str) -> Changes:
    """Read ``+file /folder -file -folder/`` as changes."""
    return tuple(_change(word) for word in text.split())


def _change(word: str) -> Change:
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
    ],
)
def test_a_change_of_kind_gets_its_removal(before: Tree, sent: str, complete: str) -> None:
    assert with_removals(changes_of(sent), a_manifest(before)) == changes_of(complete)


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
    before = a_manifest(TEN)
    check_removals(changes_of(changes), before, MaxDelete(number=vanishing, is_percentage=False))
    if vanishing:
        with pytest.raises(TooManyRemovalsError, match=f"would remove {vanishing} of 10 files"):
            check_removals(changes_of(changes), before, MaxDelete(number=vanishing - 1, is_percentage=False))


@pytest.mark.parametrize(("removed", "is_allowed"), [(5, True), (6, False)])
def test_a_percentage_is_of_the_files_before(removed: int, is_allowed: bool) -> None:
    changes = changes_of(" ".join(f"-{path}" for path in list(TEN)[:removed]))
    if is_allowed:
        check_removals(changes, a_manifest(TEN), HALF)
    else:
        with pytest.raises(TooManyRemovalsError) as caught:
            check_removals(changes, a_manifest(TEN), HALF)
        assert str(caught.value) == "the update would remove 6 of 10 files; max_delete (50%) allows 5"
        assert caught.value.hint is not None
        assert "raise max_delete" in caught.value.hint


def test_a_single_file_may_always_go_by_percentage_and_never_by_zero() -> None:
    before = a_manifest({"a": b"", "d": None})
    check_removals(changes_of("-a"), before, HALF)
    with pytest.raises(TooManyRemovalsError):
        check_removals(changes_of("-a"), before, NEVER)
    check_removals(changes_of("-d/"), before, NEVER)


@given(some_trees(), some_trees())
def test_the_count_is_that_of_the_paths_that_go(view: Tree, listed: Tree) -> None:
    ours, theirs = a_manifest(view), a_manifest(listed)
    changes = tuple(
        WriteFile(path=item.path, last_write_time=0, content=b"") if isinstance(item, PlannedWrite) else item
        for item in plan_answer(ours, theirs)
    )
    going = {entry.path for entry in theirs.files} - {entry.path for entry in ours.files}
    check_removals(changes, theirs, MaxDelete(number=len(going), is_percentage=False))
    if going:
        with pytest.raises(TooManyRemovalsError):
            check_removals(changes, theirs, MaxDelete(number=len(going) - 1, is_percentage=False))


def test_nothing_is_removed_from_nothing() -> None:
    check_removals(changes_of("-a -b/"), EMPTY_MANIFEST, NEVER)
