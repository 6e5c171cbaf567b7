from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sync_core.agent.folder_names import FolderNames
from sync_core.model.inventory import Host
from sync_core.model.registry.folder_map import FolderMap
from sync_core.model.registry.registration import Identity, Slave
from sync_core.net.resolve import Resolver
from tests.support.agents import in_background
from tests.support.net import Lines, a_host, eventually, ip, run
from tests.support.registrations import a_said


class NameService:
    """Knows some names; others are unknown, or never answered for."""

    def __init__(self, table: dict[str, Sequence[str]], *, dead: Sequence[str] = ()) -> None:
        self.table = table
        self.dead = set(dead)
        self.asked: list[str] = []
        self.waiting: set[str] = set()

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        if name in self.dead:
            self.waiting.add(name)
            try:
                await asyncio.Event().wait()
            finally:
                self.waiting.discard(name)
        if name not in self.table:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.table[name]


class Names:
    """Folder names over a scripted name service."""

    def __init__(self, service: NameService, *slaves: Host) -> None:
        self.changes = 0
        self.names = FolderNames(FolderMap(slaves, own=frozenset()), Resolver(lookup=service), on_change=self._count)

    def _count(self) -> None:
        self.changes += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FolderNames]:
        async with in_background(self.names.run()):
            yield self.names


def a_slave(address: str, port: int = 5000) -> Slave:
    return Slave(identity=Identity(ip(address), port), registration=a_said())


def test_a_folder_is_found_by_what_its_name_means() -> None:
    async def go() -> None:
        site = Names(NameService({"dialin": ["10.0.0.7"]}))
        async with site.running() as names:
            names.take(["_all", "dialin#5000"])
            assert await names.choice(a_slave("10.0.0.7")) == "dialin#5000"
            assert await names.choice(a_slave("10.0.0.8")) is None
            assert names.folder_of(a_slave("10.0.0.7")) == "dialin#5000"
            assert site.changes >= 2  # of folders, and of what a name means

    run(go())


def test_what_is_known_changes_nothing_when_it_is_told_again() -> None:
    async def go() -> None:
        service = NameService({"dialin": ["10.0.0.7"]})
        site = Names(service)
        async with site.running() as names:
            names.take(["dialin#5000"])
            await names.choice(a_slave("10.0.0.7"))
            before = site.changes
            names.take(["dialin#5000"])
            assert await names.choice(a_slave("10.0.0.7")) == "dialin#5000"
            assert (site.changes, service.asked) == (before, ["dialin"])

    run(go())


def test_a_dead_name_delays_only_those_whose_folder_it_could_be() -> None:
    async def go() -> None:
        site = Names(NameService({"alive": ["10.0.0.7"]}, dead=["dead"]))
        async with site.running() as names:
            names.take(["dead#5000", "alive#5000"])
            waiting = asyncio.ensure_future(names.choice(a_slave("10.0.0.9")))
            assert await names.choice(a_slave("10.0.0.7")) == "alive#5000"  # it has one already
            assert await names.choice(a_slave("10.0.0.9", 5001)) is None  # no folder is for that port
            assert not waiting.done()
            names.take(["alive#5000"])  # nobody has to wait for it any more
            names.take(["alive#5000", "later#5002"])
            assert await waiting is None

    run(go())


def test_while_a_dead_name_is_asked_for_new_ones_are_answered() -> None:
    async def go() -> None:
        service = NameService({"alive": ["10.0.0.7"]}, dead=["dead"])
        site = Names(service)
        async with site.running() as names:
            names.take(["dead#5001"])
            await eventually(lambda: service.asked == ["dead"])
            names.take(["dead#5001", "alive#5000"])
            assert await names.choice(a_slave("10.0.0.7")) == "alive#5000"
            assert service.waiting == {"dead"}

    run(go())


def test_names_without_an_address_are_told_once_each() -> None:
    async def go() -> None:
        site = Names(NameService({}))
        async with site.running() as names:
            for _ in range(2):
                names.take(["nobody#5000", "h#x", "_all"])
                assert await names.choice(a_slave("10.0.0.7")) is None
            await eventually(lambda: len(lines.messages("WARNING")) == 2)

    with Lines.of("sync_core.agent.folder_names") as lines:
        run(go())
    assert sorted(line.split()[0] for line in lines.messages("WARNING")) == ["h#x", "nobody#5000"]


def test_the_inventorys_slave_waits_for_its_own_name_alone() -> None:
    async def go() -> None:
        slave, other = a_host("first", address="dialin"), a_host("other", address="dead", tcp_port=5001)
        site = Names(NameService({"dialin": ["10.0.0.7"]}, dead=["dead"]), slave, other)
        async with site.running() as names:
            names.take(["10.0.0.7#5000"])
            assert await names.choice_for(slave, is_jsync=True) == "10.0.0.7#5000"
            assert names.host_of(a_slave("10.0.0.7")) is slave
            assert names.host_of(a_slave("10.0.0.8")) is None
            waiting = asyncio.ensure_future(names.choice_for(other, is_jsync=True))
            await asyncio.sleep(0)
            assert not waiting.done()
            waiting.cancel()

    run(go())


def test_how_logs_name_a_slave() -> None:
    async def go() -> None:
        site = Names(NameService({"dialin": ["10.0.0.7"]}), a_host("first", address="dialin"))
        async with site.running() as names:
            await names.choice(a_slave("10.0.0.7"))
            assert names.display(a_slave("10.0.0.7")) == "10.0.0.7/dialin"
            assert names.display(a_slave("10.0.0.8")) == "10.0.0.8"
            assert names.display(a_slave("::1")) == "[::1]"

    run(go())


def test_who_registers_anew_is_looked_for_anew() -> None:
    async def go() -> None:
        site = Names(NameService({}))
        async with site.running() as names:
            names.take(["member", "10.0.0.7#5000"])
            slave = a_slave("10.0.0.7")
            assert names.folder_of(slave) == "10.0.0.7#5000"
            slave.registration = a_said(scheduler_id="member", is_cluster_member=True)
            assert names.folder_of(slave) == "member"
            names.take(["10.0.0.7#5000"])
            assert names.folder_of(slave) == "10.0.0.7#5000"

    run(go())
