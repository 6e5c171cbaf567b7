"""Documents as trees of plain elements: the only place that knows a parser.

Reading is hardened: no entities, no network, no DTD (a DOCTYPE is refused), and bytes, depth, number of elements and
attributes have limits of our own. Nothing of a document outlives it; libxml2 keeps every name for ever. Writing is by
hand, because the bytes must be those of a real 1.3 (``protocol.md`` section 17), and ``>`` must never stand in an
attribute (section 1.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, TypeVar
from xml.parsers import expat

from sync_core.model.errors import LocalProtocolError, RemoteProtocolError
from sync_core.protocol.texts import text

__all__ = [
    "MAX_DEPTH",
    "MAX_DOCUMENT_BYTES",
    "MAX_ELEMENTS",
    "MAX_TAG_BYTES",
    "NO_CONTENTS",
    "Content",
    "Contents",
    "Element",
    "attribute",
    "can_stand_in_xml",
    "content_of",
    "parse",
    "write",
]

MAX_DOCUMENT_BYTES = 512 * 1024 * 1024
"""No session takes more; contents of about 380 MB fit as base64."""

MAX_ELEMENTS = 1_000_000
"""A full copy has two elements per file; half a million files are more than any site has."""

MAX_DEPTH = 256
"""The depth at which the original's own parser gives up unless it is told otherwise."""

MAX_TAG_BYTES = 65536
"""Of one tag or comment, about; a parser holds all of it before anybody can look at it."""

