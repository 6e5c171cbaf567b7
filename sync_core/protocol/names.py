"""Names of files and folders on their way into a document and out of it.

A name travels byte by byte as ISO-8859-1 (``protocol.md`` section 3.2). What is checked here is checked in both
directions, so that we never send what we would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sync_core.model.errors import UnsafeNameError
from sync_core.model.path import RelPath, check_name, from_wire, name_bytes, to_wire
from sync_core.protocol.schema import violation
from sync_core.protocol.texts import one_line
from sync_core.protocol.xml import can_stand_in_xml

__all__ = [
    "DIRECTORY",
    "FILE",
    "MAX_FOLDERS",
    "MAX_NAME_BYTES",
    "MAX_PATH_BYTES",
    "check_path",
    "fits_schema",
    "is_long",
    "read_name",
    "wire_name",
]

DIRECTORY = "configuration.directory"
FILE = "configuration.file"

MAX_NAME_BYTES = 255
"""What every file system that matters allows at most."""

MAX_PATH_BYTES = 4096
"""What Linux takes at once; a folder in the way to a longer one can't be opened by its path."""

MAX_FOLDERS = 200
"""How deep a tree may be; documents stay well below the depth that parsers allow."""


_HARMLESS = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.+,=@#~ -]{0,254}", re.ASCII)
"""Names that are the same on disk and on the wire, and that no rule is about; nearly all are of these."""

_BEYOND_SCHEMA = re.compile("[^\t\r\n\x20-\x7e\xa0-\xff]")


def fits_schema(path: str) -> bool:
    """Whether a real JobScheduler's schema takes every name of a relative path (``protocol.md`` section 1.2).

    Names travel byte by byte as ISO-8859-1, and the bytes 0x80 to 0x9F are none of its characters: ``Ärger`` in UTF-8
    has one of them. A single such name in a list, and a real supervisor refuses the whole fetch.
    """
    return (path.isascii() and path.isprintable()) or _BEYOND_SCHEMA.search(to_wire(path)) is None


def wire_name(name: str) -> str:
    """Return ``name`` as the value of a ``name`` attribute; ``UnsafeNameError``, which names it: it can't travel."""
    if _HARMLESS.fullmatch(name):
        return name
    wire = to_wire(check_name(name))
    if not can_stand_in_xml(wire):
        raise UnsafeNameError(f"the name '{one_line(name)}' has control characters that no document can carry")
    if len(wire) > MAX_NAME_BYTES:
        raise UnsafeNameError(f"the name '{one_line(name[:40])}...' is longer than {MAX_NAME_BYTES} bytes")
    return wire


def read_name(element: str, attributes: Mapping[str, str]) -> str:
    """Return the name that ``element`` carries among its attributes, checked.

    ``RemoteProtocolError``: there is none, or it must not reach a file system; the error names it.
    """
    wire = attributes.get("name")
    if wire is None:
        raise violation(f"Element '{element}': the attribute 'name' is missing")
    if _HARMLESS.fullmatch(wire):
        return wire
    try:
        name = check_name(from_wire(wire))
    except UnsafeNameError as error:
        raise violation(str(error)) from error
    if len(name_bytes(name)) > MAX_NAME_BYTES:
        raise violation(f"the name '{name[:40]}...' is longer than {MAX_NAME_BYTES} bytes")
    return name


def check_path(path: RelPath) -> None:
    """Refuse a path of too many names or bytes for a document by an ``UnsafeNameError`` that names it."""
    if path.count("/") >= MAX_FOLDERS:
        raise UnsafeNameError(f"the path '{one_line(path[:80])}...' lies below more than {MAX_FOLDERS} folders")
    if is_long(path):
        raise UnsafeNameError(f"the path '{one_line(path[:80])}...' is longer than {MAX_PATH_BYTES} bytes")


def is_long(path: str) -> bool:
    """Whether a path has more than ``MAX_PATH_BYTES`` bytes."""
    return len(path) > MAX_PATH_BYTES // 4 and len(name_bytes(path)) > MAX_PATH_BYTES
