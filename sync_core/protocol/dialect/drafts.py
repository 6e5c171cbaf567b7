"""A tree that comes folder by folder, in any order: what is known is shared, and what came is checked."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from sync_core.model.edit import folder_of, marked
from sync_core.model.errors import RemoteProtocolError
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, unlisted, walk
from sync_core.protocol.dialect.limits import MAX_ENTRIES
from sync_core.protocol.dialect.messages import FolderAsked, FolderPart, FolderRecord, Folders
from sync_core.protocol.dialect.names import name_of, path_of
from sync_core.protocol.dialect.records import OWN, file_of, is_equal, is_unreadable

__all__ = ["DraftTree", "KnownFolders", "LedTree"]

_MOST_ASKED: Final = 500
_MOST_REQUEST_BYTES: Final = 1 << 15
"""Of paths; who may only look is heard up to 64 KiB at once."""


class KnownFolders:
    """The folders of a known tree and those that came meanwhile, by digest, so that nothing is asked for twice.

    Args:
        known: the tree; only looked through when a folder is searched that is not at its old place.
    """

    def __init__(self, known: Folder = EMPTY_FOLDER) -> None:
        self._known = known
        self._by_digest: dict[bytes, Folder] = {}

    def find(self, digest: bytes, near: Entry | None) -> Folder | None:
        """Return a folder with this digest, if one is known; ``near``: what is known at the same path."""
        if isinstance(near, Folder) and near.digest == digest:
            return near
        return self._index().get(digest)

    def add(self, folder: Folder) -> None:
        """Remember a folder that came."""
        self._index().setdefault(folder.digest, folder)

    def _index(self) -> dict[bytes, Folder]:
        if not self._by_digest:
            self._by_digest = {EMPTY_FOLDER.digest: EMPTY_FOLDER, self._known.digest: self._known}
            for _, entry in walk(self._known):
                if isinstance(entry, Folder):
                    self._by_digest.setdefault(entry.digest, entry)
        return self._by_digest


class _Draft:
    """A folder of which not everything came yet; ``is_deep``: all below is asked for at once."""

    def __init__(self, record: FolderRecord, *, known: Folder | None, above: _Draft | None, is_deep: bool) -> None:
        self.raw_path: bytes = record.name
        if above is not None and above.raw_path:
            self.raw_path = above.raw_path + b"/" + record.name
        self.name = path_of(self.raw_path).rpartition("/")[2]
        self.record = record
        self.known = known
        self.above = above
        self.is_deep = is_deep
        self.is_listed = False
        self.forget()

    def forget(self) -> None:
        """Begin again: a part that came is worth nothing without the others."""
        self.asked_by: Folders | None = None
        self.children: dict[str, Entry] = {}
        self.own: dict[str, Entry] = {}
        self.folders: list[FolderRecord] = []
        self.open_below = 0

    def take(self, part: FolderPart, *, keeps_marks: bool) -> None:
        """Take the next part."""
        known = {} if self.known is None or keeps_marks else self.known.children
        for record in part.files:
            name, entry = name_of(record.name), file_of(record, keeps_marks=keeps_marks)
            before = known.get(name)
            if isinstance(before, File) and is_equal(before, entry):
                entry = before
            self._put(name, entry, record.flags)
        for folder in part.folders:
            self._put(name_of(folder.name), EMPTY_FOLDER, folder.flags)
        self.folders += part.folders
        self.open_below += len(part.folders)

    def fill(self, name: str, folder: Folder, own: Folder = EMPTY_FOLDER) -> None:
        """Put in a folder that is complete, and what of it is the slave's own."""
        self.children[name] = folder
        self.open_below -= 1
        if name in self.own:
            self.own[name] = own

    def folder(self) -> Folder:
        """Return the folder, which is complete, if it has the digest that was offered."""
        folder = folder_of(self.children, is_unreadable=is_unreadable(self.record))
        if folder.digest != self.record.digest:
            raise RemoteProtocolError(f"the folder {self.raw_path!r} is not the one that was offered")
        return folder

    def _put(self, name: str, entry: Entry, flags: int) -> None:
        if name in self.children:
            raise RemoteProtocolError(f"the name {name!r} stands twice in the folder {self.raw_path!r}")
        self.children[name] = entry
        if flags & OWN:
            self.own[name] = entry


