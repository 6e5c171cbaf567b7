"""The master's view of one slave: ``_all`` under the slave's own folder (``protocol.md`` section 3.6)."""

from __future__ import annotations

from dataclasses import replace

from sync_core.model.manifest import EMPTY_MANIFEST, Entry, Kind, Layer, Manifest
from sync_core.model.path import RelPath, ancestors

__all__ = ["merge_layers"]


def merge_layers(all_layer: Manifest | None, own_layer: Manifest | None) -> Manifest:
    """Return what a slave should have, each entry marked with the layer that it comes from.

    An own file hides the file of the same name in ``_all``, also while it settles or can't be read. Folders merge and
    count as own where both layers have them. A folder in either layer wins over a file of the same name in the other.
    Where the own folder can't be read nobody knows what it hides, so nothing of ``_all`` shows below it.

    Args:
        all_layer: the tree of ``_all``, ``None`` where there is no such folder.
        own_layer: the tree of the slave's own folder, likewise.
    """
    shared = all_layer or EMPTY_MANIFEST
    own = own_layer or EMPTY_MANIFEST
    merged = [replace(entry, layer=Layer.OWN) for entry in own if not _is_replaced(entry, shared)]
    merged += [replace(entry, layer=Layer.ALL) for entry in shared if _shows_through(entry, own)]
    blind = {entry.path for entry in shared if entry.kind is Kind.DIRECTORY and entry.is_unreadable}
    return Manifest(replace(entry, is_unreadable=True) if _is_blind(entry, blind) else entry for entry in merged)


def _is_replaced(own_entry: Entry, shared: Manifest) -> bool:
    """Whether ``_all`` has a folder where the own layer has a file."""
    other = shared.get(own_entry.path)
    return own_entry.is_file and other is not None and not other.is_file


def _shows_through(entry: Entry, own: Manifest) -> bool:
    for folder in ancestors(entry.path):
        above = own.get(folder)
        if above is not None and above.kind is Kind.DIRECTORY and above.is_unreadable:
            return False
    other = own.get(entry.path)
    return other is None or (other.is_file and not entry.is_file)


def _is_blind(entry: Entry, blind: set[RelPath]) -> bool:
    """Whether the entry is a folder of which ``_all``'s part can't be read: nothing may be removed below it."""
    return entry.kind is Kind.DIRECTORY and entry.path in blind
