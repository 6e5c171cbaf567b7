from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import RemoteProtocolError, UnsafeNameError
from sync_core.model.path import RelPath, check_name, name_bytes, rel_path
from sync_core.protocol.dialect.names import check_names, name_of, path_of, wire_name, wire_path

raw_names = st.lists(st.sampled_from([b".", b"/", b"\\", b"\0", b"a", b"\n", b"\xff", b"..", b"bc"]), max_size=6)


@given(st.one_of(raw_names.map(b"".join), st.binary(max_size=300)))
def test_a_name_is_taken_if_it_may_be_a_files_and_is_short_enough(raw: bytes) -> None:
    name = raw.decode("utf-8", "surrogateescape")
    try:
        check_name(name)
        is_allowed = len(raw) <= 255
    except UnsafeNameError:
        is_allowed = False
    if is_allowed:
        assert name_of(raw) == name
        assert wire_name(name) == raw
        return
    with pytest.raises(RemoteProtocolError):
        name_of(raw)
    with pytest.raises(UnsafeNameError):
        wire_name(name)


@given(st.one_of(raw_names.map(b"".join), raw_names.map(b"/".join)))
def test_a_path_is_taken_if_each_of_its_names_is(raw: bytes) -> None:
    text = raw.decode("utf-8", "surrogateescape")
    try:
        path = rel_path(text)
    except UnsafeNameError:
        with pytest.raises(RemoteProtocolError):
            path_of(raw)
        with pytest.raises(UnsafeNameError):
            wire_path(RelPath(text))
        return
    assert path_of(raw) == path
    assert wire_path(path) == raw


@pytest.mark.parametrize(
    ("path", "is_allowed"),
    [
        ("/".join("a" * 200), True),
        ("/".join("a" * 201), False),
        ("/".join(["n" * 255] * 16), True),
        ("/".join(["n" * 255] * 16) + "/n", False),
        ("n" * 256, False),
        ("ü" * 127, True),
        ("ü" * 128, False),
    ],
)
def test_paths_have_bounds(path: str, is_allowed: bool) -> None:
    if is_allowed:
        assert path_of(wire_path(RelPath(path))) == path
        return
    with pytest.raises(UnsafeNameError):
        wire_path(RelPath(path))
    with pytest.raises(RemoteProtocolError):
        path_of(name_bytes(path))


@given(st.lists(st.one_of(st.sampled_from([b"a", b"b/c", b"", b"/"]), raw_names.map(b"".join)), max_size=4))
def test_many_names_are_taken_if_each_is(raw: list[bytes]) -> None:
    def is_taken(names: list[bytes]) -> bool:
        try:
            check_names(names)
        except RemoteProtocolError:
            return False
        return True

    assert is_taken(raw) == all(is_taken([name]) for name in raw)
    for name in raw:
        if is_taken([name]):
            name_of(name)
            continue
        with pytest.raises(RemoteProtocolError):
            name_of(name)
