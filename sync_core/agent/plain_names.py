"""Names that a real JobScheduler can't handle: they stay out of what it is shown, with a word in the log."""

from __future__ import annotations

import logging
from typing import Final

from sync_core.model.edit import edited
from sync_core.model.folder import Entry, Folder
from sync_core.model.path import ROOT, RelPath, join
from sync_core.protocol.names import fits_schema

__all__ = ["PlainNames"]

_log = logging.getLogger(__name__)

_MOST_WARNED: Final = 10_000
_MOST_REMEMBERED: Final = 100_000


class PlainNames:
    """Leaves out what the original's schema refuses (``protocol.md`` sections 1.2 and 14), and warns once per name.

    Folders that were found to be plain are remembered, so that a tree costs what changed in it.

    Args:
        warning: has a place for the path, and says what becomes of it.
    """

    def __init__(self, warning: str) -> None:
        self._warning = warning
        self._warned: set[RelPath] = set()
        self._plain: dict[int, Folder] = {}  # the folders are kept, so that no other one comes by their ids

    def within(self, tree: Folder) -> Folder:
        """Return the tree without the entries whose names a real JobScheduler does not take."""
        return edited(tree, dict.fromkeys(self.odd(tree)))

    def odd(self, tree: Folder) -> tuple[RelPath, ...]:
        """Return the outermost paths that it does not take; each is warned of once."""
        if len(self._plain) > _MOST_REMEMBERED:
            self._plain.clear()
        odd: list[RelPath] = []
        self._find(tree, ROOT, odd)
        for path in odd:
            if path not in self._warned and len(self._warned) < _MOST_WARNED:
                self._warned.add(path)
                _log.warning(self._warning, path)
        return tuple(odd)

    def spared(self, view: Folder, listed: Folder) -> tuple[Folder, Folder]:
        """Return both without what is odd in ``view``: it is neither sent, nor removed where the peer has it."""
        without: dict[RelPath, Entry | None] = dict.fromkeys(self.odd(view))
        return (edited(view, without), edited(listed, without)) if without else (view, listed)

    def _find(self, folder: Folder, path: RelPath, odd: list[RelPath]) -> None:
        if id(folder) in self._plain:
            return
        found = len(odd)
        for name, entry in folder.children.items():
            if not fits_schema(name):
                odd.append(join(path, name))
            elif isinstance(entry, Folder):
                self._find(entry, join(path, name), odd)
        if len(odd) == found:
            self._plain[id(folder)] = folder
