r"""Requests as bytes and back (``protocol.md`` sections 1.2, 2, 3, 8 and 11).

``encode_request`` writes what a real 1.3 slave writes: prolog, newline, root element, and neither newline nor NUL
behind it. ``decode_request`` takes all forms in which commands are sent, and refuses what a real peer's schema would
refuse. Its errors carry the whole text of the ERROR answer, and the code in ``answer_code``.
"""

from __future__ import annotations

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.commands import LISTS, ROOT_ONLY, read_command, request_element
from sync_core.protocol.framing import BLANKS
from sync_core.protocol.messages import CheckFolders, Request
from sync_core.protocol.schema import check_element, refusal, violation
from sync_core.protocol.xml import MAX_ELEMENTS, Element, parse, write

__all__ = ["MAX_DATAGRAM_BYTES", "WAKE_UP", "decode_request", "encode_request", "is_wake_up"]

WAKE_UP = b"<check_folders/>"
"""The datagram that wakes a slave up (section 6.2)."""

MAX_DATAGRAM_BYTES = 4096
"""How much of a datagram the original reads (section 6.4)."""

_MAX_ATTRIBUTE_CHARS = 4096
_OTHER_ELEMENTS = 256
"""The command itself, and what it may be wrapped in."""

_WRAPPERS = frozenset({"spooler", "commands", "command"})


def encode_request(request: Request) -> bytes:
    """Return the bytes of ``request``.

    Raises:
        UnsafeNameError: a listed name can't travel (see ``names.wire_name``); the error names it.
    """
    return write(request_element(request), encoding="iso-8859-1")


def decode_request(document: bytes, *, max_entries: int = MAX_ELEMENTS) -> Request:
    r"""Return the request that ``document`` holds.

    Args:
        document: all bytes up to where the scanner found the end, or a whole datagram. Blanks before it and white
            space behind it mean nothing, what follows a NUL is ignored, and a text without any ``<`` is a command's
            name (``show_state\n``).
        max_entries: most files and folders that it may list.

    Raises:
        RemoteProtocolError: it is malformed (``XML-ERROR``), breaks the schema (``LIBXML2-007``), lacks ``tcp_port``
            or ``scheduler_id`` (``LIBXML2-003``), is an empty list of commands (``SCHEDULER-353``), holds several of
            them (``SCHEDULER-319``), or asks for a state that is not known (``SCHEDULER-164``).
    """
    root = _root(document, max_elements=min(max_entries + _OTHER_ELEMENTS, MAX_ELEMENTS))
    command = _unwrapped(root)
    if command is not root and command.name in ROOT_ONLY:
        raise violation(f"Element '{command.name}': this command must be the root element")
    return read_command(command)


def is_wake_up(datagram: bytes) -> bool:
    """Whether ``datagram`` is a wake-up: ``<check_folders/>``, also as text, with NUL, LF or prolog, nothing else."""
    if datagram == WAKE_UP:  # what every master sends; all else needs a reader
        return True
    if b"check_folders" not in datagram or len(datagram) > MAX_DATAGRAM_BYTES:
        return False
    try:
        return isinstance(read_command(_root(datagram)), CheckFolders)
    except RemoteProtocolError:
        return False


def _root(document: bytes, *, max_elements: int = _OTHER_ELEMENTS) -> Element:
    trimmed = document.lstrip(BLANKS)
    trimmed = trimmed[: trimmed.find(b"\0")] if b"\0" in trimmed else trimmed
    if b"<" not in trimmed and trimmed:
        trimmed = b"<" + trimmed.rstrip(BLANKS) + b"/>"
    return parse(trimmed, LISTS, max_elements=max_elements, max_attribute_chars=_MAX_ATTRIBUTE_CHARS)


def _unwrapped(root: Element) -> Element:
    """Return the only command in ``root``, which may be that command itself or any nest of wrappers round it."""
    element = root
    while element.name in _WRAPPERS:
        if not element.children:
            raise refusal("SCHEDULER-353")
        check_element(element, children={child.name for child in element.children})
        if len(element.children) > 1:
            # The original runs the commands of a list one after the other; nobody needs that of jsync.
            raise refusal("SCHEDULER-319", element.children[1].name)
        element = element.children[0]
    return element
