"""The digest of a folder, as ``docs/protocol-digest.md`` defines it."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from sync_core.model.file import File
from sync_core.model.path import name_bytes

if TYPE_CHECKING:
    from sync_core.model.folder import Folder

__all__ = ["DIGEST_BYTES", "folder_digest"]

DIGEST_BYTES: Final = 32

_NO_MODE: Final = 0xFFFF
_NO_TIME: Final = -(2**63)
_HEAD: Final = struct.Struct(">cH")
_FILE: Final = struct.Struct(">Hq")


def folder_digest(children: Mapping[str, File | Folder]) -> bytes:
    """Return the SHA-256 over one record per child; ``children``: in the order of their names' bytes."""
    records = bytearray()
    for name, entry in children.items():
        named = name_bytes(name)
        if isinstance(entry, File):
            records += _file_record(named, entry)
        else:
            records += _HEAD.pack(b"u" if entry.is_unreadable else b"d", len(named)) + named + entry.digest
    return hashlib.sha256(records).digest()


def _file_record(name: bytes, file: File) -> bytes:
    if file.md5 is None:
        return _HEAD.pack(b"h", len(name)) + name
    mode = _NO_MODE if file.mode is None else file.mode
    time = _NO_TIME if file.last_write_time is None else file.last_write_time
    if file.sha256 is None:
        return _HEAD.pack(b"m", len(name)) + name + _FILE.pack(mode, time) + bytes.fromhex(file.md5)
    return _HEAD.pack(b"f", len(name)) + name + _FILE.pack(mode, time) + file.sha256
