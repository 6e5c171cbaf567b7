"""Checks of ports on this machine: sites whose ports nobody holds, and agents that hold them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from sync_core.fleet.outposts import Opener
from sync_core.fleet.ports import Options, check_ports
from sync_core.model.inventory import Host, Inventory, Role
from sync_core.model.probe import CheckResult, Counted, PortsReport, Purpose
from sync_core.model.required_ports import PortCheck
from sync_core.model.security import Level
from sync_core.net.datagrams import WakeUpListener
from sync_core.net.server import CommandServer
from sync_core.net.server import Connection as ServerConnection
from sync_core.protocol.messages import Answer, OkAnswer, Request
from tests.support.agents import in_thread
from tests.support.net import a_host, an_inventory, free_port

__all__ = ["SHORT_S", "TIMEOUT_S", "a_site", "agents", "by_purpose", "checked", "count_answered"]

TIMEOUT_S = 5.0
SHORT_S = 0.5


def a_site(**slave: Any) -> Inventory:
    """Return a master and a slave whose ports nobody holds."""
    ports = {"tcp_port": free_port(), "udp_port": free_port()}
    return an_inventory(a_host("master", role=Role.MASTER, tcp_port=free_port()), a_host("slave", **{**ports, **slave}))


def checked(
    inventory: Inventory,
    *names: str,
    timeout_s: float = TIMEOUT_S,
    open_outpost: Opener | None = None,
    told: list[tuple[PortCheck, CheckResult]] | None = None,
    **options: Any,
) -> PortsReport:
    """Check the ports of these hosts, by default all of them; ``told`` takes note of the results as they come."""
    hosts = tuple(inventory.hosts[name] for name in names or inventory.hosts)
    noted: list[tuple[PortCheck, CheckResult]] = [] if told is None else told
    return check_ports(
        inventory,
        hosts,
        Options(timeout_s=timeout_s, **options),
        watcher=lambda check, result: noted.append((check, result)),
        open_outpost=open_outpost,
    )


def by_purpose(report: PortsReport) -> dict[Purpose, CheckResult]:
    return {check.purpose: check for check in report.checks}


@contextlib.contextmanager
def agents(*hosts: Host, level: Level = Level.ALL, listen: str | None = None) -> Iterator[None]:
    """Run the ports of agents in a thread of their own, as other processes would."""
    with in_thread(_ports_of(hosts, level, listen)):
        yield


@contextlib.asynccontextmanager
async def _ports_of(hosts: tuple[Host, ...], level: Level, listen: str | None) -> AsyncIterator[None]:
    async def handle(_: ServerConnection, __: Request) -> Answer:
        return OkAnswer()

    started: list[CommandServer | WakeUpListener] = []
    try:
        for host in hosts:
            server = CommandServer(
                listen=listen or host.listen,
                port=host.tcp_port,
                handler=handle,
                level_of=lambda _: level,
                answer_time=lambda: "2026-11-24 03:07:51",
            )
            await server.start()
            started.append(server)
            if host.udp_port is not None:
                listener = WakeUpListener(
                    listen=listen or host.listen,
                    port=host.udp_port,
                    on_wake_up=lambda _: None,
                    level_of=lambda _: level,
                )
                await listener.start()
                started.append(listener)
        yield
    finally:
        for one in started:
            await one.close()


async def count_answered(*_: object) -> Counted:
    """What the kernel's counters say where they show nothing amiss."""
    return Counted.ANSWERED
