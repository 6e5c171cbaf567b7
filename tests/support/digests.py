"""Digest caches for tests: one in memory, and one on disk in which a tree counts as settled."""

from __future__ import annotations

from pathlib import Path

from sync_core.agent.digest_keeper import DigestKeeper
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.tree.memory import DigestCache
from sync_core.tree.scan import scan

__all__ = ["MemoryDigests", "save_settled"]


class MemoryDigests(DigestKeeper):
    """Keeps nothing on the disk.

    Args:
        known: what is remembered of an earlier run.

    Attributes:
        kept: what was to be remembered, the newest last.
    """

    def __init__(self, known: Folder = EMPTY_FOLDER) -> None:
        super().__init__(Path("/nowhere/digests.db"))
        self._known = known
        self.kept: list[Folder] = []

    async def load(self) -> Folder:
        return self.kept[-1] if self.kept else self._known

    def keep(self, tree: Folder) -> None:
        self.kept.append(tree)


def save_settled(path: Path, root: Path) -> None:
    """Let what is at ``root`` count as settled, as after a restart, for the agent whose digest cache is at ``path``."""
    cache = DigestCache(path)
    cache.save(scan(root).root)
    cache.close()
