"""``jsync files``: table and document of one file list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.tables import Table
from cli.times import rfc3339
from sync_core.model.errors import FileTroubleError
from sync_core.model.file import File, Layer
from sync_core.model.folder import Entry, kind_of, walk
from sync_core.model.path import RelPath

if TYPE_CHECKING:
    from sync_core.fleet.file_list import FileList

__all__ = ["files_document", "files_table", "files_troubles"]


def files_document(found: FileList) -> dict[str, object]:
    """Return the document without ``schema``."""
    return {
        "host": found.host.name,
        "for": found.slave.name if found.slave else None,
        "source": found.source,
        "tree_digest": found.tree.tree_digest,
        "settling": found.tree.totals.settling,
        "files": [_document(path, entry, layer) for path, entry, layer in found.entries()],
    }


def _document(path: RelPath, entry: Entry, layer: Layer | None) -> dict[str, object]:
    file = entry if isinstance(entry, File) else None
    return {
        "path": path,
        "kind": kind_of(entry),
        "md5": file and file.md5,
        "last_write_time": rfc3339(file.last_write_time) if file else None,
        "size": file.size_bytes if file else None,
        "layer": layer,
    }


def files_table(found: FileList) -> Table:
    """Return a line for each file and folder; where there is little room, only the beginning of each md5."""
    columns = ("MD5", "LAST WRITE TIME", "SIZE", "LAYER", "PATH")
    rows = tuple(_row(path, entry, layer) for path, entry, layer in found.entries())
    narrow = tuple((md5[:8], *rest) for md5, *rest in rows)
    right = frozenset({"SIZE"})
    return Table(columns=columns, rows=rows, right=right, narrow=Table(columns=columns, rows=narrow, right=right))


def files_troubles(found: FileList) -> list[FileTroubleError]:
    """Return an error for each entry that can't be read: nothing is known of it but that it is there."""
    unreadable = (path for path, entry in walk(found.tree) if entry.is_unreadable)
    return [FileTroubleError(f"{path} can't be read", host=found.host.name) for path in unreadable]


def _row(path: RelPath, entry: Entry, layer: Layer | None) -> tuple[str, ...]:
    if not isinstance(entry, File):
        return ("", "", "", layer or "", f"{path}/")
    size = "" if entry.size_bytes is None else str(entry.size_bytes)
    return (entry.md5 or "", rfc3339(entry.last_write_time) or "", size, layer or "", path)
