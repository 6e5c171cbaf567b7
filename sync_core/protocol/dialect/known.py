"""Folders by their digest, so that nothing is asked for that is here already."""

from __future__ import annotations

from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, walk

__all__ = ["KnownFolders"]


class KnownFolders:
    """The folders of a known tree, and those that came meanwhile.

    Args:
        known: the tree; only looked through when a folder is searched that is not at its old place.
    """

    def __init__(self, known: Folder) -> None:
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
