"""What our reader takes, lxml takes too, and reads the same out of it (``docs/decisions/0023``)."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.xml import Element, parse
from tests.fuzz import seeds

_NAMES = st.sampled_from(["a", "b", "configuration.file", "spooler", "\xfc"])
_TEXTS = st.text(st.characters(codec="iso-8859-1", exclude_categories=["Cc"]), max_size=8)
_MISC = st.sampled_from(["", "<!-- c -->", "<?p i?>", "<![CDATA[<&]]>", "&lt;", "&#228;", " \r\n\t"])


def _read_by_lxml(document: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, strip_cdata=True
    )
    return _element(etree.fromstring(document, parser))


def _element(found: etree._Element) -> Element:
    children = list(found)
    return Element(
        str(found.tag),
        {str(name): str(value) for name, value in found.attrib.items()},
        [_element(child) for child in children],
        "".join([found.text or "", *(child.tail or "" for child in children)]),
    )


def _written(name: str, attributes: dict[str, str], inner: list[str]) -> str:
    said = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{said}>{''.join(inner)}</{name}>"


_LEAVES = st.one_of(_MISC, _TEXTS.map(escape))
_BODIES = st.recursive(
    _LEAVES,
    lambda inner: st.builds(_written, _NAMES, st.dictionaries(_NAMES, _TEXTS, max_size=3), st.lists(inner, max_size=3)),
    max_leaves=10,
)
_DOCUMENTS = st.builds(
    _written, _NAMES, st.dictionaries(_NAMES, _TEXTS, max_size=3), st.lists(_BODIES, max_size=4)
).map(lambda body: f'<?xml version="1.0" encoding="ISO-8859-1"?>\n{body}'.encode("iso-8859-1", "xmlcharrefreplace"))


@given(_DOCUMENTS)
def test_a_document_says_the_same_to_both(document: bytes) -> None:
    assert parse(document) == _read_by_lxml(document)


@given(st.sampled_from(sorted(set(seeds.requests()))), st.integers(0, 400), st.integers(0, 9), st.binary(max_size=6))
def test_what_is_taken_is_well_formed_to_both(seed: bytes, at: int, gone: int, new: bytes) -> None:
    document = seed[:at] + new + seed[at + gone :]
    if b"\0" in document or b"xmlns" in document or b":" in document.split(b"<", 1)[-1].split(b">", 1)[0]:
        return  # namespaces are names to us
    try:
        ours = parse(document)
    except RemoteProtocolError:
        return
    assert ours == _read_by_lxml(document)
