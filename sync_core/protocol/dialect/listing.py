"""What a peer is told that asks for folders: as many messages as it takes, each of them small."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sync_core.model.errors import RemoteProtocolError
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Folder, get
from sync_core.model.path import RelPath, join
from sync_core.protocol.dialect.limits import MAX_ITEMS
from sync_core.protocol.dialect.messages import FileRecord, FolderAsked, FolderPart, FolderRecord, Listing
from sync_core.protocol.dialect.names import path_of, wire_path
from sync_core.protocol.dialect.records import OWN, file_record, folder_record

__all__ = ["listings"]

_MOST_ENTRIES: Final = 2000
"""In one message: some milliseconds of work, and less than a frame whatever the names."""
_MOST_BYTES: Final = 1 << 19
_PART_BYTES: Final = 32
_ENTRY_BYTES: Final = 90


def listings(
    root: Folder, asked: Iterable[FolderAsked], *, with_marks: bool = False, own: Folder | None = None
) -> Iterator[Listing]:
    """Give the answer to ``Folders``, message by message; at least one.

    A folder comes before those in it. What is not there, or has another digest, is told to be gone.

    Args:
        root: the tree that was offered last on this connection.
        asked: as it was decoded.
        with_marks: for those who look: files with a known state keep their marks. Without, what is answered for a
            digest is always the same.
        own: for those who look at a master: the slave's own folder, which tells the layer of each entry.

    Raises:
        UnsafeNameError: a name or path can't travel.
        RemoteProtocolError: much more is asked for than the tree has, the same folders again and again.
    """
    left = root.totals.files + root.totals.folders + MAX_ITEMS
    batch = _Batch(with_marks=with_marks)
    for item in asked:
        path = path_of(item.path)
        folder = get(root, path)
        if not isinstance(folder, Folder) or folder.digest != item.digest:
            yield from batch.add_gone(item.path)
            continue
        layer = get(own, path) if own is not None else None
        waiting = [(path, folder, layer if isinstance(layer, Folder) else EMPTY_FOLDER)]
        while waiting:
            path, folder, mine = waiting.pop()
            left -= len(folder.children)
            if left < 0:
                raise RemoteProtocolError("a peer asks for the same folders again and again")
            yield from batch.add(path, folder, mine)
            if item.deep:
                waiting += _folders_below(path, folder, mine)
    yield batch.take(is_last=True)


def _folders_below(path: RelPath, folder: Folder, own: Folder) -> list[tuple[RelPath, Folder, Folder]]:
    found = []
    for name, entry in folder.children.items():
        if isinstance(entry, Folder):
            mine = own.children.get(name)
            found.append((join(path, name), entry, mine if isinstance(mine, Folder) else EMPTY_FOLDER))
    return found[::-1]


class _Batch:
    """The message that is being filled."""

    def __init__(self, *, with_marks: bool) -> None:
        self._with_marks = with_marks
        self._parts: list[FolderPart] = []
        self._entries = 0
        self._size_bytes = 0

    def add_gone(self, path: bytes) -> Iterator[Listing]:
        """Say that a folder is not there; give the message that became full."""
        self._begin(path)
        yield from self._end(FolderPart(path, 0, gone=True))

    def add(self, path: RelPath, folder: Folder, own: Folder) -> Iterator[Listing]:
        """Add what is in a folder; give the messages that became full."""
        raw, start = wire_path(path), 0
        self._begin(raw)
        files: list[FileRecord] = []
        folders: list[FolderRecord] = []
        for name, entry in folder.children.items():
            if self._is_full and (files or folders):
                yield from self._end(FolderPart(raw, start, tuple(files), tuple(folders), more=True))
                self._begin(raw)
                start += len(files) + len(folders)
                files, folders = [], []
            mine = own.children.get(name)
            record: FileRecord | FolderRecord
            if isinstance(entry, File):
                flags = OWN if isinstance(mine, File) else 0
                record = file_record(name, entry, with_marks=self._with_marks, flags=flags)
                files.append(record)
            else:
                record = folder_record(name, entry, flags=OWN if isinstance(mine, Folder) else 0)
                folders.append(record)
            self._entries += 1
            self._size_bytes += _ENTRY_BYTES + len(record.name)
        yield from self._end(FolderPart(raw, start, tuple(files), tuple(folders)))

    def take(self, *, is_last: bool = False) -> Listing:
        """Return the message, and begin the next."""
        message = Listing(parts=tuple(self._parts), last=is_last)
        self._parts, self._entries, self._size_bytes = [], 0, 0
        return message

    @property
    def _is_full(self) -> bool:
        return self._entries >= _MOST_ENTRIES or self._size_bytes >= _MOST_BYTES

    def _begin(self, path: bytes) -> None:
        self._size_bytes += len(path) + _PART_BYTES

    def _end(self, part: FolderPart) -> Iterator[Listing]:
        self._parts.append(part)
        if self._is_full or len(self._parts) >= _MOST_ENTRIES:
            yield self.take()
