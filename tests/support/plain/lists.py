"""A tree as a plain list of paths: what every operation on persistent trees is held against."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sync_core.model.edit import tree_of
from sync_core.model.file import File, Kind, Layer
from sync_core.model.folder import Entry, Folder
from sync_core.model.path import RelPath, ancestors, name_bytes, name_of, parent_of, sort_key

__all__ = ["PlainEntry", "PlainTree", "edited", "folder_of", "plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainEntry:
    """One file (``file`` says what is known of it) or folder, where it is and which layer it comes from."""

    path: RelPath
    file: File | None
    layer: Layer | None = None
    is_unreadable: bool = False

    @property
    def kind(self) -> Kind:
        return Kind.DIRECTORY if self.file is None else Kind.FILE

    @property
    def is_file(self) -> bool:
        return self.file is not None

    @property
    def md5(self) -> str | None:
        return None if self.file is None else self.file.md5

    @property
    def is_settling(self) -> bool:
        return self.file is not None and self.file.is_settling

    @property
    def is_held_back(self) -> bool:
        return self.is_settling or self.is_unreadable


@dataclass(frozen=True, slots=True)
class PlainTree:
    """Entries, sorted folder by folder; the mark of the root stands beside them."""

    entries: tuple[PlainEntry, ...]
    is_unreadable: bool = False
    by_path: Mapping[RelPath, PlainEntry] = field(init=False, repr=False, compare=False)

    def __init__(self, entries: Iterable[PlainEntry] = (), *, is_unreadable: bool = False) -> None:
        found = {entry.path: entry for entry in entries}
        ordered = tuple(found[path] for path in sorted(found, key=sort_key))
        object.__setattr__(self, "entries", ordered)
        object.__setattr__(self, "is_unreadable", is_unreadable)
        object.__setattr__(self, "by_path", MappingProxyType(found))

    def __iter__(self) -> Iterator[PlainEntry]:
        return iter(self.entries)

    def get(self, path: RelPath) -> PlainEntry | None:
        return self.by_path.get(path)

    @property
    def files(self) -> tuple[PlainEntry, ...]:
        return tuple(entry for entry in self.entries if entry.is_file)

    @property
    def digest(self) -> bytes:
        """The digest as ``docs/protocol-digest.md`` defines it, written once more, for the whole list."""
        return self._digest_of(RelPath(""))

    def _digest_of(self, folder: RelPath) -> bytes:
        inner = [entry for entry in self.entries if parent_of(entry.path) == folder]
        return hashlib.sha256(b"".join(self._record(entry) for entry in inner)).digest()

    def _record(self, entry: PlainEntry) -> bytes:
        name = name_bytes(name_of(entry.path))
        named = len(name).to_bytes(2, "big") + name
        if entry.file is None:
            return (b"u" if entry.is_unreadable else b"d") + named + self._digest_of(entry.path)
        if entry.file.md5 is None:
            return b"h" + named
        mode, time = entry.file.mode, entry.file.last_write_time
        known = (0xFFFF if mode is None else mode).to_bytes(2, "big")
        known += (-(1 << 63) if time is None else time).to_bytes(8, "big", signed=True)
        if entry.file.sha256 is None:
            return b"m" + named + known + bytes.fromhex(entry.file.md5)
        return b"f" + named + known + entry.file.sha256


def plain(folder: Folder) -> PlainTree:
    """Return the list of a persistent tree."""
    return PlainTree(_entries(folder, ()), is_unreadable=folder.is_unreadable)


def _entries(folder: Folder, above: tuple[str, ...]) -> Iterator[PlainEntry]:
    for name, entry in folder.children.items():
        path = RelPath("/".join((*above, name)))
        yield PlainEntry(path=path, file=entry if isinstance(entry, File) else None, is_unreadable=entry.is_unreadable)
        if isinstance(entry, Folder):
            yield from _entries(entry, (*above, name))


def folder_of(tree: PlainTree) -> Folder:
    """Return the persistent tree of a list."""
    found = tree_of((entry.path, _entry_of(entry)) for entry in tree)
    return Folder(found.children, is_unreadable=tree.is_unreadable)


def _entry_of(entry: PlainEntry) -> Entry:
    return Folder(is_unreadable=entry.is_unreadable) if entry.file is None else entry.file


def edited(tree: PlainTree, edits: Mapping[RelPath, Entry | None]) -> PlainTree:
    """Return the list after the edits, one after the other, those of folders before those below them."""
    found = dict(tree.by_path)
    for path in sorted(edits, key=sort_key):
        entry = edits[path]
        for gone in [other for other in found if other == path or other.startswith(f"{path}/")]:
            del found[gone]
        if entry is None:
            continue
        for above in ancestors(path):
            if above not in found or found[above].is_file:
                found[above] = PlainEntry(path=above, file=None)
        if isinstance(entry, File):
            found[path] = PlainEntry(path=path, file=entry, is_unreadable=entry.is_unreadable)
            continue
        found[path] = PlainEntry(path=path, file=None, is_unreadable=entry.is_unreadable)
        for inner in plain(entry):
            below = RelPath(f"{path}/{inner.path}")
            found[below] = replace(inner, path=below)
    return PlainTree(found.values(), is_unreadable=tree.is_unreadable)
