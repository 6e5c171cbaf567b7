"""The trees that a master has offered, as far as it still knows them."""

from __future__ import annotations

from sync_core.model.folder import Folder

__all__ = ["History"]


class History:
    """Trees by their digest, so many at most; the one that was asked for or offered longest ago goes first.

    Trees share the folders that they have in common, so one more costs what differs in it.
    """

    def __init__(self, *, most_trees: int) -> None:
        self._most_trees = most_trees
        self._trees: dict[bytes, Folder] = {}

    def __len__(self) -> int:
        return len(self._trees)

    def offer(self, tree: Folder) -> None:
        """Keep a tree, instead of an older one with its digest: the marks of what is held back are newer in it."""
        self._trees.pop(tree.digest, None)
        self._trees[tree.digest] = tree
        if len(self._trees) > self._most_trees:
            del self._trees[next(iter(self._trees))]

    def get(self, digest: bytes) -> Folder | None:
        """Return the tree with this digest, if it is still known."""
        tree = self._trees.pop(digest, None)
        if tree is not None:
            self._trees[digest] = tree
        return tree
