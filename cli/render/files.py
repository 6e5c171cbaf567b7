"""``jsync files``: table and document of one md5 file list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.tables import Table
from cli.times import rfc3339
from sync_core.model.errors import FileTroubleError

if TYPE_CHECKING:
    from sync_core.fleet.lists import FileList
    from sync_core.model.manifest import Entry

__all__ = ["files_document", "files_table", "files_troubles"]


def files_document(found: FileList) -> dict[str, object]:
    """Return the document without ``schema``."""
    return {
        "host": found.host.name,
        "for": found.slave.name if found.slave else None,
        "source": found.source,
        "tree_md5": found.manifest.tree_md5,
        "settling": found.manifest.settling,
        "files": [
            {
                "path": entry.path,
                "kind": entry.kind,
                "md5": entry.md5,
                "last_write_time": rfc3339(entry.last_write_time),
                "size": entry.size_bytes,
                "layer": entry.layer,
            }
            for entry in found.manifest
        ],
    }


def files_table(found: FileList) -> Table:
    """Return a line for each file and folder; where there is little room, only the beginning of each md5."""
    columns = ("MD5", "LAST WRITE TIME", "SIZE", "LAYER", "PATH")
    rows = tuple(_row(entry) for entry in found.manifest)
    narrow = tuple((md5[:8], *rest) for md5, *rest in rows)
    right = frozenset({"SIZE"})
    return Table(columns=columns, rows=rows, right=right, narrow=Table(columns=columns, rows=narrow, right=right))


def files_troubles(found: FileList) -> list[FileTroubleError]:
    """Return an error for each entry that can't be read: nothing is known of it but that it is there."""
    unreadable = (entry.path for entry in found.manifest if entry.is_unreadable)
    return [FileTroubleError(f"{path} can't be read", host=found.host.name) for path in unreadable]


def _row(entry: Entry) -> tuple[str, ...]:
    size = "" if entry.size_bytes is None else str(entry.size_bytes)
    path = entry.path if entry.is_file else f"{entry.path}/"
    return (entry.md5 or "", rfc3339(entry.last_write_time) or "", size, entry.layer or "", path)
