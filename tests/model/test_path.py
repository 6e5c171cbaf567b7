from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import UnsafeNameError
from sync_core.model.path import (
    ROOT,
    RelPath,
    ancestors,
    check_name,
    from_wire,
    join,
    name_bytes,
    name_of,
    parent_of,
    rel_path,
    sort_key,
    sort_names,
    to_wire,
)

NAME_BYTES = st.binary(min_size=1, max_size=20).filter(
    lambda raw: not set(raw) & {0, ord("/"), ord("\\")} and raw not in {b".", b".."}
)


@pytest.mark.parametrize("name", ["a", "a b", ".hidden", "...", "ä", "\udce9", "x.job.xml~", "a\tb"])
def test_names_that_may_be_used(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "''"),
        (".", "'.'"),
        ("..", "'..'"),
        ("a/b", "a slash"),
        ("/", "a slash"),
        ("a\\b", "a backslash"),
        ("..\\..\\x", "a backslash"),
        ("a\0b", "a NUL"),
    ],
)
def test_names_that_may_not(name: str, reason: str) -> None:
    with pytest.raises(UnsafeNameError, match=reason) as caught:
        check_name(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("text", ["", "a", "a/b", "a/.b/c"])
def test_paths_that_may_be_used(text: str) -> None:
    assert rel_path(text) == text


@pytest.mark.parametrize("text", ["/", "/a", "a/", "a//b", "a/../b", "..", "a/./b", "a\0"])
def test_paths_that_may_not(text: str) -> None:
    with pytest.raises(UnsafeNameError):
        rel_path(text)


def test_parts_of_a_path() -> None:
    path = RelPath("a/b/c")
    assert (parent_of(path), name_of(path), ancestors(path)) == ("a/b", "c", ("a", "a/b"))
    assert (parent_of(RelPath("a")), name_of(RelPath("a")), ancestors(RelPath("a"))) == (ROOT, "a", ())
    assert join(RelPath("a/b"), "c") == path
    assert join(ROOT, "a") == "a"


def test_paths_sort_folder_by_folder() -> None:
    paths = [RelPath(text) for text in ["a.b", "a/z", "a", "ä", "a b/c", "B", "a/b"]]
    assert sorted(paths, key=sort_key) == ["B", "a", "a/b", "a/z", "a b/c", "a.b", "ä"]


@given(NAME_BYTES)
def test_any_bytes_on_disk_survive_the_wire(raw: bytes) -> None:
    name = raw.decode("utf-8", "surrogateescape")
    assert name_bytes(name) == raw
    assert to_wire(name) == raw.decode("latin-1")
    assert from_wire(to_wire(name)) == name


def test_a_character_beyond_latin_1_is_no_name_of_the_wire() -> None:
    with pytest.raises(UnsafeNameError, match="€"):
        from_wire("€")


@given(st.lists(st.sampled_from(["a", "b", "a.b", "B", "ä", "\udce9", "\udc80", "\uffff", "\U0001f600", ""])))
def test_names_are_sorted_by_their_bytes(names: list[str]) -> None:
    assert sort_names(names) == sorted(names, key=name_bytes)
    ascii_names = [name for name in names if name.isascii()]
    assert sort_names(ascii_names) == sorted(ascii_names, key=name_bytes)
