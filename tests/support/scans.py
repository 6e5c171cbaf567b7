"""What a scan saw, in short, and a clock that makes every digest believed."""

from __future__ import annotations

from dataclasses import replace

from sync_core.model.edit import edited
from sync_core.model.file import File, Stamp
from sync_core.model.folder import Folder, get, walk
from sync_core.model.path import RelPath
from sync_core.model.scan import Scan

__all__ = ["LATE_NS", "file_at", "forged", "late", "seen", "stamps", "troubles"]

LATE_NS = 4 * 10**18
"""A wall clock so far ahead that no change is too recent for its digests to be trusted."""


def late() -> int:
    """Tell that time."""
    return LATE_NS


def seen(result: Scan) -> dict[str, str | None]:
    """Return what was seen: md5s, ``None`` for folders, ``!`` where it could not be read."""
    return {
        path: "!" if what.is_unreadable else what.md5 if isinstance(what, File) else None
        for path, what in walk(result.root)
    }


def troubles(result: Scan) -> dict[str, str]:
    """Return the reasons by path."""
    return {trouble.path: trouble.reason for trouble in result.troubles}


def file_at(root: Folder, path: str) -> File:
    """Return the file at ``path``, which must be one."""
    found = get(root, RelPath(path))
    assert isinstance(found, File)
    return found


def forged(root: Folder) -> Folder:
    """Return the tree with digests that only who did not read the files can believe."""
    return edited(
        root,
        {path: replace(what, md5="0" * 32, sha256=bytes(32)) for path, what in walk(root) if isinstance(what, File)},
    )


def stamps(root: Folder) -> dict[str, Stamp | None]:
    """Return the stamps of the files, which equality of trees does not look at."""
    return {path: what.stamp for path, what in walk(root) if isinstance(what, File)}
