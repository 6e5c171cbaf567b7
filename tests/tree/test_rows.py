from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from sync_core.model.edit import tree_of
from sync_core.model.file import File, Stamp, md5_of, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Folder, walk
from sync_core.model.path import RelPath
from sync_core.tree.ground import MAX_DEPTH
from sync_core.tree.rows import rows_between, tree_of_rows
from tests.support.disk import Tree, some_trees

FILE = File(
    md5=md5_of(b""), sha256=sha256_of(b""), size_bytes=0, last_write_time=0, mode=0o600, stamp=Stamp(1, 2, 3, 4)
)


def a_tree(tree: Tree) -> Folder:
    return tree_of(
        (RelPath(path), EMPTY_FOLDER if what is None else replace(FILE, size_bytes=len(what)))
        for path, what in tree.items()
    )


def rows_of(tree: Folder) -> dict[bytes, bytes]:
    return {path: record for path, record in rows_between(EMPTY_FOLDER, tree) if record is not None}


@given(some_trees(), some_trees())
def test_rows_lead_from_one_tree_to_the_other(one: Tree, other: Tree) -> None:
    before, after = a_tree(one), a_tree(other)
    rows = dict(rows_of(before))
    for path, record in rows_between(before, after):
        if record is None:
            del rows[path]
        else:
            assert rows.get(path) != record
            rows[path] = record
    assert rows == rows_of(after)
    files = [(path, what) for path, what in walk(after) if isinstance(what, File)]
    assert [entry for entry in walk(tree_of_rows(sorted(rows.items()))) if isinstance(entry[1], File)] == files


def test_equal_trees_have_nothing_between_them() -> None:
    tree = {"d/a": b"1", "b": b""}
    assert list(rows_between(a_tree(tree), a_tree(tree))) == []


def a_row(*names: str) -> tuple[bytes, bytes]:
    """Return a row that nothing but its names is wrong with."""
    ((path, record),) = rows_of(tree_of([(RelPath("/".join(names)), FILE)])).items()
    return path, record


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([a_row("a"), a_row("a")], "out of order"),
        ([a_row("b"), a_row("a")], "out of order"),
        ([a_row("a"), a_row("a", "b")], "below a file"),
        ([a_row("a", "b"), a_row("a", "b", "c", "d")], "below a file"),
        ([a_row("a\\b")], "not allowed"),
        ([a_row("..")], "not allowed"),
        ([a_row("..", "a")], "not allowed"),
        ([a_row("a", ".h")], "not allowed"),
        ([a_row("a\x1b", "b")], "not allowed"),
        ([a_row("a", "", "b")], "not allowed"),
        ([a_row(*"x" * (MAX_DEPTH + 2))], "too deep"),
        ([("a", a_row("a")[1])], "no sense"),
        ([(b"a", None)], "no sense"),
        ([(b"a", a_row("a")[1][:-1])], "no sense"),
        ([(b"a", a_row("b")[1])], "damaged"),
    ],
)
def test_rows_that_make_no_sense_are_refused(rows: list[tuple[object, object]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        tree_of_rows(rows)


def test_no_bit_of_a_row_can_change_unnoticed() -> None:
    path, record = a_row("d", "a")
    row = path + record
    for bit in range(8 * len(row)):
        changed = bytearray(row)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="it has"):
            tree_of_rows([(bytes(changed[: len(path)]), bytes(changed[len(path) :]))])


def test_a_mode_with_more_than_permissions_is_refused() -> None:
    rows = rows_of(Folder({"a": replace(FILE, mode=0o4755)}))
    with pytest.raises(ValueError, match="no sense"):
        tree_of_rows(rows.items())


def test_files_as_deep_as_a_scan_goes_are_kept() -> None:
    tree = tree_of([(RelPath("/".join(["d"] * MAX_DEPTH)), FILE)])
    assert tree_of_rows(rows_of(tree).items()) == tree
