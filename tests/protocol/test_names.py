from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import RemoteProtocolError, UnsafeNameError
from sync_core.model.path import RelPath
from sync_core.protocol.names import MAX_FOLDERS, MAX_NAME_BYTES, check_path, fits_schema, read_name, wire_name
from sync_core.protocol.xml import Element, can_stand_in_xml, parse, write
from tests.protocol.strategies import names
from tests.support.names import can_travel

BAD = ["", ".", "..", "a/b", "a\\b", "a\0b", "a\x01b", "\x1b[31m", "x" * 256, "ü" * 128]


@pytest.mark.parametrize("name", ["a", "a b", "ü.job.xml", "b\udce4r", ".hidden", "x~", "tab\t", "\x7f", "x" * 255])
def test_names_that_travel(name: str) -> None:
    assert can_travel(name)
    assert read_name("e", {"name": wire_name(name)}) == name


@pytest.mark.parametrize("name", BAD)
def test_names_that_stay_at_home(name: str) -> None:
    with pytest.raises(UnsafeNameError) as caught:
        wire_name(name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("path", [f"folder/{name}/x" for name in BAD if name != "a/b"])
def test_paths_with_a_name_that_stays_at_home(path: str) -> None:
    assert not can_travel(path)


@pytest.mark.parametrize("name", [name for name in BAD if can_stand_in_xml(name)])
def test_bad_names_are_refused_on_arrival_too(name: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_name("e", {"name": name.encode().decode("latin-1")})
    assert caught.value.answer_code == "LIBXML2-007"
    assert name[:40].encode("unicode_escape").decode() in str(caught.value) or name.startswith("ü")


def test_a_missing_name_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="Element 'e': the attribute 'name' is missing"):
        read_name("e", {})


def test_characters_beyond_bytes_are_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="beyond ISO-8859-1"):
        read_name("e", {"name": "€"})


def test_paths_may_be_deep_but_not_endless() -> None:
    deepest = RelPath("/".join("x" * MAX_FOLDERS))
    check_path(deepest)
    assert can_travel(deepest)
    assert not can_travel(deepest + "/x")
    with pytest.raises(UnsafeNameError, match="lies below more than 200 folders"):
        check_path(RelPath(deepest + "/x"))


@given(names)
def test_names_survive_documents_byte_by_byte(name: str) -> None:
    for encoding in ("ascii", "iso-8859-1"):
        document = write(Element("e", {"name": wire_name(name)}), encoding=encoding)
        assert read_name("e", parse(document).attributes) == name


@given(st.text())
def test_any_text_travels_or_not(text: str) -> None:
    try:
        assert len(wire_name(text)) <= MAX_NAME_BYTES
    except UnsafeNameError:
        assert not can_travel(text) or "/" in text
    except UnicodeEncodeError:
        assert any("\ud800" <= c <= "\udfff" for c in text)


@pytest.mark.parametrize("name", ["a", "x.job.xml", "umläut", "café", "b\udce4r", "tab\t", "a/b c/~", "lf\n", "\udca0"])
def test_names_that_a_real_schema_takes(name: str) -> None:
    assert fits_schema(name)


@pytest.mark.parametrize("name", ["Ärger", "10€", "fine/Ö/fine", "\x7f", "\udc80", "\udc9f", "日本"])
def test_names_that_a_real_schema_refuses(name: str) -> None:
    assert can_travel(name)
    assert not fits_schema(name)
