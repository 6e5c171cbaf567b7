from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol import xml
from sync_core.protocol.xml import MAX_DEPTH, MAX_TAG_BYTES, Element, can_stand_in_xml, parse, write

PROLOG = b'<?xml version="1.0" encoding="ISO-8859-1"?>'


def test_a_document_becomes_a_tree() -> None:
    root = parse(PROLOG + b'\n<a x="1" y="&#10;&gt;">t<!-- c --><b/>u<?p i?>v<![CDATA[<w>]]></a>\r\n')
    assert root == Element("a", {"x": "1", "y": "\n>"}, [Element("b")], "tuv<w>")


@pytest.mark.parametrize("ampersand", ["&amp;", "&#38;", "&#x26;"])
@pytest.mark.parametrize("rest", ["", "#38;", "lt;", "amp;"])
def test_ampersands_are_resolved_exactly_once(ampersand: str, rest: str) -> None:
    root = parse(f'<a x="{ampersand}{rest}">{ampersand}{rest}</a>'.encode())
    assert (root.attributes["x"], root.text) == (f"&{rest}", f"&{rest}")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "no element found"),
        (b"  ", "no element found"),
        (b"<a></b>", "mismatched tag"),
        (b"<a/><b/>", "junk after document element"),
        (b"<a>&x;</a>", "undefined entity"),
        (b"<a>&#1;</a>", "invalid character number"),
        (b"<a>\x00</a>", "invalid token"),
        (b'<a x="\xff"/>', "invalid token"),
        (b'<?xml version="1.0" encoding="FOO"?><a/>', "the encoding 'FOO' is not supported"),
        (b"<!DOCTYPE a><a/>", "a DOCTYPE is not allowed"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "a DOCTYPE is not allowed"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "a DOCTYPE is not allowed"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"), "a DOCTYPE is not allowed"),
        (b"<a>" * (MAX_DEPTH + 1), "nested deeper than 256"),
    ],
)
def test_what_is_not_well_formed_is_refused(document: bytes, reason: str) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^XML-ERROR   \[") as caught:
        parse(document)
    assert caught.value.answer_code == "XML-ERROR"
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


def test_the_deepest_allowed_document_is_read() -> None:
    depth, element = 1, parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH)
    while element.children:
        depth, element = depth + 1, element.children[0]
    assert depth == MAX_DEPTH


def test_bytes_and_elements_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MAX_DOCUMENT_BYTES", 9)
    assert parse(b"<a></a>  ").name == "a"
    with pytest.raises(RemoteProtocolError, match="longer than 9 bytes"):
        parse(b"<a></a>   ")
    monkeypatch.setattr(xml, "MAX_DOCUMENT_BYTES", 99)
    assert len(parse(b"<a><b/></a>", max_elements=2).children) == 1
    with pytest.raises(RemoteProtocolError, match="more than 2 elements"):
        parse(b"<a><b/><b/></a>", max_elements=2)


@pytest.mark.parametrize(
    "attributes", [b'x="' + b"y" * 101 + b'"', b'x="' + b"y" * 51 + b'" z="' + b"&#100;" * 50 + b'"']
)
def test_attributes_are_measured(attributes: bytes) -> None:
    assert parse(b'<a x="' + b"y" * 100 + b'"/>', max_attribute_chars=100).name == "a"
    with pytest.raises(RemoteProtocolError, match=r"attributes of 'b' are longer than 100 characters"):
        parse(b"<a><b %b/></a>" % attributes, max_attribute_chars=100)


LONG = b"x" * (3 * MAX_TAG_BYTES)
MANY = b"".join(b' a%d=">"' % number for number in range(20_000))


