"""What may be asked by HTTP, and what is said then: the HTTP dialect without its transport (``protocol.md`` section 8).

An answer is a document of version 1.6 or later: no newline behind the prolog, no NUL, times in UTC without fractions in
files, pure ASCII. So it does not matter which of the ways of section 8.2 a peer takes to find out how it is encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.answers import answer_element, decode_answer, error_answer
from sync_core.protocol.commands import REGISTER
from sync_core.protocol.listing import LIST
from sync_core.protocol.messages import Answer, ErrorAnswer, FetchUpdatedFiles, Register, Request
from sync_core.protocol.texts import one_line
from sync_core.protocol.xml import Element, write

__all__ = [
    "ANSWER_TYPE",
    "COMMAND_PATH",
    "REQUEST_TYPE",
    "SERVER_NAME",
    "HttpRefusal",
    "accepts_gzip",
    "check_post",
    "command_of_get",
    "decode_http_answer",
    "encode_http_answer",
    "raw_only_refusal",
]

COMMAND_PATH = "/jobscheduler/engine/command"
"""Where a slave posts its request (section 8.2)."""

REQUEST_TYPE = "text/xml"
"""What every supervisor takes: those of 1.6 and 1.7 refuse ``application/xml`` (section 8.4)."""

ANSWER_TYPE = "text/xml; charset=ISO-8859-1"

SERVER_NAME = "jsync"
"""Of the header ``Server``: a jsync slave may list to jsync names that a real supervisor refuses."""

_PATHS = frozenset({COMMAND_PATH, "/jobscheduler/master/api/command"})
_XML_TYPES = frozenset({"text/xml", "application/xml"})
_READ_ONLY = ("<show_", "<s ", "<s/", "show_", "s ")
_MAX_FIELDS = 16
_ABSOLUTE = re.compile(r"[Hh][Tt][Tt][Pp]://[^/?]*")
_PROLOG = re.compile(r"\s*<\?xml\s[^>]*\?>")
_ONLY_RAW = {Register: REGISTER, FetchUpdatedFiles: LIST}
_CHARSETS = {"utf-8": "utf-8", "iso-8859-1": "iso-8859-1", "us-ascii": "ascii"}
_NO_FRACTION = re.compile(r"(\d)\.000Z")
_FILE_TIME = re.compile(rb'( last_write_time="[^"]*)\.000Z(?=")')


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRefusal:
    """A request that is not carried out; ``status``: of the answer; ``reason``: for the log."""

    status: HTTPStatus
    reason: str


def check_post(
    target: str, *, content_type: str, content_encoding: str = "", origin: str | None = None
) -> HttpRefusal | None:
    """Return why a POST is refused before its body is read, ``None`` if it is not.

    Browsers let any page send forms and plain text to any address, but XML only to servers that allow it, which we
    never do. A page whose name was made to mean our address gets past that, and then tells its origin. Schedulers send
    none.

    Args:
        target: of the request line.
        content_type: the header's value, parameters included; empty = missing.
        content_encoding: the header's value; no client of section 8.2 compresses its requests.
        origin: the value of the header ``Origin``, if there is one.
    """
    path, _ = _split(target)
    if path not in _PATHS:
        return HttpRefusal(status=HTTPStatus.NOT_FOUND, reason="there is nothing at this path")
    if origin is not None:
        return HttpRefusal(status=HTTPStatus.FORBIDDEN, reason="commands are not taken from web pages")
    if content_type.partition(";")[0].strip().lower() not in _XML_TYPES:
        return HttpRefusal(status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, reason="the content is not declared as XML")
    if content_encoding.strip().lower() not in {"", "identity"}:
        return HttpRefusal(status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, reason="the content is compressed")
    return None


def command_of_get(target: str) -> bytes | HttpRefusal:
    """Return the command that a GET asks for, for ``requests.decode_request``; only such as change nothing.

    Both forms of section 8.4 are understood: ``/<show_state/>`` and ``/jobscheduler/engine/command?command=…``, whether
    percent-encoded or not.
    """
    path, query = _split(target)
    command = unquote(path)[1:]
    if not command.startswith("<"):
        command = _command_of(query) if path in _PATHS else ""
    if not command:
        return HttpRefusal(status=HTTPStatus.NOT_FOUND, reason="there is nothing at this path")
    if not command.startswith(_READ_ONLY) and command != "s":
        return HttpRefusal(status=HTTPStatus.FORBIDDEN, reason="only commands that show something may be asked by GET")
    return command.encode("utf-8", "replace")


def _split(target: str) -> tuple[str, str]:
    """Return path and query; a slave whose URL ends in ``/`` asks for ``//jobscheduler/…`` (section 8.1)."""
    path, _, query = _ABSOLUTE.sub("", target).partition("?")
    path = "/" + path.lstrip("/")
    return (path.rstrip("/") if path.rstrip("/") in _PATHS else path), query