_ENCODINGS = frozenset({"utf-8", "utf-16", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252"})
_PROLOG = '<?xml version="1.0" encoding="ISO-8859-1"?>'
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


class Content(Protocol):
    """Takes what stands below one element while the document is read, so that a long one makes no tree first.

    Each may raise a ``RemoteProtocolError``. A document that turns out not to be well-formed later on is refused as
    such, so the complaint waits until somebody asks for what was read (``content_of``); nothing more is taken then.
    """

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element below."""

    def end(self) -> None:
        """Take its end."""

    def data(self, piece: str) -> None:
        """Take character data, in pieces of any length."""


@dataclass(slots=True)
class Element:
    """One element; the tree is built once and then only read.

    Attributes:
        name: as it stands there, prefix included.
        attributes: values by name, in order of writing.
        children: the elements below it, in order.
        text: all its character data, comments and processing instructions left out.
        content: what has taken all that is below, in place of ``children`` and ``text`` (see ``parse``).
        complaint: of ``content``.
    """

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""
    content: Content | None = field(default=None, repr=False, compare=False)
    complaint: RemoteProtocolError | None = field(default=None, repr=False, compare=False)


Contents = Mapping[str, Callable[[str], Content]]
"""By the name of an element, what makes the content of it; it is told that name."""

NO_CONTENTS: Contents = MappingProxyType({})

_Kind = TypeVar("_Kind", bound=Content)


def content_of(element: Element, kind: type[_Kind]) -> _Kind:
    """Return what has taken the content of ``element``, or raise what that complained of."""
    if element.complaint is not None:
        raise element.complaint
    if not isinstance(element.content, kind):
        raise LocalProtocolError(f"the content of '{element.name}' was not read by {kind.__name__}")
    return element.content


def can_stand_in_xml(value: str) -> bool:
    """Whether every character of ``value`` is allowed in XML 1.0."""
    return _FORBIDDEN.search(value) is None


class _RefusedError(Exception):
    """The document breaks a rule of ours; the message says which."""


class _PassedOver:
    """The content of an element whose own has complained."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        pass

    def end(self) -> None:
        pass

    def data(self, piece: str) -> None:
        pass


class _Builder:
    """What the parser calls; our limits hold while it reads."""

    def __init__(self, contents: Contents, *, max_elements: int, max_attribute_chars: int) -> None:
        self._contents = contents
        self._max_elements = max_elements
        self._max_attribute_chars = max_attribute_chars
        self._content: Content | None = None  # of the element that is open last
        self._below = 0  # how many elements are open within that content
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._count = 0
        self.root = Element("")  # until the first tag comes; without one the parser itself complains

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        # Python would look a made-up encoding up, and remember for ever that there is none.
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise _RefusedError(f"the encoding '{encoding[:40]}' is not supported")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > self._max_elements:
            raise _RefusedError(f"more than {self._max_elements} elements")
        if len(self._open) + self._below >= MAX_DEPTH:
            raise _RefusedError(f"elements nested deeper than {MAX_DEPTH}")
        if len("".join(attributes.values())) > self._max_attribute_chars:
            raise _RefusedError(f"attributes of '{name[:40]}' are longer than {self._max_attribute_chars} characters")
        if self._content is not None:
            self._below += 1
            try:
                self._content.start(name, attributes)
            except RemoteProtocolError as error:
                self._complain(error)
            return
        element = Element(name, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.append([])
        make = self._contents.get(name)
        if make is not None:
            self._content = element.content = make(name)

    def end(self, _name: str) -> None:
        if self._below and self._content is not None:
            self._below -= 1
            try:
                self._content.end()
            except RemoteProtocolError as error:
                self._complain(error)
            return
        self._content = None
        self._open.pop().text = "".join(self._texts.pop())

    def data(self, piece: str) -> None:
        if self._content is None:
            self._texts[-1].append(piece)
            return
        try:
            self._content.data(piece)
        except RemoteProtocolError as error:
            self._complain(error)

    def _complain(self, error: RemoteProtocolError) -> None:
        self._open[-1].complaint = error
        self._content = _PassedOver()

    def doctype(self, *_: object) -> None:
        raise _RefusedError("a DOCTYPE is not allowed")


def parse(
    document: bytes,
    contents: Contents = NO_CONTENTS,
    *,
    max_elements: int = MAX_ELEMENTS,
    max_attribute_chars: int = MAX_TAG_BYTES,
) -> Element:
    """Return the root element of ``document``.

    Args:
        document: the bytes, prolog included; without one they are UTF-8.
        contents: the elements whose content is handed on as it is read; the outermost counts.
        max_elements: most elements that it may have.
        max_attribute_chars: most characters of all values of one element's attributes.

    Raises:
        RemoteProtocolError: it is not well-formed, has a DOCTYPE, or is too large, too deep or too rich in elements.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise _malformed(f"the document is longer than {MAX_DOCUMENT_BYTES} bytes")
    builder = _Builder(contents, max_elements=max_elements, max_attribute_chars=max_attribute_chars)
    # What is plain ASCII is read as it is; all else goes by the prolog, a character at a time.
    parser = expat.ParserCreate("utf-8" if document.isascii() else None)
    parser.buffer_text, parser.buffer_size = True, MAX_TAG_BYTES // 2
    parser.XmlDeclHandler, parser.StartDoctypeDeclHandler = builder.declaration, builder.doctype
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.data
    try:
        for start in range(0, len(document), MAX_TAG_BYTES):
            before = parser.CurrentByteIndex
            parser.Parse(document[start : start + MAX_TAG_BYTES], False)
            if start and parser.CurrentByteIndex == before:
                raise _RefusedError(f"a tag or comment is longer than {MAX_TAG_BYTES} bytes")
        parser.Parse(b"", True)
    except (expat.ExpatError, _RefusedError, ValueError) as error:  # ValueError: no such character of an encoding
        raise _malformed(str(error)) from None
    return builder.root


def _malformed(reason: str) -> RemoteProtocolError:
    return RemoteProtocolError(text("XML-ERROR", reason), answer_code="XML-ERROR")


def write(root: Element, *, encoding: str, tail: str = "", is_pretty: bool = False, after_prolog: str = "\n") -> bytes:
    r"""Return the document: prolog, newline, root element, ``tail``.

    Args:
        root: its names must be XML names, and its texts base64 or markup (``attribute``), since they are written as
            they are. Characters of attributes that XML can't carry become ``?``.
        encoding: ``iso-8859-1`` or ``ascii``; what it can't hold becomes a character reference.
        tail: what ends the message on the wire.
        is_pretty: indent by two blanks, with CR LF line ends (capture 02, "command + CRLF").
        after_prolog: what stands between prolog and root; empty from version 1.6 on.
    """
    parts = [_PROLOG, after_prolog]
    _write_element(root, parts, "\n" if is_pretty else "")
    parts.append(tail)
    document = "".join(parts).encode(encoding, "xmlcharrefreplace")
    # Newlines inside of values have become references, so all that are left are line ends.
    return document.replace(b"\n", b"\r\n") if is_pretty else document


def _write_element(element: Element, parts: list[str], indent: str) -> None:
    parts.append(f"<{element.name}")
    parts += [f' {name}="{attribute(value)}"' for name, value in element.attributes.items()]
    if not element.children:
        parts += (">", element.text, f"</{element.name}>") if element.text else ("/>",)
        return
    parts.append(">")
    deeper = indent and indent + "  "
    for child in element.children:
        parts.append(deeper)
        _write_element(child, parts, deeper)
    parts.append(f"{indent}</{element.name}>")


def attribute(value: str) -> str:
    """Return ``value`` as it stands between the quotes of an attribute; what XML can't carry becomes ``?``."""
    return _FORBIDDEN.sub("?", value).translate(_ESCAPES)
