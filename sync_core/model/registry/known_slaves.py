"""The inventory's slaves of one master, found by what a registration says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any, TypeAlias

from sync_core.model.inventory import Host
from sync_core.model.registry.hosts import Hosts, KnownHost
from sync_core.model.registry.places import Places
from sync_core.model.security import IpAddress

__all__ = ["KnownSlaves"]

_Machine: TypeAlias = IpAddress | None  # ``None`` = this machine, by whichever of its addresses
_Mark: TypeAlias = int | str  # a port, or by HTTP a scheduler id


class KnownSlaves:
    """Recognises slaves of the inventory (in file order). All addresses of this machine, ``own``, mean one machine."""

    def __init__(self, slaves: Iterable[Host], *, own: frozenset[IpAddress], hosts: Hosts[Any]) -> None:
        self.slaves = tuple(slaves)
        self.by_name = {slave.name: slave for slave in self.slaves}
        self.own = own
        self._by_id = {slave.scheduler_id: slave for slave in reversed(self.slaves) if slave.any_address}
        self._called: dict[str, list[Host]] = {}
        for slave in self.slaves:
            for name in {slave.folder, slave.scheduler_id, slave.name} - {None}:
                self._called.setdefault(str(name), []).append(slave)
        self._hosts = hosts
        self._addresses: dict[str, frozenset[IpAddress]] = {}
        self._places: Places[tuple[_Machine, _Mark], int] = Places()
        self._unknown: Counter[_Mark] = Counter()  # by mark, how many have a name that was not answered for yet
        for number, slave in enumerate(self.slaves):
            host = self._hosts.use(slave.address, number)
            self._addresses[slave.address] = host.addresses
            self._places.add(number, self._places_of(number, host.addresses))
            if not host.is_known:
                self._unknown.update(self._marks_of(number))

    def at(self, addresses: Set[IpAddress], mark: _Mark, scheduler_id: str) -> Host | None:
        """Return the slave with one of those addresses and that port or id; the id decides between several."""
        found = self._places.at((machine, mark) for machine in self._machines(addresses))
        same_id = (number for number in found if self.slaves[number].scheduler_id == scheduler_id)
        number = next(same_id, found[0] if found else None)
        return None if number is None else self.slaves[number]

    def from_anywhere(self, scheduler_id: str) -> Host | None:
        """Return the slave with that id, if it may come from any address."""
        return self._by_id.get(scheduler_id)

    def called(self, folder: str) -> Sequence[Host]:
        """Return the slaves whose folder may have that name, whatever its port is."""
        return self._called.get(folder, ())

    def is_at(self, slave: Host, addresses: Set[IpAddress]) -> bool:
        """Whether a slave has one of those addresses."""
        return not set(self._machines(addresses)).isdisjoint(self._machines(self.addresses_of(slave)))

    def addresses_of(self, slave: Host) -> frozenset[IpAddress]:
        """Return the addresses of a slave of the inventory, as far as they are known."""
        return self._addresses[slave.address]

    def is_waiting(self, mark: _Mark) -> bool:
        """Whether a slave with that port or id has a name for which there was no answer yet."""
        return self._unknown[mark] > 0

    def move(self, number: int, before: KnownHost, now: KnownHost) -> None:
        """Take that a slave's name means something else than before."""
        if not before.is_known:
            self._unknown.subtract(self._marks_of(number))
        if before.addresses != now.addresses:
            self._addresses[self.slaves[number].address] = now.addresses
            self._places.remove(number, self._places_of(number, before.addresses))
            self._places.add(number, self._places_of(number, now.addresses))

    def _marks_of(self, number: int) -> tuple[_Mark, _Mark]:
        slave = self.slaves[number]
        return slave.tcp_port, slave.scheduler_id

    def _places_of(self, number: int, addresses: Set[IpAddress]) -> Iterator[tuple[_Machine, _Mark]]:
        for machine in self._machines(addresses):
            for mark in self._marks_of(number):
                yield machine, mark

    def _machines(self, addresses: Set[IpAddress]) -> Iterator[_Machine]:
        yield from addresses
        if not self.own.isdisjoint(addresses):
            yield None
