r"""Answers as bytes and back (``protocol.md`` sections 1.3, 1.4, 2.3, 3.5 and 9).

``answer_pieces`` writes the bytes of a real 1.3: fetch answers end with NUL, all others with newline and NUL.
``decode_answer`` is as lenient as a real slave, and takes what any version from 1.3 on writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.changes import ChangesContent, encode_changes, read_changes
from sync_core.protocol.framing import BLANKS
from sync_core.protocol.list_reader import FileListContent, read_file_list
from sync_core.protocol.listing import LIST, file_list_element
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    ClusterAnswer,
    ErrorAnswer,
    FileListAnswer,
    OkAnswer,
    OtherAnswer,
    StateAnswer,
)
from sync_core.protocol.names import DIRECTORY
from sync_core.protocol.state import (
    CLUSTER,
    ERROR,
    STATE,
    cluster_element,
    error_element,
    read_cluster,
    read_error,
    read_state,
    state_element,
)
from sync_core.protocol.texts import text
from sync_core.protocol.xml import Contents, Element, parse, write

__all__ = [
    "Pieces",
    "answer_element",
    "answer_pieces",
    "decode_answer",
    "error_answer",
    "refusal_answer",
]

Pieces = tuple[bytes, ...]
"""An answer in pieces that belong together, in order; a large one in the middle may be shared with other answers."""

_JSYNC = re.compile(r"[0-9]{1,4}", re.ASCII)


def error_answer(code: str, *insertions: object) -> ErrorAnswer:
    """Return the ERROR answer with the catalogue's text for ``code``; ``KeyError``: there is no such code."""
    return ErrorAnswer(code=code, text=text(code, *insertions))


def refusal_answer(error: RemoteProtocolError) -> ErrorAnswer:
    """Return the ERROR answer to a request that ``requests.decode_request`` refused with ``error``."""
    return ErrorAnswer(code=error.answer_code, text=str(error))


def answer_pieces(answer: Answer, *, time: str, pretty: bool = False) -> Pieces:
    """Return the bytes of ``answer``, its NUL included; the last piece holds the document's end with the NUL.

    Args:
        answer: what to say.
        time: as ``times.format_answer_time`` writes it.
        pretty: indented, with CR LF line ends: for people who type requests.

    Raises:
        UnsafeNameError: a name of a file can't travel (see ``names.wire_name``); the error names it.
    """
    if pretty:
        # What is written without a tree gets one now; people ask for little.
        root = parse(write(answer_element(answer, time=time), encoding="ascii"))
        return (write(root, encoding="ascii", tail="\n\0", is_pretty=True),)
    if not isinstance(answer, ChangesAnswer):
        return (write(answer_element(answer, time=time), encoding="ascii", tail="\n\0"),)
    envelope = write(_envelope(time, text="\0"), encoding="iso-8859-1", tail="\0")
    head, _, tail = envelope.partition(b"\0")
    return (head, answer.encoded or encode_changes(answer.changes), tail)


def answer_element(answer: Answer, *, time: str) -> Element:
    """Return the whole answer as an element, in its envelope (section 1.3); raises what ``answer_pieces`` raises."""
    if isinstance(answer, ChangesAnswer):
        encoded = answer.encoded or encode_changes(answer.changes)
        return _envelope(time, text=encoded.decode("iso-8859-1"))
    return _envelope(time, _result_element(answer))


def _envelope(time: str, *results: Element, text: str = "") -> Element:
    return Element("spooler", children=[Element("answer", {"time": time}, list(results), text)])


def _result_element(
    answer: OkAnswer | ErrorAnswer | FileListAnswer | StateAnswer | ClusterAnswer | OtherAnswer,
) -> Element:
    match answer:
        case OkAnswer(jsync=number):
            return Element("ok", {"jsync": str(number)} if number else {})
        case ErrorAnswer():
            return error_element(answer)
        case FileListAnswer(tree=tree, own=own):
            return file_list_element(tree, own)
        case StateAnswer():
            return state_element(answer)
        case ClusterAnswer():
            return cluster_element(answer)
        case OtherAnswer(element=name, attributes=attributes):
            return Element(name, dict(attributes))


def decode_answer(document: bytes) -> Answer:
    """Return the answer that ``document`` holds; attributes and elements that we don't know are passed over.

    Args:
        document: with or without prolog, NUL and white space round it.

    Raises:
        RemoteProtocolError: it is malformed, or an element that we do know makes no sense: a name that is not safe
            (the error names it), a content that is missing or no strict base64, a time with a zone offset, a list
            that its digest does not agree with.
    """
    root = parse(document.strip(BLANKS), _CONTENTS)
    results = _results(root)
    by_name = {result.name: result for result in reversed(results)}
    for name, reader in _READERS.items():
        if name in by_name:
            return reader(by_name[name])
    other = results[0] if results else root.children[0] if root.children else root
    return OtherAnswer(element=other.name, attributes=dict(other.attributes))


def _results(root: Element) -> list[Element]:
    """Return what stands below ``answer``; a root that is neither wrapper stands for itself (section 1.3)."""
    if root.name == "spooler":
        return [result for child in root.children if child.name == "answer" for result in child.children]
    return root.children if root.name == "answer" else [root]


_READERS: Mapping[str, Callable[[Element], Answer]] = MappingProxyType(
    {
        ERROR: read_error,
        DIRECTORY: lambda element: ChangesAnswer(changes=read_changes(element)),
        LIST: lambda element: FileListAnswer(**read_file_list(element)._asdict()),
        STATE: read_state,
        CLUSTER: read_cluster,
        "ok": lambda element: OkAnswer(jsync=_jsync(element.attributes.get("jsync", ""))),
    }
)
"""The elements that we know, the more telling first: an ERROR counts wherever it stands."""

_CONTENTS: Contents = MappingProxyType({DIRECTORY: ChangesContent, LIST: FileListContent})


def _jsync(value: str) -> int:
    return int(value) if _JSYNC.fullmatch(value) else 0
