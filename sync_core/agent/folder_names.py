"""The names in folders and in the inventory, looked up beside everything else: the driver of ``FolderMap``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, NoReturn

from sync_core.model.errors import UnreachableError, UntrustedError
from sync_core.model.inventory import Host
from sync_core.model.registry.folder_map import Choice, FolderMap, SlaveAddress
from sync_core.model.registry.registration import Registration, Slave
from sync_core.model.security import IpAddress
from sync_core.net.resolve import KEEP_FAILURES_S, Resolver, display

__all__ = ["FolderNames"]

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 16
_MOST_LOOKS: Final = 20_000


class _Found(NamedTuple):
    registration: Registration
    host: Host | None
    choice: Choice
    shown: str


class FolderNames:
    """Knows which folder is whose; a name that nobody answers for delays only those whose folder it could be.

    Args:
        folders: the map, which this alone changes.
        resolver: looks names up.
        on_change: called when somebody's folder may be another one.
    """

    def __init__(self, folders: FolderMap, resolver: Resolver, *, on_change: Callable[[], None]) -> None:
        self._folders = folders
        self._resolver = resolver
        self._on_change = on_change
        self._looks: dict[Slave, _Found] = {}
        self._taken: Sequence[str] = ()
        self._wanted = asyncio.Event()
        self._answered = asyncio.Condition()
        self._asked: set[str] = set()
        # Those that are asked again may be dead ones: they are in the way of no new one.
        self._first_gate, self._later_gate = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_AT_ONCE)

    def take(self, names: Sequence[str]) -> None:
        """Take the first-level folders that are there now; the very same sequence again costs nothing."""
        if names is self._taken:
            return
        self._taken = names
        if self._folders.set_folders(names):
            self._changed()
        self._wanted.set()

    def take_slaves(self, slaves: Iterable[Host]) -> None:
        """Take the slaves of another inventory."""
        self._folders = self._folders.with_slaves(slaves)
        self._changed()
        self._wanted.set()

    def folder_of(self, slave: Slave) -> str | None:
        """Return the own folder of a registered slave, by what is known now."""
        return self._found(slave).choice.folder

    async def choice(self, slave: Slave) -> str | None:
        """Return the same, once no name that is being looked up could change it.

        Raises:
            UntrustedError: it says an id that is of a host with another address.
        """
        found = await self._final(lambda: self._found(slave).choice)
        if found.is_anothers:
            raise UntrustedError(
                f"the scheduler id {slave.registration.scheduler_id!r} is of a host with another address than "
                f"{slave.address.shown}; `any_address: true` in the inventory would let it come from there"
            )
        return found.folder

    async def choice_for(self, slave: Host, *, is_jsync: bool) -> str | None:
        """Return the own folder of a slave of the inventory, likewise."""
        return (await self._final(lambda: self._folders.choose_for(slave, is_jsync=is_jsync))).folder

    def is_at(self, slave: Host, address: IpAddress) -> bool:
        """Whether a slave of the inventory has that address; ``choice_for`` waits until it is known."""
        return self._folders.is_at(slave, address)

    def host_of(self, slave: Slave) -> Host | None:
        """Return the inventory's slave behind a registration; ``None`` for a stranger."""
        return self._found(slave).host

    def host_at(self, address: SlaveAddress) -> Host | None:
        """Return the same for one that wants to register."""
        return self._folders.slave_at(address)

    def display(self, slave: Slave) -> str:
        """Return the slave as logs name it; a port may follow behind a colon."""
        return self._found(slave).shown

    async def run(self) -> NoReturn:
        """Look names up: new ones at once, all of them again from time to time."""
        self._say_warnings()
        async with asyncio.TaskGroup() as questions:
            while True:
                self._wanted.clear()
                self._look_up(self._folders.names_wanted(), questions, self._first_gate)
                try:
                    async with asyncio.timeout(KEEP_FAILURES_S):
                        await self._wanted.wait()
                except TimeoutError:  # the resolver remembers; this costs what has expired
                    self._look_up(self._folders.names(), questions, self._later_gate)

    def _found(self, slave: Slave) -> _Found:
        """Return what the map says of a slave; asked anew after each change of the map or of the registration."""
        found = self._looks.get(slave)
        if found is None or found.registration is not slave.registration:
            if len(self._looks) >= _MOST_LOOKS:
                self._looks.clear()
            address = slave.address
            host = self._folders.slave_at(address)
            shown = _shown(host, slave.identity.ip)
            found = _Found(slave.registration, host, self._folders.choose(address), shown)
            self._looks[slave] = found
        return found

    def _changed(self) -> None:
        self._looks.clear()
        self._on_change()

    async def _final(self, choose: Callable[[], Choice]) -> Choice:
        found = choose()
        if not found.is_final:
            self._wanted.set()
            async with self._answered:
                while not (found := choose()).is_final:
                    await self._answered.wait()
        return found

    def _look_up(self, names: Iterable[str], questions: asyncio.TaskGroup, gate: asyncio.Semaphore) -> None:
        """Ask for names, one question for each at a time; nobody waits here for a name that is dead."""
        self._say_warnings()
        for name in names:
            if name not in self._asked:
                self._asked.add(name)
                questions.create_task(self._ask(name, gate))

    async def _ask(self, name: str, gate: asyncio.Semaphore) -> None:
        async with gate:
            try:
                changed = self._folders.learn(name, await self._resolver.resolve(name))
            except UnreachableError as error:
                changed = self._folders.learn(name, failure=str(error))
        self._looks.clear()  # also that an answer came may make a choice final
        self._asked.discard(name)
        self._say_warnings()
        if changed:
            self._on_change()
        async with self._answered:
            self._answered.notify_all()

    def _say_warnings(self) -> None:
        for warning in self._folders.take_warnings():
            _log.warning("%s", warning)


def _shown(host: Host | None, ip: IpAddress) -> str:
    shown = display(host.address, ip) if host is not None else str(ip)
    return f"[{ip}]" if shown == str(ip) and ip.version == 6 else shown
