"""Which watch stands on which folder of a tree."""

from __future__ import annotations

from bisect import bisect_left, insort

from sync_core.model.path import RelPath

__all__ = ["WatchedFolders"]

_AFTER_SLASH = chr(ord("/") + 1)


class WatchedFolders:
    """Folders by the kernel's number of their watch, and the other way round; each stands once on either side."""

    def __init__(self) -> None:
        self._path: dict[int, RelPath] = {}
        self._watch: dict[RelPath, int] = {}
        self._sorted: list[RelPath] = []  # what lies below a folder stands in one piece

    def __len__(self) -> int:
        return len(self._path)

    def __contains__(self, path: RelPath) -> bool:
        return path in self._watch

    def path_of(self, watch: int) -> RelPath | None:
        """Return the folder that a watch stands on."""
        return self._path.get(watch)

    def put(self, watch: int, path: RelPath) -> int | None:
        """Note that ``watch`` stands on ``path``, wherever it stood before: an inode keeps its watch when it moves.

        Returns:
            The watch that stood on ``path`` until now, if it was another one: nobody needs it any more.
        """
        if self._path.get(watch) == path:
            return None
        self.forget(watch)
        displaced = self._watch.get(path)
        if displaced is None:
            insort(self._sorted, path)
        else:
            del self._path[displaced]
        self._path[watch] = path
        self._watch[path] = watch
        return displaced

    def forget(self, watch: int) -> None:
        """Note that a watch has ended."""
        path = self._path.pop(watch, None)
        if path is not None:
            del self._watch[path]
            del self._sorted[bisect_left(self._sorted, path)]

    def take_below(self, path: RelPath) -> list[int]:
        """Remove the folder ``path``, which is not the root, and all below it; return the watches that stood there."""
        begin, end = (bisect_left(self._sorted, path + character) for character in ("/", _AFTER_SLASH))
        below = self._sorted[begin:end]
        del self._sorted[begin:end]
        if path in self._watch:
            del self._sorted[bisect_left(self._sorted, path)]
            below.append(path)
        taken = [self._watch.pop(place) for place in below]
        for watch in taken:
            del self._path[watch]
        return taken
