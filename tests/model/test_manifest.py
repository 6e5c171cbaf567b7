from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from sync_core.model.manifest import EMPTY_MANIFEST, Entry, Kind, Manifest, md5_of
from sync_core.model.path import RelPath
from tests.support.trees import Tree, a_directory, a_file, a_manifest, some_trees


def test_entries_are_sorted_folder_by_folder() -> None:
    manifest = Manifest([a_file("a.b"), a_file("a/z"), a_directory("a"), a_file("a/b/c")])
    assert [entry.path for entry in manifest] == ["a", "a/b", "a/b/c", "a/z", "a.b"]


def test_folders_of_a_path_are_entries_too() -> None:
    manifest = Manifest([a_file("a/b/c")])
    assert manifest == Manifest([a_directory("a"), a_directory("a/b"), a_file("a/b/c")])
    assert len(manifest) == 3
    assert manifest.files == (a_file("a/b/c"),)


def test_lookup() -> None:
    manifest = Manifest([a_file("a/b")])
    assert manifest.get(RelPath("a/b")) == a_file("a/b")
    assert manifest.get(RelPath("a/c")) is None


def test_a_path_stands_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        Manifest([a_file("a"), a_directory("a")])


def test_nothing_lies_below_a_file() -> None:
    with pytest.raises(ValueError, match="below a file"):
        Manifest([a_file("a"), a_file("a/b")])


@pytest.mark.parametrize("md5", ["", "x" * 32, "D" * 32, "d" * 31, "d" * 32 + "\n"])
def test_an_md5_is_32_lower_case_hex_digits(md5: str) -> None:
    with pytest.raises(ValueError, match="not an md5"):
        Entry(path=RelPath("a"), md5=md5)


def test_a_directory_has_no_md5() -> None:
    with pytest.raises(ValueError, match="directory"):
        Entry(path=RelPath("a"), kind=Kind.DIRECTORY, md5=md5_of(b""))


def test_what_is_held_back() -> None:
    settling = replace(a_file("a", b"old"), is_settling=True)
    new = Entry(path=RelPath("b"), is_settling=True)
    unreadable = Entry(path=RelPath("c"), is_unreadable=True)
    manifest = Manifest([settling, new, unreadable, a_file("d"), a_directory("e")])
    assert [entry.is_held_back for entry in manifest] == [True, True, True, False, False]
    assert manifest.settling == 2
    assert [entry.path for entry in manifest.known] == ["a", "d", "e"]


def test_the_digest_of_nothing_is_that_of_no_bytes() -> None:
    assert EMPTY_MANIFEST.tree_md5 == md5_of(b"")


def test_the_digest_line_by_line() -> None:
    manifest = Manifest([a_file("ä/x y", b"1", time=7), Entry(path=RelPath("\udce9"))])
    lines = [
        "directory - - ä".encode() + b"\0",
        f"file {md5_of(b'1')} 7 ä/x y".encode() + b"\0",
        b"file - - \xe9\0",
    ]
    assert manifest.tree_md5 == md5_of(b"".join(lines))


@given(some_trees(), some_trees())
def test_digests_agree_exactly_when_trees_do(one: Tree, other: Tree) -> None:
    ours, theirs = a_manifest(one), a_manifest(other)
    assert (ours.tree_md5 == theirs.tree_md5) == (ours == theirs)
    assert a_manifest(dict(reversed(list(one.items())))).tree_md5 == ours.tree_md5


def test_another_time_is_another_digest() -> None:
    assert a_manifest({"a": b""}, time=1).tree_md5 != a_manifest({"a": b""}, time=2).tree_md5
