"""The view of one slave, done entry by entry on whole lists (``protocol.md`` section 3.6)."""

from __future__ import annotations

from dataclasses import replace

from sync_core.model.file import Layer
from sync_core.model.path import ancestors
from tests.support.plain.lists import PlainEntry, PlainTree

__all__ = ["merged"]


def merged(shared: PlainTree | None, own: PlainTree | None) -> PlainTree:
    """Return what a slave should have, each entry marked with the layer that it comes from."""
    shared, own = shared or PlainTree(), own or PlainTree()
    found = [replace(entry, layer=Layer.OWN) for entry in own if not _is_replaced(entry, shared)]
    found += [replace(entry, layer=Layer.ALL) for entry in shared if _shows_through(entry, own)]
    blind = {entry.path for entry in shared if not entry.is_file and entry.is_unreadable}
    return PlainTree(
        (replace(entry, is_unreadable=True) if entry.path in blind and not entry.is_file else entry for entry in found),
        is_unreadable=own.is_unreadable or shared.is_unreadable,
    )


def _is_replaced(own_entry: PlainEntry, shared: PlainTree) -> bool:
    """Whether ``_all`` has a folder where the own layer has a file."""
    other = shared.get(own_entry.path)
    return own_entry.is_file and other is not None and not other.is_file


def _shows_through(entry: PlainEntry, own: PlainTree) -> bool:
    above = (own.get(folder) for folder in ancestors(entry.path))
    if own.is_unreadable or any(there is not None and not there.is_file and there.is_unreadable for there in above):
        return False
    other = own.get(entry.path)
    return other is None or (other.is_file and not entry.is_file)