class DraftTree:
    """The whole tree; of its folders those are asked for that are not known.

    Args:
        digest: of its root.
        known: the tree that is known.
        folders: what may be shared.
        keeps_marks: whether files with a known state keep their marks.
        is_deep: whether all is asked for at once where nothing is known.

    Attributes:
        wanted: the tree once it is complete; every folder of it has the digest that was offered.
        own: what of it the peer said to be the slave's own; only folders that came are looked into.
    """

    def __init__(
        self, digest: bytes, *, known: Folder, folders: KnownFolders, keeps_marks: bool, is_deep: bool = True
    ) -> None:
        self.wanted: Folder | None = None
        self.own = EMPTY_FOLDER
        self._folders = folders
        self._keeps_marks = keeps_marks
        self._entries = 0
        root = _Draft(FolderRecord(b"", digest), known=known, above=None, is_deep=is_deep and not known.children)
        self._open = {root.raw_path: root}
        self._to_ask = deque([root])

    def receive(self, part: FolderPart) -> bool:
        """Take a part; one that was not asked for, or came before or out of turn, changes nothing.

        Returns:
            Whether the tree can still be had.

        Raises:
            RemoteProtocolError: it is not what was offered, or the tree is too large.
        """
        draft = self._open.get(part.path)
        if draft is None or part.start != len(draft.children):
            return True
        if part.gone:
            return False
        self._entries += len(part.files) + len(part.folders)
        if self._entries > MAX_ENTRIES:
            raise RemoteProtocolError(f"the tree has more than {MAX_ENTRIES} entries")
        draft.take(part, keeps_marks=self._keeps_marks)
        if not part.more:
            draft.is_listed = True
            del self._open[draft.raw_path]
            self._go_below(draft)
            self._finish(draft)
        return True

    def lose(self, request: Folders) -> bool:
        """Note that no more comes for a request; return whether something of it is still missing."""
        lost = [draft for draft in self._open.values() if draft.asked_by is request]
        for draft in lost:
            self._entries -= len(draft.children)
            draft.forget()
        self._to_ask += lost
        return bool(lost)

    def next_request(self) -> Folders | None:
        """Return a request for what nobody was asked for yet."""
        drafts: list[_Draft] = []
        size_bytes = 0
        while self._to_ask and len(drafts) < _MOST_ASKED and size_bytes < _MOST_REQUEST_BYTES:
            draft = self._to_ask.popleft()
            if not draft.is_listed and draft.asked_by is None:
                drafts.append(draft)
                size_bytes += len(draft.raw_path)
        if not drafts:
            return None
        request = Folders(
            folders=tuple(FolderAsked(draft.raw_path, draft.record.digest, draft.is_deep) for draft in drafts)
        )
        for draft in drafts:
            draft.asked_by = request
        return request

    def _go_below(self, draft: _Draft) -> None:
        """Share the folders that are known; the others are to come."""
        known = {} if draft.known is None else draft.known.children
        for record in draft.folders:
            before = known.get(name_of(record.name))
            found = self._folders.find(record.digest, before)
            if found is not None:
                draft.fill(name_of(record.name), marked(found, is_unreadable=is_unreadable(record)))
                continue
            near = before if isinstance(before, Folder) else None
            self._begin(draft, record, known=near, is_deep=near is None or not near.children)

    def _begin(self, above: _Draft, record: FolderRecord, *, known: Folder | None, is_deep: bool) -> _Draft:
        """Let a folder come; where all below was asked for, it does by itself."""
        child = _Draft(record, known=known, above=above, is_deep=is_deep)
        self._open[child.raw_path] = child
        if above.is_deep:
            child.asked_by = above.asked_by
        else:
            self._to_ask.append(child)
        return child

    def _finish(self, draft: _Draft) -> None:
        while draft.is_listed and not draft.open_below:
            folder, own = draft.folder(), folder_of(draft.own)
            if not self._keeps_marks:  # marks and layers are those of one place
                self._folders.add(folder)
            if draft.above is None:
                self.wanted, self.own = folder, own
                return
            draft.above.fill(draft.name, folder, own)
            draft = draft.above


class LedTree(DraftTree):
    """One of two trees that are looked at side by side: it is told which folders are alike, and does not ask for them.

    Args:
        digest: of its root.
    """

    def __init__(self, digest: bytes) -> None:
        super().__init__(digest, known=EMPTY_FOLDER, folders=KnownFolders(), keeps_marks=True, is_deep=False)
        self._listed: dict[bytes, _Draft] = {}

    @property
    def is_asking(self) -> bool:
        """Whether there is something to ask."""
        return bool(self._to_ask)

    def folders_in(self, path: bytes) -> dict[bytes, bytes]:
        """Return the digests of the folders in one that came, by their names."""
        return {record.name: record.digest for record in self._listed[path].folders}

    def go_below(self, path: bytes, others: Mapping[bytes, bytes]) -> list[bytes]:
        """Let the folders in one come that the other tree has not alike; return the paths of those that both have.

        ``others``: what the other tree has there (``folders_in``).
        """
        draft, both = self._listed.pop(path), []
        for record in draft.folders:
            if others.get(record.name) == record.digest:
                draft.fill(name_of(record.name), unlisted(record.digest, is_unreadable=is_unreadable(record)))
                continue
            child = self._begin(draft, record, known=None, is_deep=record.name not in others)
            if not child.is_deep:
                both.append(child.raw_path)
        if draft.folders:  # without any it was complete when it came
            self._finish(draft)
        return both

    def _go_below(self, draft: _Draft) -> None:
        if draft.is_deep:
            super()._go_below(draft)
        else:
            self._listed[draft.raw_path] = draft
