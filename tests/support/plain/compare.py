"""The difference between two trees, done path by path on whole lists (``cli.md`` section 3)."""

from __future__ import annotations

from typing import NamedTuple

from sync_core.model.file import Kind, Layer
from sync_core.model.path import RelPath, ancestors, sort_key
from tests.support.plain.lists import PlainEntry, PlainTree

__all__ = ["PlainDifference", "differences", "same_files"]


class PlainDifference(NamedTuple):
    """One path that is not the same on both sides."""

    path: RelPath
    kind: Kind
    state: str
    layer: Layer | None


def differences(master: PlainTree, slave: PlainTree) -> list[PlainDifference]:
    """Return what differs, sorted by path."""
    paths = sorted(master.by_path.keys() | slave.by_path.keys(), key=sort_key)
    found = (_difference(path, master, slave) for path in paths)
    return [difference for difference in found if difference is not None]


def same_files(master: PlainTree, slave: PlainTree) -> int:
    """Return how many files are the same."""
    return sum(_is_same_file(entry, slave.get(entry.path)) for entry in master)


def _is_same_file(ours: PlainEntry, theirs: PlainEntry | None) -> bool:
    return theirs is not None and ours.is_file and theirs.is_file and ours.md5 is not None and ours.md5 == theirs.md5


def _difference(path: RelPath, master: PlainTree, slave: PlainTree) -> PlainDifference | None:
    ours, theirs = master.get(path), slave.get(path)
    if ours is None:
        if theirs is None or _is_shielded(path, master):
            return None
        return PlainDifference(path, theirs.kind, "extra", None)
    if _is_unknown(ours):
        return None
    if theirs is None:
        return PlainDifference(path, ours.kind, "missing", ours.layer)
    if _is_same_file(ours, theirs) or not (ours.is_file or theirs.is_file):
        return None
    return PlainDifference(path, ours.kind, "changed", ours.layer)


def _is_unknown(entry: PlainEntry) -> bool:
    return entry.is_held_back and entry.md5 is None


def _is_shielded(path: RelPath, master: PlainTree) -> bool:
    """Whether ``path`` lies below something of which the master does not know what is in it."""
    above = (master.get(folder) for folder in ancestors(path))
    return master.is_unreadable or any(entry is not None and _is_unknown(entry) for entry in above)
