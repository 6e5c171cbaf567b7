"""Which folder of a master's ``remote`` is whose, found without its agent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

from sync_core.model.errors import UnreachableError
from sync_core.model.inventory import Host
from sync_core.model.registry.folder_map import FolderMap
from sync_core.model.registry.folder_name import host_port
from sync_core.net.addresses import own_addresses
from sync_core.net.resolve import Resolver

__all__ = ["OwnFolders"]

_log = logging.getLogger(__name__)


class OwnFolders:
    """Finds the own folders of a master's slaves by the rules of its agent; only names that matter are looked up.

    Args:
        slaves: all slaves of the master.
        resolver: looks names up.
        is_http: whether they fetch by HTTP, because their master is spoken to in that way.
    """

    def __init__(self, slaves: Iterable[Host], resolver: Resolver, *, is_http: bool) -> None:
        self._map = FolderMap(slaves, own=own_addresses(), is_http=is_http)
        self._resolver = resolver

    async def choose(self, folders: Sequence[str], slave: Host) -> str | None:
        """Return the slave's own folder; ``None`` if it has none.

        Args:
            folders: the names of the first-level folders of ``remote``.
            slave: a slave of the inventory.

        Raises:
            UnreachableError: its name can't be looked up.
        """
        self._map.set_folders(folders)
        self._map.learn(slave.address, await self._resolver.resolve(slave.address))
        named = (host_port(folder) for folder in folders)
        names = {meant.host for meant in named if meant is not None and meant.port == slave.tcp_port}
        await asyncio.gather(*(self._learn(name) for name in names))
        folder = self._map.choose_for(slave, is_jsync=True).folder
        for warning in self._map.take_warnings():
            _log.warning("%s", warning)
        return folder

    async def _learn(self, name: str) -> None:
        try:
            self._map.learn(name, await self._resolver.resolve(name))
        except UnreachableError as error:
            self._map.learn(name, failure=str(error))
