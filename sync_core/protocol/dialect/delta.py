"""From one tree to another in few words: the differences, as a ``Delta`` says them, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sync_core.model.errors import RemoteProtocolError
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, is_same, names_of, walk
from sync_core.model.path import ROOT, RelPath, join, name_bytes, parent_of
from sync_core.model.path import name_of as last_name_of
from sync_core.protocol.dialect.messages import FileRecord, FolderEdit, FolderRecord
from sync_core.protocol.dialect.names import name_of, path_of, wire_name, wire_path
from sync_core.protocol.dialect.records import file_of, file_record, folder_record, is_equal, is_unreadable

__all__ = ["Edits", "delta", "edits_of", "edits_to_wire", "files_of"]

Edits = Mapping[RelPath, Entry | None]
"""As ``model.edit.edited`` takes them; a folder in them is empty, what is in it has paths of its own."""

_EDIT_BYTES: Final = 110


def delta(known: Folder, newest: Folder, *, most_edits: int = 2000, most_bytes: int = 1 << 18) -> Edits | None:
    """Return what leads from one tree to another, or ``None`` where that is too much to say; costs what differs.

    Both have been asked for their digest, else every folder is looked into. ``most_bytes`` is about what travels.
    """
    edits: dict[RelPath, Entry | None] = {}
    size_bytes = 0
    for path, entry in _differences(known, newest, ROOT):
        edits[path] = entry
        size_bytes += _EDIT_BYTES + len(name_bytes(path))
        if len(edits) > most_edits or size_bytes > most_bytes:
            return None
    return edits


def _differences(known: Folder, newest: Folder, path: RelPath) -> Iterator[tuple[RelPath, Entry | None]]:
    if is_same(known, newest):
        return
    for name in names_of(known, newest):
        before, after = known.children.get(name), newest.children.get(name)
        if before is after:
            continue
        inner = join(path, name)
        if after is None:
            yield inner, None
        elif isinstance(after, File):
            if not isinstance(before, File) or not is_equal(before, after):
                yield inner, after
        elif isinstance(before, Folder) and before.is_unreadable == after.is_unreadable:
            yield from _differences(before, after, inner)
        else:
            yield inner, _bare(after)
            for below, entry in walk(after, inner):
                yield below, _bare(entry)


def _bare(entry: Entry) -> Entry:
    if isinstance(entry, File):
        return entry
    return Folder(is_unreadable=True) if entry.is_unreadable else EMPTY_FOLDER


def edits_to_wire(edits: Edits) -> tuple[FolderEdit, ...]:
    """Return edits as they travel, by folder, in the order of paths; ``UnsafeNameError``: a name or path can't."""
    drafts: dict[RelPath, tuple[list[bytes], list[FolderRecord], list[FileRecord]]] = {}
    for path, entry in edits.items():
        gone, folders, files = drafts.setdefault(parent_of(path), ([], [], []))
        name = last_name_of(path)
        if entry is None:
            gone.append(wire_name(name))
        elif isinstance(entry, Folder):
            folders.append(folder_record(name, entry))
        else:
            files.append(file_record(name, entry, with_marks=False))
    return tuple(
        FolderEdit(wire_path(path), tuple(gone), tuple(folders), tuple(files))
        for path, (gone, folders, files) in sorted(drafts.items(), key=lambda draft: name_bytes(draft[0]))
    )


def edits_of(wire: tuple[FolderEdit, ...]) -> Edits:
    """Return the edits that came over the wire.

    Raises:
        RemoteProtocolError: one path is edited twice, or lies below one that is to be a file or nothing.
    """
    edits: dict[RelPath, Entry | None] = {}
    for part in wire:
        path = path_of(part.path)
        found: list[tuple[bytes, Entry | None]] = [(name, None) for name in part.gone]
        found += [(folder.name, Folder(is_unreadable=is_unreadable(folder))) for folder in part.folders]
        found += [(file.name, file_of(file, keeps_marks=False)) for file in part.files]
        for raw, entry in found:
            name_of(raw)
            inner = path_of(part.path + b"/" + raw if path else raw)
            if inner in edits:
                raise RemoteProtocolError(f"{inner!r} is edited twice")
            edits[inner] = entry
    for part in wire:
        _check_above(path_of(part.path), edits)
    return edits


def _check_above(path: RelPath, edits: Edits) -> None:
    while path:
        if path in edits and not isinstance(edits[path], Folder):
            raise RemoteProtocolError(f"something is edited below {path!r}, which is to be none of the folders")
        path = parent_of(path)


def files_of(wire: tuple[FolderEdit, ...]) -> list[tuple[RelPath, FileRecord]]:
    """Return the files in edits in the order in which ``Inline`` counts them, with their paths."""
    return [(join(path_of(part.path), name_of(file.name)), file) for part in wire for file in part.files]