def _command_of(query: str) -> str:
    try:
        return parse_qs(query, max_num_fields=_MAX_FIELDS).get("command", [""])[0].strip()
    except ValueError:
        return ""


def raw_only_refusal(request: Request) -> ErrorAnswer | None:
    """Return SCHEDULER-222 for what belongs to a raw TCP connection, ``None`` for all else (sections 2.2 and 3.1)."""
    name = _ONLY_RAW.get(type(request))
    return None if name is None else error_answer("SCHEDULER-222", name)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the value of ``Accept-Encoding`` names ``gzip``, or everything, and does not forbid it."""
    qualities: dict[str, bool] = {}
    for item in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        is_forbidden = any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
        qualities[coding] = not is_forbidden
    return qualities.get("gzip", qualities.get("*", False))


def encode_http_answer(answer: Answer, *, time: str) -> bytes:
    """Return the body of an answer; an ERROR gets ``time`` in place of its own.

    Args:
        answer: what to say.
        time: as ``times.format_utc_time`` writes it.

    Raises:
        UnsafeNameError: a name of a file can't travel (see ``names.wire_name``); the error names it.
    """
    if isinstance(answer, ErrorAnswer):
        answer = replace(answer, time=time.partition(".")[0] + "Z")
    root = answer_element(answer, time=time)
    for element in _all(root):
        if any(value.endswith(".000Z") for value in element.attributes.values()) and element.name != "answer":
            element.attributes = {name: _time_of_1_6(name, value) for name, value in element.attributes.items()}
    # Lists and changes are markup already, in which a quote ends a value wherever it stands.
    return _FILE_TIME.sub(rb"\1Z", write(root, encoding="ascii", after_prolog=""))


def _time_of_1_6(name: str, value: str) -> str:
    return _NO_FRACTION.sub(r"\1Z", value) if name.endswith("_at") else value


def _all(element: Element) -> Iterator[Element]:
    yield element
    for child in element.children:
        yield from _all(child)


def decode_http_answer(body: bytes, *, charset: str | None) -> Answer:
    """Return the answer that a body holds.

    Real servers from 1.10 on write UTF-8, say so in the header, and leave ``ISO-8859-1`` in the prolog (section 8.4):
    a charset of the header wins. The C++ server's trailing NUL is passed over.

    Args:
        body: after any decompression.
        charset: of the header ``Content-Type``; ``None`` leaves it to the prolog.

    Raises:
        RemoteProtocolError: it makes no sense; see ``answers.decode_answer``.
    """
    if charset is None:
        return decode_answer(body)
    encoding = _CHARSETS.get(charset.strip().lower())
    try:
        text = body.decode(encoding or "")
    except (LookupError, UnicodeDecodeError):
        message = f"the answer is not encoded as its header says: '{one_line(charset[:40])}'"
        raise RemoteProtocolError(message) from None
    return decode_answer(_PROLOG.sub("", text, count=1).encode("utf-8", "surrogatepass"))
