"""Names and paths as the dialect carries them: the bytes that they have on disk, checked on the way in and out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sync_core.model.errors import RemoteProtocolError, UnsafeNameError
from sync_core.model.path import RelPath, name_bytes
from sync_core.protocol.dialect.limits import MAX_DEPTH, MAX_NAME_BYTES, MAX_PATH_BYTES

__all__ = ["check_names", "name_of", "path_of", "wire_name", "wire_path"]

# The rule of ``model.path.check_name`` on bytes, and the bounds: one look each instead of one per name and character.
_ONE = rb"(?!\.{1,2}(?:/|\Z))[^/\\\0]{1,%d}" % MAX_NAME_BYTES
_NAME: Final = re.compile(_ONE)
_NAMES: Final = re.compile(rb"%b(?:/%b)*+" % (_ONE, _ONE))
_PATH: Final = re.compile(rb"%b(?:/%b){0,%d}" % (_ONE, _ONE, MAX_DEPTH - 1))


def name_of(raw: bytes) -> str:
    """Return a name that came over the wire; ``RemoteProtocolError``: no file may be called so, or it is too long."""
    if _NAME.fullmatch(raw) is None:
        raise RemoteProtocolError(f"the name {raw[:MAX_NAME_BYTES]!r} is not allowed")
    return raw.decode("utf-8", "surrogateescape")


def check_names(raw: Sequence[bytes]) -> None:
    """Look at many names at once, which is quicker; ``RemoteProtocolError``: as ``name_of``."""
    joined = b"/".join(raw)
    if raw and (joined.count(b"/") != len(raw) - 1 or _NAMES.fullmatch(joined) is None):
        for name in raw:
            name_of(name)


def path_of(raw: bytes) -> RelPath:
    """Return a path that came over the wire; empty is the root.

    ``RemoteProtocolError``: a name in it is not allowed, or it is too long or too deep.
    """
    if raw and not _is_path(raw):
        raise RemoteProtocolError(f"the path {raw[:MAX_NAME_BYTES]!r} is not allowed")
    return RelPath(raw.decode("utf-8", "surrogateescape"))


def wire_name(name: str) -> bytes:
    """Return a name as it travels; ``UnsafeNameError``: no peer would take it."""
    raw = name_bytes(name)
    if _NAME.fullmatch(raw) is None:
        raise UnsafeNameError(f"the name {name!r} can't travel")
    return raw


def wire_path(path: RelPath) -> bytes:
    """Return a path as it travels; ``UnsafeNameError``: no peer would take it."""
    raw = name_bytes(path)
    if raw and not _is_path(raw):
        raise UnsafeNameError(f"the path {path!r} can't travel")
    return raw


def _is_path(raw: bytes) -> bool:
    return len(raw) <= MAX_PATH_BYTES and _PATH.fullmatch(raw) is not None
