"""What a slave offers in our own dialect to those who look: what is in its cache."""

from __future__ import annotations

from sync_core.agent.cache import CacheFolder
from sync_core.agent.dialect_answers import Checked, Offer
from sync_core.agent.file_contents import FileContents
from sync_core.agent.trust import Trust
from sync_core.model.errors import JsyncError
from sync_core.model.folder import Folder
from sync_core.model.path import RelPath
from sync_core.net.server import Connection
from sync_core.protocol.dialect.messages import Check
from sync_core.protocol.texts import text

__all__ = ["SlaveOffers"]


class SlaveOffers:
    """The offers of one slave.

    Args:
        cache: its copy.
        trust: knows who may see it.
    """

    def __init__(self, cache: CacheFolder, trust: Trust) -> None:
        self._cache = cache
        self._trust = trust
        contents = FileContents(cache.root)
        self.kept = contents.kept
        self.read = contents.read

    async def look(self, connection: Connection, slave: str | None) -> Offer:
        """Return what is in the cache now; raises JsyncError where it can't be read, or may not be by that one."""
        may_read = await self._trust.may_read(connection)
        return Offer(tree=await self._cache.shown(), place_of=_same, is_look=True, is_list=not may_read)

    async def check(self, connection: Connection, request: Check, before: Folder | None) -> Checked:
        """Refuse: nobody registers at a slave; raises JsyncError."""
        raise JsyncError(text("SCHEDULER-457", str(connection.peer_ip)))


def _same(path: RelPath) -> RelPath:
    return path
