"""Which folder below ``remote`` is a slave's own (``cli.md`` section 1, ``protocol.md`` section 4)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sync_core.model.errors import UnreachableError
from sync_core.model.inventory import Dialect, Host
from sync_core.model.security import IpAddress
from sync_core.net.addresses import own_addresses
from sync_core.net.resolve import Resolver

__all__ = ["FolderChooser", "SlaveAddress"]

_log = logging.getLogger(__name__)

K = TypeVar("K")
T = TypeVar("T")
_LAST_PORT = 65535
_MOST_DIGITS = 9
"""Of a port in a folder's name; leading zeros are somebody's taste, and more digits are no port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaveAddress:
    """What a master knows of a slave when it looks for its folder.

    Attributes:
        addresses: the peer's address, or all addresses that its inventory name has.
        tcp_port: the port it registered; ``None`` where it fetches by HTTP, and says nothing of it.
        scheduler_id: the id it registered.
        is_cluster_member: whether its folder is named by the id, as by HTTP.
    """

    addresses: frozenset[IpAddress]
    tcp_port: int | None
    scheduler_id: str
    is_cluster_member: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    """The first-level names of ``remote``, so that thousands of slaves find theirs without a look at all of them."""

    folders: tuple[str, ...]
    names: frozenset[str]
    by_port: Mapping[int, tuple[str, ...]]


class FolderChooser:
    """Finds a slave's own folder, and the inventory's slave behind a registration.

    Args:
        slaves: the inventory's slaves of this master.
        resolver: looks up names.
        is_http: whether all of them fetch by HTTP, because their master is spoken to in that way.
        own: the addresses of this machine.
    """

    def __init__(
        self,
        slaves: Iterable[Host],
        resolver: Resolver,
        *,
        is_http: bool = False,
        own: Callable[[], frozenset[IpAddress]] = own_addresses,
    ) -> None:
        known = tuple(slaves)
        self._by_port = _grouped((slave.tcp_port, slave) for slave in known)
        self._by_id = _grouped((slave.scheduler_id, slave) for slave in known)
        self._declared = {name for slave in known for name in (slave.folder, slave.scheduler_id) if name is not None}
        self._is_http = is_http
        self._own = own()
        self._index = _index(())
        self._resolver = resolver
        self._judged: frozenset[str] = frozenset()
        self._warned: set[tuple[str, str]] = set()

    async def slave_at(self, address: SlaveAddress) -> Host | None:
        """Return the inventory's slave with that address and port; the scheduler id decides between several.

        By HTTP nobody tells a TCP port, so there the id must be right.
        """
        if address.tcp_port is None:
            candidates = self._by_id.get(address.scheduler_id, ())
        else:
            same_port = self._by_port.get(address.tcp_port, ())
            candidates = (*(slave for slave in same_port if slave.scheduler_id == address.scheduler_id), *same_port)
        for slave in candidates:
            if self._is_one_machine(address.addresses, await self._resolve(slave.address)):
                return slave
        return None

    async def address_of(self, slave: Host) -> SlaveAddress:
        """Return what a registration of ``slave`` would look like.

        Raises:
            UnreachableError: its name can't be resolved.
        """
        return SlaveAddress(
            addresses=frozenset(await self._resolver.resolve(slave.address)),
            tcp_port=slave.tcp_port,
            scheduler_id=slave.scheduler_id,
            is_cluster_member=self._is_http or slave.dialect is Dialect.HTTP,
        )

    async def judge(self, folders: tuple[str, ...]) -> None:
        """Warn of those that look like a slave's own and are nobody's; of each once, until it is gone and comes back.

        Args:
            folders: the first-level names of ``remote``, sorted.
        """
        self._take(folders)
        fresh = [name for name in folders if name not in self._judged and _port_of(name) is not None]
        self._judged = self._index.names
        for name in fresh:
            await self._addresses_of(name)

    async def choose(self, folders: tuple[str, ...], slave: Host | None, address: SlaveAddress) -> str | None:
        """Return the slave's own folder, the first that exists; ``None`` if it has none.

        Args:
            folders: the first-level names of ``remote``, sorted.
            slave: the inventory's slave, if it is one.
            address: where it is.
        """
        self._take(folders)
        index = self._index
        if slave is not None and slave.folder is not None and slave.folder in index.names:
            return slave.folder
        port = slave.tcp_port if slave is not None and address.tcp_port is None else address.tcp_port
        named = index.by_port.get(port, ()) if port is not None else ()
        # The inventory's address counts as well as the one that it comes from: a machine may have several.
        ours = address.addresses | (await self._resolve(slave.address) if slave is not None else frozenset())
        by_host = [name for name in named if ours & await self._addresses_of(name)]
        for other in by_host[1:]:
            self._warn_of_two(by_host[0], other)
        if by_host:
            return by_host[0]
        if address.is_cluster_member and address.scheduler_id in index.names:
            return address.scheduler_id
        return None

    def _is_one_machine(self, some: frozenset[IpAddress], others: frozenset[IpAddress]) -> bool:
        """Whether two sets of addresses mean one machine; all of our own mean this one."""
        return bool(some & others) or bool(some & self._own and others & self._own)

    def _take(self, folders: tuple[str, ...]) -> None:
        """Take note of the folders that are there now; a name that can be no slave's is told of when it appears."""
        if self._index.folders is folders:
            return
        gone = self._index.names.difference(folders)
        self._index = _index(folders)
        self._warned = {pair for pair in self._warned if gone.isdisjoint(pair)}
        for name in folders:
            if "#" in name and name not in self._declared and _port_of(name) is None:
                self._warn((name, ""), f"{name} is no slave's folder: it is not called <host>#<port>")

    async def _addresses_of(self, folder: str) -> frozenset[IpAddress]:
        """Return the addresses of the host in a folder's name; none, with a word once, where it has none for now."""
        try:
            return frozenset(await self._resolver.resolve(folder.partition("#")[0]))
        except UnreachableError as error:
            self._warn((folder, ""), f"{folder} is no slave's folder: {error}")
            return frozenset()

    async def _resolve(self, name: str) -> frozenset[IpAddress]:
        """Return the addresses of ``name``; none, with a word once, where it has none for now."""
        try:
            return frozenset(await self._resolver.resolve(name))
        except UnreachableError as error:
            self._warn((name, ""), str(error))
            return frozenset()

    def _warn_of_two(self, used: str, other: str) -> None:
        self._warn((used, other), f"SCHEDULER-454  {used} and {other} mean the same address and port: {used} is used")

    def _warn(self, about: tuple[str, str], message: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            _log.warning("%s", message)


def _index(folders: tuple[str, ...]) -> _Index:
    numbered = ((port, name) for name in folders if (port := _port_of(name)) is not None)
    return _Index(folders=folders, names=frozenset(folders), by_port=_grouped(numbered))


def _port_of(folder: str) -> int | None:
    """Return the port of a folder that is called ``host#port``; ``None`` for any other name."""
    host, mark, port = folder.partition("#")
    is_number = mark and host and port.isdecimal() and len(port) <= _MOST_DIGITS
    return int(port) if is_number and 0 < int(port) <= _LAST_PORT else None


def _grouped(pairs: Iterable[tuple[K, T]]) -> Mapping[K, tuple[T, ...]]:
    found: dict[K, tuple[T, ...]] = {}
    for key, value in pairs:
        found[key] = (*found.get(key, ()), value)
    return found
