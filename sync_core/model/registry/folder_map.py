"""Which folder below ``remote`` is a slave's own (``cli.md`` section 1, ``protocol.md`` section 4).

The first that exists: the inventory's ``folder``; for cluster members and by HTTP the one that is called by the
scheduler id (capture 10); ``host#port`` where the host means the slave's address; between jsync peers the one that is
called by the slave's name in the inventory.

Anybody can say any id. So a folder that is a slave's of the inventory, or ``host#port``, is not found by an id that
comes from another address, unless the slave is one that may come ``any_address``.

Names are looked up elsewhere: ``names_wanted`` says which, ``learn`` takes the answers. Nobody waits for them here: a
look works with what is known, and says whether an answer that is still missing could change it (``Choice.is_final``).
An address that was known once is kept as long as the name is used, as the original does: when the name service is
away, no slave loses its folder, and with it its files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sync_core.model.inventory import Dialect, Host
from sync_core.model.path import name_bytes
from sync_core.model.registry.folder_name import MARK, host_port
from sync_core.model.registry.folder_warnings import (
    FolderWarning,
    FolderWarnings,
    NoAddress,
    NoSlavesFolder,
    SamePlace,
)
from sync_core.model.registry.hosts import Hosts, KnownHost
from sync_core.model.registry.known_slaves import KnownSlaves
from sync_core.model.registry.places import Places
from sync_core.model.security import IpAddress

__all__ = ["Choice", "FolderMap", "SlaveAddress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaveAddress:
    """What a master knows of a slave when it looks for its folder.

    Attributes:
        addresses: the peer's address, or all addresses that its inventory name has.
        tcp_port: the port it registered; ``None`` where it fetches by HTTP, and says nothing of it.
        scheduler_id: the id it registered.
        name: the inventory's name that it proved; then nothing else that it says counts.
        is_cluster_member: whether its folder is named by the id, as by HTTP.
        is_jsync: whether it is jsync.
    """

    addresses: frozenset[IpAddress]
    tcp_port: int | None
    scheduler_id: str
    name: str = ""
    is_cluster_member: bool = False
    is_jsync: bool = False

    @property
    def shown(self) -> str:
        """Its addresses, for people."""
        return ", ".join(map(str, sorted(self.addresses, key=str)))


class Choice(NamedTuple):
    """What a look for a slave's folder found: ``None`` = it has none.

    ``is_final``: no name that still has to be looked up could change that. ``is_anothers``: the scheduler id that it
    goes by is of a host with another address, so that nothing is to be given.
    """

    folder: str | None
    is_final: bool
    is_anothers: bool = False


class _Named(NamedTuple):
    """A folder called ``host#port``; they sort by the bytes of the name, as the original takes them."""

    order: bytes
    folder: str
    host: str
    port: int

    def at(self, addresses: Iterable[IpAddress]) -> Iterator[tuple[IpAddress, int]]:
        return ((address, self.port) for address in addresses)


