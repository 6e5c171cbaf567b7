"""A tree that comes folder by folder, in any order: what is known is shared, and what came is checked."""

from __future__ import annotations

from collections import deque
from typing import Final

from sync_core.model.edit import folder_of
from sync_core.model.errors import RemoteProtocolError
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder
from sync_core.protocol.dialect.known import KnownFolders
from sync_core.protocol.dialect.limits import MAX_ENTRIES
from sync_core.protocol.dialect.messages import FolderAsked, FolderPart, FolderRecord, Folders
from sync_core.protocol.dialect.names import name_of, path_of
from sync_core.protocol.dialect.records import OWN, file_of, is_equal, is_unreadable

__all__ = ["DraftTree"]

_MOST_ASKED: Final = 500
_MOST_REQUEST_BYTES: Final = 1 << 18


class _Draft:
    """A folder of which not everything came yet."""

    def __init__(self, record: FolderRecord, *, known: Folder | None, above: _Draft | None) -> None:
        self.raw_path: bytes = record.name
        if above is not None and above.raw_path:
            self.raw_path = above.raw_path + b"/" + record.name
        self.name = path_of(self.raw_path).rpartition("/")[2]
        self.digest = record.digest
        self.is_unreadable = is_unreadable(record)
        self.known = known
        self.above = above
        self.asked_by: Folders | None = None
        self.is_listed = False
        self.open_below = 0
        self.forget()

    def forget(self) -> None:
        """Begin again: a part that came is worth nothing without the others."""
        self.asked_by = None
        self.children: dict[str, Entry] = {}
        self.own: dict[str, Entry] = {}
        self.folder_records: list[FolderRecord] = []

    @property
    def is_deep(self) -> bool:
        """Whether all below is asked for at once: nothing is known at this place that could be shared."""
        return self.known is None or not self.known.children

    def known_child(self, name: str) -> Entry | None:
        """Return what is known at the place of a child."""
        return None if self.known is None else self.known.children.get(name)

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
        self.folder_records += part.folders

    def fill(self, name: str, folder: Folder, own: Folder = EMPTY_FOLDER) -> None:
        """Put in a folder that is complete, and what of it is the slave's own."""
        self.children[name] = folder
        if name in self.own:
            self.own[name] = own

    def folder(self) -> Folder:
        """Return the folder, which is complete.

        Raises:
            RemoteProtocolError: it has another digest.
        """
        folder = folder_of(self.children, is_unreadable=self.is_unreadable)
        if folder.digest != self.digest:
            raise RemoteProtocolError(f"the folder {self.raw_path!r} is not the one that was offered")
        return folder

    def _put(self, name: str, entry: Entry, flags: int) -> None:
        if name in self.children:
            raise RemoteProtocolError(f"the name {name!r} stands twice in the folder {self.raw_path!r}")
        self.children[name] = entry
        if flags & OWN:
            self.own[name] = entry


class DraftTree:
    """The whole tree.

    Args:
        digest: of its root.
        known: the tree that is known.
        folders: what may be shared.
        keeps_marks: whether files with a known state keep their marks.

    Attributes:
        wanted: the tree once it is complete; every folder of it has the digest that was offered.
        own: what of it the peer said to be the slave's own; only folders that came are looked into.
        progress: counts up with every folder that is known in full.
    """

    def __init__(self, digest: bytes, *, known: Folder, folders: KnownFolders, keeps_marks: bool) -> None:
        self.wanted: Folder | None = None
        self.own = EMPTY_FOLDER
        self.progress = 0
        self._folders = folders
        self._keeps_marks = keeps_marks
        self._entries = 0
        root = _Draft(FolderRecord(b"", digest), known=known, above=None)
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
        asked = tuple(FolderAsked(draft.raw_path, draft.digest, draft.is_deep) for draft in drafts)
        request = Folders(folders=asked)
        for draft in drafts:
            draft.asked_by = request
        return request

    def _go_below(self, draft: _Draft) -> None:
        """Share the folders that are known; the others are to come, where all below was asked for by themselves."""
        draft.is_listed = True
        del self._open[draft.raw_path]
        for record in draft.folder_records:
            name = name_of(record.name)
            before = draft.known_child(name)
            found = self._folders.find(record.digest, before)
            if found is not None:
                draft.fill(name, _marked(found, is_unreadable=is_unreadable(record)))
                continue
            child = _Draft(record, known=before if isinstance(before, Folder) else None, above=draft)
            draft.open_below += 1
            self._open[child.raw_path] = child
            if draft.is_deep:
                child.asked_by = draft.asked_by
            else:
                self._to_ask.append(child)

    def _finish(self, draft: _Draft) -> None:
        while draft.is_listed and not draft.open_below:
            folder = draft.folder()
            self.progress += 1
            if not self._keeps_marks:  # marks and layers are those of one place
                self._folders.add(folder)
            above, own = draft.above, folder_of(draft.own)
            if above is None:
                self.wanted, self.own = folder, own
                return
            above.fill(draft.name, folder, own)
            above.open_below -= 1
            draft = above


def _marked(folder: Folder, *, is_unreadable: bool) -> Folder:
    """Return a folder that may be read, or not: its own digest does not say."""
    return folder if folder.is_unreadable == is_unreadable else Folder(folder.children, is_unreadable=is_unreadable)
