"""A tree as a whole list: what the plain operations, by which those on folders are judged, work on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from sync_core.model.edit import tree_of
from sync_core.model.folder import Entry, Folder, walk
from sync_core.model.path import RelPath

__all__ = ["Flat", "flat_of", "folder_from"]

Flat: TypeAlias = Mapping[RelPath, Entry]
"""Everything that is there by its path; a folder stands without its children."""


def flat_of(folder: Folder) -> dict[RelPath, Entry]:
    """Return all that is below ``folder``."""
    return {
        path: Folder(is_unreadable=entry.is_unreadable) if isinstance(entry, Folder) else entry
        for path, entry in walk(folder)
    }


def folder_from(flat: Flat) -> Folder:
    """Return the tree of a list; folders that only show as part of a path are added."""
    return tree_of(flat.items())