class FolderMap:
    """Finds a slave's own folder, and the inventory's slave behind a registration, without a look at all of them.

    Args:
        slaves: the inventory's slaves of this master.
        own: the addresses of this machine.
        is_http: whether all of them fetch by HTTP, because their master is spoken to in that way.
    """

    def __init__(self, slaves: Iterable[Host], *, own: frozenset[IpAddress], is_http: bool = False) -> None:
        self._hosts: Hosts[int | _Named] = Hosts()
        self._slaves = KnownSlaves(slaves, own=own, hosts=self._hosts)
        self._is_http = is_http
        self._folders: dict[str, _Named | None] = {}
        self._places: Places[tuple[IpAddress, int], _Named] = Places()
        self._unknown: Counter[int] = Counter()  # by port, how many folders have a name that was not answered for yet
        self._warnings = FolderWarnings()

    def with_slaves(self, slaves: Iterable[Host]) -> FolderMap:
        """Return the map of the same folders with other slaves; what is known of names stays known."""
        new = FolderMap(slaves, own=self._slaves.own, is_http=self._is_http)
        new._warnings = self._warnings
        new.set_folders(self._folders)
        for name in new.names():
            known = self._hosts.get(name)
            if known.is_known:
                new.learn(name, known.addresses)
            if known.failure:
                new.learn(name, failure=known.failure)
        return new

    def set_folders(self, folders: Iterable[str]) -> bool:
        """Take the names of the first-level folders that are there now; return whether there are others than before."""
        names = frozenset(folders)
        gone, new = self._folders.keys() - names, names - self._folders.keys()
        self._warnings.forget(gone)
        gone_named = [named for name in gone if (named := self._remove(name)) is not None]
        for name in sorted(new, key=name_bytes):
            self._add(name)
        for named in gone_named:  # at the end: a host that is named again stays known
            self._hosts.leave(named.host, named)
        return bool(gone or new)

    def learn(self, name: str, addresses: Iterable[IpAddress] = (), *, failure: str = "") -> bool:
        """Take what one of ``names()`` means; return whether anybody's folder may be another one now.

        ``failure``: why it has no address, in words for the log; then those known before are kept.
        """
        before = self._hosts.get(name)
        self._hosts.learn(name, addresses, failure)
        now = self._hosts.get(name)
        users = self._hosts.users(name)
        for number in sorted(user for user in users if isinstance(user, int)):
            self._slaves.move(number, before, now)
            if failure:
                self._warnings.say(NoAddress(name, failure))
        for named in sorted(user for user in users if isinstance(user, _Named)):
            self._move(named, before, now)
        return before.addresses != now.addresses

    def names(self) -> tuple[str, ...]:
        """Return all names whose addresses matter; they are to be looked up again from time to time."""
        return self._hosts.names()

    def names_wanted(self) -> tuple[str, ...]:
        """Return those for which there was no answer yet."""
        return self._hosts.wanted()

    def take_warnings(self) -> tuple[FolderWarning, ...]:
        """Return what the log has to say since the last time; each once, until what it is about is gone."""
        return self._warnings.take()

    def slave_at(self, address: SlaveAddress) -> Host | None:
        """Return the inventory's slave with that address and port; the scheduler id decides between several.

        By HTTP nobody tells a TCP port, so there the id must be right.
        """
        if address.name:
            return self._slaves.by_name.get(address.name)
        mark = address.scheduler_id if address.tcp_port is None else address.tcp_port
        found = self._slaves.at(address.addresses, mark, address.scheduler_id)
        return found or (self._slaves.from_anywhere(address.scheduler_id) if address.is_cluster_member else None)

    def is_at(self, slave: Host, address: IpAddress) -> bool:
        """Whether a slave of the inventory has that address, as far as it is known."""
        return self._slaves.is_at(slave, {address})

    def choose(self, address: SlaveAddress) -> Choice:
        """Return the own folder of a slave that registered."""
        slave = self.slave_at(address)
        if address.name:
            return Choice(None, True) if slave is None else self.choose_for(slave, is_jsync=address.is_jsync)
        mark = address.scheduler_id if address.tcp_port is None else address.tcp_port
        found = self._choose(slave, address)
        return found if slave is not None or not self._slaves.is_waiting(mark) else found._replace(is_final=False)

    def choose_for(self, slave: Host, *, is_jsync: bool = False) -> Choice:
        """Return the own folder of a slave of the inventory, whether it is registered or not."""
        address = SlaveAddress(
            addresses=self._slaves.addresses_of(slave),
            tcp_port=slave.tcp_port,
            scheduler_id=slave.scheduler_id,
            is_cluster_member=self._is_http or slave.dialect is Dialect.HTTP,
            is_jsync=is_jsync,
        )
        found = self._choose(slave, address)
        return found if self._hosts.get(slave.address).is_known else found._replace(is_final=False)

    def _choose(self, slave: Host | None, address: SlaveAddress) -> Choice:
        if slave is not None and slave.folder is not None and slave.folder in self._folders:
            return Choice(slave.folder, True)
        if address.is_cluster_member and address.scheduler_id in self._folders:
            return self._by_id(slave, address)
        port = slave.tcp_port if slave is not None and address.tcp_port is None else address.tcp_port
        # The inventory's address counts as well as the one that it comes from: a machine may have several.
        ours = address.addresses | (self._slaves.addresses_of(slave) if slave is not None else frozenset())
        named = self._places.at((ip, port) for ip in ours) if port is not None else []
        if len(named) > 1:
            self._warnings.say(SamePlace(named[0].folder, named[1].folder))
        if named:
            return Choice(named[0].folder, True)
        by_name = slave.name if slave is not None and address.is_jsync and slave.name in self._folders else None
        return Choice(by_name, port is None or not self._unknown[port])

    def _by_id(self, slave: Host | None, address: SlaveAddress) -> Choice:
        """Return the folder that is called by the scheduler id, unless it is another's."""
        folder = address.scheduler_id
        if slave is not None and slave.scheduler_id == folder:
            return Choice(folder, True)
        owners = self._slaves.called(folder)
        if any(self._slaves.is_at(owner, address.addresses) for owner in owners) or self._slaves.from_anywhere(folder):
            return Choice(folder, True)
        named = self._folders[folder]
        hosts = [owner.address for owner in owners] or ([] if named is None else [named.host])
        if not hosts or (not owners and not self._hosts.get(hosts[0]).addresses.isdisjoint(address.addresses)):
            return Choice(folder, True)
        return Choice(None, all(self._hosts.get(host).is_known for host in hosts), is_anothers=True)

    def _add(self, folder: str) -> None:
        meant = host_port(folder)
        self._folders[folder] = None
        if meant is None:
            if MARK in folder and not self._slaves.called(folder):
                self._warnings.say(NoSlavesFolder(folder, "it is not called <host>#<port>"))
            return
        named = self._folders[folder] = _Named(name_bytes(folder), folder, meant.host, meant.port)
        host = self._hosts.use(meant.host, named)
        self._unknown[meant.port] += not host.is_known
        self._put(named, host.addresses)
        if host.failure and not host.addresses:
            self._warnings.say(NoSlavesFolder(folder, host.failure))

    def _remove(self, folder: str) -> _Named | None:
        named = self._folders.pop(folder)
        if named is not None:
            host = self._hosts.get(named.host)
            self._unknown[named.port] -= not host.is_known
            self._places.remove(named, named.at(host.addresses))
        return named

    def _put(self, named: _Named, addresses: frozenset[IpAddress]) -> None:
        """Put a folder at its addresses, with a word where another one is already."""
        self._places.add(named, named.at(addresses))
        for address in addresses:
            here = self._places.at([(address, named.port)])
            if len(here) > 1:
                other = here[1] if here[0] is named else named
                self._warnings.say(SamePlace(here[0].folder, other.folder))

    def _move(self, named: _Named, before: KnownHost, now: KnownHost) -> None:
        """Take that the name in a folder's name means something else than before."""
        self._unknown[named.port] -= not before.is_known
        if before.addresses != now.addresses:
            self._places.remove(named, named.at(before.addresses))
            self._put(named, now.addresses)
        if now.failure:
            warning = (
                NoAddress(named.folder, now.failure) if now.addresses else NoSlavesFolder(named.folder, now.failure)
            )
            self._warnings.say(warning)
