"""One of two trees that are looked at side by side: only folders that somebody wants are listed, the others not.

It asks as ``DraftTree`` does, but is told what to ask for: what the other tree has alike never comes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from sync_core.model.edit import folder_of
from sync_core.model.errors import RemoteProtocolError, RemoteRefusalError
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, unlisted
from sync_core.protocol.dialect.limits import MAX_ENTRIES
from sync_core.protocol.dialect.messages import (
    Answer,
    Error,
    FileRecord,
    FolderAsked,
    FolderPart,
    FolderRecord,
    Folders,
    Listing,
    Request,
    Unknown,
)
from sync_core.protocol.dialect.names import name_of, path_of
from sync_core.protocol.dialect.records import OWN, file_of, is_unreadable

__all__ = ["TreeHalf", "joined"]

_MOST_ASKED: Final = 500
_MOST_REQUEST_BYTES: Final = 1 << 18


@dataclass(slots=True)
class _Listed:
    """What came of a folder that was wanted.

    Attributes:
        digest: that it must have.
        is_deep: whether all below is wanted too.
        files: by name.
        folders: likewise.
    """

    digest: bytes
    is_deep: bool
    files: dict[bytes, FileRecord] = field(default_factory=dict)
    folders: dict[bytes, FolderRecord] = field(default_factory=dict)


class TreeHalf:
    """The folders of one tree that were wanted so far.

    Args:
        digest: of its root.

    Attributes:
        digest: as given.
    """

    def __init__(self, digest: bytes) -> None:
        self._listed: dict[bytes, _Listed] = {}
        self._open: set[bytes] = set()
        self._to_ask: deque[FolderAsked] = deque()
        self._entries = 0
        self.digest = digest

    def want(self, path: bytes, digest: bytes, *, is_deep: bool) -> None:
        """Ask for a folder, with ``is_deep`` for all below too."""
        self._to_ask.append(FolderAsked(path, digest, is_deep))
        self._begin(path, digest, is_deep=is_deep)

    def next_request(self) -> Folders | None:
        """Return what to ask next; ``None``: all that is wanted was asked for."""
        asked: list[FolderAsked] = []
        size_bytes = 0
        while self._to_ask and len(asked) < _MOST_ASKED and size_bytes < _MOST_REQUEST_BYTES:
            asked.append(self._to_ask.popleft())
            size_bytes += len(asked[-1].path)
        return Folders(folders=tuple(asked)) if asked else None

    def receive(self, answer: Answer) -> None:
        """Take a message of an answer.

        Raises:
            RemoteRefusalError: the peer does not want to.
            RemoteProtocolError: it contradicts itself, or its tree is too large.
        """
        match answer:
            case Error(code=code, text=text):
                raise RemoteRefusalError(code, text)
            case Unknown(what=what):
                raise RemoteRefusalError("unknown", f"the peer does not know the request '{what}'")
            case Listing(parts=parts):
                for part in parts:
                    self._take(part)

    def finished(self, request: Request) -> None:
        """Note that an answer is complete.

        Raises:
            RemoteProtocolError: it was the last one, and something is missing.
        """
        if isinstance(request, Folders) and any(asked.path in self._open for asked in request.folders):
            raise RemoteProtocolError("the peer does not send what it has offered")

    def folders_in(self, path: bytes) -> dict[bytes, FolderRecord]:
        """Return the folders in a folder that came, by their names."""
        return self._listed[path].folders

    def trees(self) -> tuple[Folder, Folder]:
        """Return the tree, and what of it is the slave's own. Folders that nobody wanted are ``unlisted``.

        Raises:
            RemoteProtocolError: a folder has another digest than it was said to have, or is missing.
        """
        return self._folder(b"", FolderRecord(b"", self.digest))

    def _begin(self, path: bytes, digest: bytes, *, is_deep: bool) -> None:
        self._listed[path] = _Listed(digest, is_deep)
        self._open.add(path)

    def _take(self, part: FolderPart) -> None:
        listed = self._listed.get(part.path)
        if part.path not in self._open or listed is None or part.gone:
            raise RemoteProtocolError(f"the folder {part.path!r} was not asked for, or is gone though it was offered")
        if part.start != len(listed.files) + len(listed.folders):
            raise RemoteProtocolError(f"a part of the folder {part.path!r} is missing")
        self._entries += len(part.files) + len(part.folders)
        if self._entries > MAX_ENTRIES:
            raise RemoteProtocolError(f"the tree has more than {MAX_ENTRIES} entries")
        listed.files.update((record.name, record) for record in part.files)
        listed.folders.update((record.name, record) for record in part.folders)
        if part.more:
            return
        self._open.discard(part.path)
        if listed.is_deep:
            for name, record in listed.folders.items():
                self._begin(joined(part.path, name), record.digest, is_deep=True)

    def _folder(self, path: bytes, record: FolderRecord) -> tuple[Folder, Folder]:
        listed = self._listed.get(path)
        if listed is None:
            return unlisted(record.digest, is_unreadable=is_unreadable(record)), EMPTY_FOLDER
        path_of(path)  # no deeper than a path may be
        children: dict[str, Entry] = {}
        own: dict[str, Entry] = {}
        for raw, file in listed.files.items():
            name = name_of(raw)
            children[name] = file_of(file, keeps_marks=True)
            if file.flags & OWN:
                own[name] = children[name]
        for raw, below in listed.folders.items():
            name = name_of(raw)
            children[name], mine = self._folder(joined(path, raw), below)
            if below.flags & OWN:
                own[name] = mine
        folder = folder_of(children, is_unreadable=is_unreadable(record))
        if folder.digest != record.digest:
            raise RemoteProtocolError(f"the folder {path!r} is not the one that was offered")
        return folder, folder_of(own)


def joined(path: bytes, name: bytes) -> bytes:
    """Return the path of what is called ``name`` in ``path``."""
    return path + b"/" + name if path else name
