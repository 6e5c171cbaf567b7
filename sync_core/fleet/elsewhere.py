"""The machines of a run that are not this one, and the same work on all of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from sync_core.fleet.access import Access, access_of
from sync_core.fleet.each import FleetOptions, Outcome
from sync_core.fleet.part import Part, part_of
from sync_core.fleet.places import connection_of
from sync_core.model.errors import JsyncError, UnreachableError
from sync_core.model.inventory import Connection, Host, Inventory
from sync_core.net.runner import Runner

__all__ = ["Machine", "Places", "find_places", "on_machines"]

_LOOKUPS = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that is reached by SSH.

    Attributes:
        access: how.
        jsync: the command there.
        hosts: those of its hosts that are meant now.
        part: of the inventory, for all of its hosts.
    """

    access: Access
    jsync: str
    hosts: tuple[Host, ...]
    part: Part

    @property
    def names(self) -> tuple[str, ...]:
        """The names of ``hosts``."""
        return tuple(host.name for host in self.hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where hosts are.

    Attributes:
        here: on this machine.
        elsewhere: the other machines, in the order of their first hosts.
    """

    here: tuple[Host, ...]
    elsewhere: tuple[Machine, ...]


def find_places(inventory: Inventory, hosts: Iterable[Host]) -> Places:
    """Return where ``hosts`` are; those that are only reached, never worked on, are left out.

    Asks the name service about all of them at once, as far as the inventory does not say it.
    """
    hosts = tuple(hosts)
    with ThreadPoolExecutor(_LOOKUPS) as pool:
        connections = dict(zip((host.name for host in hosts), pool.map(connection_of, hosts), strict=True))
    meant: dict[tuple[Access, str], list[Host]] = {}
    for host in hosts:
        key = _key(host)
        if connections[host.name] is Connection.SSH and key is not None:
            meant.setdefault(key, []).append(host)
    return Places(
        here=tuple(host for host in hosts if connections[host.name] is Connection.LOCAL),
        elsewhere=tuple(
            Machine(access=key[0], jsync=key[1], hosts=tuple(own), part=part_of(inventory, _all_on(inventory, key)))
            for key, own in meant.items()
        ),
    )


def _key(host: Host) -> tuple[Access, str] | None:
    """Return what hosts of one machine, worked on in the same way, have in common."""
    access = access_of(host, is_here=host.connection is Connection.LOCAL)
    return None if access is None else (access, host.jsync)


def _all_on(inventory: Inventory, key: tuple[Access, str]) -> Iterable[Host]:
    return (host for host in inventory.hosts.values() if _key(host) == key)


async def on_machines(
    machines: Iterable[Machine],
    work: Callable[[Machine, Runner], Awaitable[Mapping[str, T]]],
    *,
    options: FleetOptions,
    failed: Callable[[Host, JsyncError], T],
    outcome: Callable[[T], Outcome],
) -> dict[str, T]:
    """Return the results of ``work`` by host: one machine's failure or slowness is its own.

    Args:
        machines: whose turn it is.
        work: for one machine, over a runner that it need not close; may raise JsyncError.
        options: how many at once, and how long each may take, everything included.
        failed: makes the result of a host from an error.
        outcome: what a result means, for whoever watches.
    """
    runner_of = options.runners()
    places = asyncio.Semaphore(options.forks)

    async def one(machine: Machine) -> dict[str, T]:
        async with places:
            for name in machine.names:
                options.watcher.started(name)
            try:
                runner = runner_of(machine.access)
                try:
                    async with asyncio.timeout(options.timeout_s):
                        results = dict(await work(machine, runner))
                finally:
                    await runner.close()
            except TimeoutError:
                late = UnreachableError(f"not done within {options.timeout_s:g} s")
                results = {host.name: failed(host, late) for host in machine.hosts}
            except JsyncError as error:
                results = {host.name: failed(host, error) for host in machine.hosts}
            for name in machine.names:
                options.watcher.ended(name, outcome(results[name]))
            return results

    return {name: result for each in await asyncio.gather(*map(one, machines)) for name, result in each.items()}
