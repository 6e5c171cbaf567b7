"""Which watch stands on which folder of a tree."""

from __future__ import annotations

from sync_core.model.path import ROOT, RelPath, join, name_of, parent_of

__all__ = ["WatchedFolders"]


class WatchedFolders:
    """Folders by the kernel's number of their watch, and the other way round; each stands once on either side."""

    def __init__(self) -> None:
        self._path: dict[int, RelPath] = {}
        self._watch: dict[RelPath, int] = {}
        self._inner: dict[RelPath, set[str]] = {}

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
        if displaced is not None:
            del self._path[displaced]
        self._path[watch] = path
        self._watch[path] = watch
        while path != ROOT:
            path, name = parent_of(path), name_of(path)
            self._inner.setdefault(path, set()).add(name)
        return displaced

    def forget(self, watch: int) -> None:
        """Note that a watch has ended."""
        path = self._path.pop(watch, None)
        if path is not None:
            del self._watch[path]
            self._prune(path)

    def take_below(self, path: RelPath) -> list[int]:
        """Remove the folder ``path`` and all below it; return the watches that stood there."""
        taken: list[int] = []
        places = [path]
        while places:
            place = places.pop()
            watch = self._watch.pop(place, None)
            if watch is not None:
                del self._path[watch]
                taken.append(watch)
            places += [join(place, name) for name in self._inner.pop(place, ())]
        self._prune(path)
        return taken

    def _prune(self, path: RelPath) -> None:
        """Remove the steps to ``path`` that lead to no watch any more."""
        while path != ROOT and path not in self._watch and path not in self._inner:
            path, name = parent_of(path), name_of(path)
            inner = self._inner.get(path)
            if inner is None:
                return
            inner.discard(name)
            if inner:
                return
            del self._inner[path]
