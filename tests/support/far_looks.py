"""What a look at a folder saw, as far as any way of looking can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sync_core.model.file import File, Kind
from sync_core.model.folder import kind_of, walk
from sync_core.model.path import RelPath
from sync_core.model.scan import Scan

__all__ = ["Seen", "seen_of"]


class Seen(NamedTuple):
    """One file or folder; modes and the SHA-256 are told by no far host."""

    kind: Kind
    is_unreadable: bool
    md5: str | None = None
    size_bytes: int | None = None
    last_write_time: int | None = None


def seen_of(scan: Scan) -> Mapping[RelPath, Seen]:
    """Return what was seen, by path; of what can't be read nothing but that."""
    return {
        path: Seen(Kind.FILE, False, entry.md5, entry.size_bytes, entry.last_write_time)
        if isinstance(entry, File) and not entry.is_unreadable
        else Seen(kind_of(entry), entry.is_unreadable)
        for path, entry in walk(scan.root)
    }