@pytest.mark.parametrize(
    "document",
    [
        b"<" + LONG + b"/>",
        b'<a b="' + LONG + b'"/>',
        b"<a " + LONG + b'="b"/>',
        b"<a" + MANY + b"/>",
        b"<a><!--" + LONG + b"--></a>",
        b"<a><?p " + LONG + b"?></a>",
        b"<a>&" + LONG + b";</a>",
        b"<a></a" + LONG + b">",
    ],
    ids=lambda document: document[:9].decode(),
)
def test_no_tag_is_longer_than_its_bound_however_it_is_written(document: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"longer than 65536|invalid token|mismatched tag"):
        parse(document)


@pytest.mark.parametrize("unit", [b"x", b" ", b"\n", b"&amp;", b"<![CDATA[x]]>", "ä€".encode(), b"<b/>"])
@pytest.mark.parametrize("more", range(-2, 3))
def test_long_texts_are_no_long_tags(unit: bytes, more: int) -> None:
    assert parse(b"<a>" + unit * (4 * MAX_TAG_BYTES // len(unit) + more) + b"</a>").name == "a"


def test_nothing_is_kept_of_names_that_a_peer_makes_up() -> None:
    def read(first: int) -> None:
        names = (b"<n%d%b b%d='c'/>" % (number, b"x" * 60, number) for number in range(first, first + 4000))
        parse(b"<a>%b</a>" % b"".join(names))
        with contextlib.suppress(RemoteProtocolError):
            parse(b'<?xml version="1.0" encoding="e%d"?><a/>' % first)

    def rss_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    for first in range(0, 40_000, 4000):
        read(first)
    before = rss_bytes()
    for first in range(40_000, 400_000, 4000):
        read(first)
    assert rss_bytes() - before < 8 << 20


def test_texts_beyond_ten_megabytes_are_read() -> None:
    assert len(parse(b"<a>" + b"QUJD" * 3_000_000 + b"</a>").text) == 12_000_000


@given(st.binary())
def test_any_bytes_are_a_tree_or_a_protocol_error(document: bytes) -> None:
    try:
        assert parse(document).name
    except RemoteProtocolError as error:
        assert str(error).isprintable()


TREE = Element("a", {"x": "<>&\"'\t\n\r"}, [Element("b", {"y": "ä€"}), Element("c", {}, [], "QUJD")])


def test_attributes_are_escaped_as_the_scanner_needs_it() -> None:
    written = write(TREE, encoding="iso-8859-1", tail="\n\0")
    attributes = b'x="&lt;&gt;&amp;&quot;\'&#9;&#10;&#13;"'
    body = b"<a " + attributes + b'><b y="\xe4&#8364;"/><c>QUJD</c></a>'
    assert written == PROLOG + b"\n" + body + b"\n\0"


def test_ascii_documents_have_references() -> None:
    assert b'<b y="&#228;&#8364;"/>' in write(TREE, encoding="ascii")


def test_pretty_documents_are_indented_with_cr_lf() -> None:
    tree = Element("a", {}, [Element("b", {"x": "\n"}, [Element("c"), Element("d", {}, [], "QUJD")])])
    lines = [PROLOG, b"<a>", b'  <b x="&#10;">', b"    <c/>", b"    <d>QUJD</d>", b"  </b>", b"</a>", b"\0"]
    assert write(tree, encoding="ascii", tail="\n\0", is_pretty=True) == b"\r\n".join(lines)


@pytest.mark.parametrize("value", ["\0", "\x0b", "\x1f", "\ud800", "\udce4", "\ufffe", "\uffff"])
def test_what_xml_cannot_carry_becomes_a_question_mark(value: str) -> None:
    assert not can_stand_in_xml(value)
    assert write(Element("a", {"x": f"b{value}c"}), encoding="ascii").endswith(b'<a x="b?c"/>')


@given(st.text())
def test_what_xml_can_carry_is_read_back(value: str) -> None:
    if can_stand_in_xml(value):
        for encoding in ("ascii", "iso-8859-1"):
            assert parse(write(Element("a", {"x": value}), encoding=encoding)).attributes == {"x": value}
