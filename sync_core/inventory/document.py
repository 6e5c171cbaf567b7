"""Bytes to a tree of values that know where they stand: YAML, or JSON.

What a hostile file could blow up (size, depth, number of values) is bounded before anybody looks at the content.
"""

from __future__ import annotations

import re
from contextlib import suppress

from sync_core.inventory.bounds import TooMuchError
from sync_core.inventory.json_document import NotJsonError, read_json
from sync_core.inventory.node import Node
from sync_core.inventory.problems import Place, Problems, whole

__all__ = ["MAX_FILE_BYTES", "MAX_YAML_BYTES", "parse", "parse_json"]

MAX_YAML_BYTES = 2 * 1024 * 1024
"""Some 20,000 hosts written out one by one."""

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Of JSON, where every host has all its values and nobody typed them."""

_LOOKS_LIKE_JSON = re.compile(r"\s*\{")


def parse(data: bytes, problems: Problems, file: str = "") -> Node | None:
    """Return the document in ``data``, JSON or YAML, or ``None`` after noting why there is none.

    An empty file is a document without content.

    Args:
        data: the file's bytes.
        problems: gets every fault; duplicate keys and unknown tags do not end the reading.
        file: what places call it.
    """
    text = _decode(data, problems, file)
    if text is None:
        return None
    try:
        if _LOOKS_LIKE_JSON.match(text):
            # If not, it is YAML that begins with a mapping in braces, and YAML's reader says what is wrong with it.
            with suppress(NotJsonError):
                return read_json(text, file, problems)
        if len(data) <= MAX_YAML_BYTES:
            from sync_core.inventory.yaml_document import read_yaml  # noqa: PLC0415 - it takes a while; not for JSON

            return read_yaml(text, file, problems)
        problems.add(whole(file), f"it is larger than {MAX_YAML_BYTES} bytes", "ranges shorten lists of hosts")
    except TooMuchError as error:
        problems.add(Place(file=file, line=error.line, column=error.column), str(error))
    return None


def parse_json(data: bytes, problems: Problems, file: str) -> Node | None:
    """Return the document in ``data``, which must be JSON, or ``None`` after noting why there is none."""
    text = _decode(data, problems, file)
    if text is None:
        return None
    try:
        return read_json(text, file, problems)
    except NotJsonError as error:
        problems.add(error.place, f"not JSON: {error}")
    except TooMuchError as error:
        problems.add(Place(file=file, line=error.line, column=error.column), str(error))
    return None


def _decode(data: bytes, problems: Problems, file: str) -> str | None:
    if len(data) > MAX_FILE_BYTES:
        problems.add(whole(file), f"it is larger than {MAX_FILE_BYTES} bytes", "ranges shorten lists of hosts")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        where = Place(file=file, line=before.count(b"\n") + 1, column=column)
        problems.add(where, f"not UTF-8: the byte 0x{data[error.start]:02x}", "save the file as UTF-8")
        return None
