"""Which folder below ``remote`` is a slave's own (``cli.md`` section 1, ``protocol.md`` section 4)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from sync_core.model.errors import UnreachableError
from sync_core.model.inventory import Host
from sync_core.model.security import IpAddress
from sync_core.net.resolve import Resolver

__all__ = ["FolderChooser", "SlaveAddress"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaveAddress:
    """What a master knows of a slave when it looks for its folder.

    Attributes:
        addresses: the peer's address, or all addresses that its inventory name has.
        tcp_port: the port it registered.
        scheduler_id: the id it registered.
        is_cluster_member: whether its folder is named by the id.
    """

    addresses: frozenset[IpAddress]
    tcp_port: int
    scheduler_id: str
    is_cluster_member: bool = False


class FolderChooser:
    """Finds a slave's own folder, and the inventory's slave behind a registration.

    Args:
        slaves: the inventory's slaves of this master.
        resolver: looks up names.
    """

    def __init__(self, slaves: Iterable[Host], resolver: Resolver) -> None:
        self._slaves = tuple(slaves)
        self._resolver = resolver
        self._warned: set[tuple[str, str]] = set()

    async def slave_at(self, address: SlaveAddress) -> Host | None:
        """Return the inventory's slave with that address and port; the scheduler id decides between several."""
        found = [
            slave
            for slave in self._slaves
            if slave.tcp_port == address.tcp_port and address.addresses & await self._resolve(slave.address)
        ]
        same_id = [slave for slave in found if slave.scheduler_id == address.scheduler_id]
        return next(iter(same_id or found), None)

    async def address_of(self, slave: Host) -> SlaveAddress:
        """Return what a registration of ``slave`` would look like.

        Raises:
            UnreachableError: its name can't be resolved.
        """
        return SlaveAddress(
            addresses=frozenset(await self._resolver.resolve(slave.address)),
            tcp_port=slave.tcp_port,
            scheduler_id=slave.scheduler_id,
        )

    async def choose(self, folders: tuple[str, ...], slave: Host | None, address: SlaveAddress) -> str | None:
        """Return the slave's own folder, the first that exists; ``None`` if it has none.

        Args:
            folders: the first-level names of ``remote``, sorted.
            slave: the inventory's slave, if it is one.
            address: where it is.
        """
        if slave is not None and slave.folder is not None and slave.folder in folders:
            return slave.folder
        by_host = [name for name in folders if await self._means(name, address)]
        for other in by_host[1:]:
            self._warn_of_two(by_host[0], other)
        if by_host:
            return by_host[0]
        if address.is_cluster_member and address.scheduler_id in folders:
            return address.scheduler_id
        return None

    async def _means(self, folder: str, address: SlaveAddress) -> bool:
        """Whether ``folder`` is called ``host#port`` after this slave."""
        host, mark, port = folder.partition("#")
        if not mark or not host or not port.isdecimal() or int(port) != address.tcp_port:
            return False
        return bool(address.addresses & await self._resolve(host))

    async def _resolve(self, name: str) -> frozenset[IpAddress]:
        """Return the addresses of ``name``; none, with a word once, where it has none for now."""
        try:
            return frozenset(await self._resolver.resolve(name))
        except UnreachableError as error:
            if (name, "") not in self._warned:
                self._warned.add((name, ""))
                _log.warning("%s", error)
            return frozenset()

    def _warn_of_two(self, used: str, other: str) -> None:
        if (used, other) not in self._warned:
            self._warned.add((used, other))
            _log.warning("SCHEDULER-454  %s and %s mean the same address and port: %s is used", used, other, used)
