"""What each agent is, and whether each slave is in sync (``cli.md`` section 5).

An agent here is known by its state folder. Elsewhere that machine's jsync is asked by SSH; where there is none, the
agent itself by TCP, which a JobScheduler answers as well. What a slave can't know, its master adds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from sync_core.fleet.agent_status import AgentState, AgentStatus, StatusReport
from sync_core.fleet.each import FleetOptions, runnable
from sync_core.fleet.status_look import Look
from sync_core.model.inventory import Host, Inventory

__all__ = ["AgentState", "AgentStatus", "StatusReport", "read_status", "watch_status"]


def read_status(
    inventory: Inventory, hosts: Iterable[Host], state_folder: Path, *, options: FleetOptions | None = None
) -> StatusReport:
    """Return how the agents of ``hosts`` are; those that run in somebody's foreground are seen too.

    Args:
        inventory: where they are declared.
        hosts: whose agents; one host's failure is its result, the others go on.
        state_folder: where run state lies.
        options: how many at once, and how long each may take.

    Raises:
        StateError: another inventory owns the name of a host here.
    """
    chosen = runnable(hosts)

    async def once() -> StatusReport:
        look = Look(inventory, chosen, state_folder, options or FleetOptions())
        try:
            return await look.at(chosen)
        finally:
            await look.close()

    return asyncio.run(once())


def watch_status(
    inventory: Inventory,
    hosts: Iterable[Host],
    state_folder: Path,
    *,
    options: FleetOptions,
    show: Callable[[StatusReport, tuple[str, ...]], None],
    pause_s: float,
) -> NoReturn:
    """Show how the agents are again and again, for ever; a host that is slow to answer delays no other.

    Args:
        inventory: as for ``read_status``, which raises the same.
        hosts: likewise.
        state_folder: likewise.
        options: likewise; connections are kept.
        show: gets what is known, and the hosts of which nothing is known yet; several times in each pause.
        pause_s: between one look at a host and the next.
    """
    chosen = runnable(hosts)

    async def for_ever() -> NoReturn:
        watch = _Watch(Look(inventory, chosen, state_folder, options, keep_s=pause_s / 2), chosen, options, pause_s)
        try:
            await watch.show_again_and_again(show)
        finally:
            await watch.close()
        raise AssertionError("only an exception ends this")

    asyncio.run(for_ever())


_SHOWN_IN_A_PAUSE = 4


class _Watch:
    """Each host is looked at in a task of its own."""

    def __init__(self, look: Look, hosts: tuple[Host, ...], options: FleetOptions, pause_s: float) -> None:
        self._look = look
        self._hosts = hosts
        self._pause_s = pause_s
        self._places = asyncio.Semaphore(options.forks)
        self._latest: dict[str, AgentStatus] = {}
        self._tasks = [asyncio.ensure_future(self._follow(host)) for host in hosts]

    async def show_again_and_again(self, show: Callable[[StatusReport, tuple[str, ...]], None]) -> NoReturn:
        """Raises what a look at a host raises."""
        while True:
            await asyncio.sleep(self._pause_s / _SHOWN_IN_A_PAUSE)
            for task in self._tasks:
                if task.done():
                    task.result()
            known = tuple(self._latest[host.name] for host in self._hosts if host.name in self._latest)
            missing = tuple(host.name for host in self._hosts if host.name not in self._latest)
            show(StatusReport(agents=known), missing)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._look.close()

    async def _follow(self, host: Host) -> NoReturn:
        while True:
            async with self._places:
                report = await self._look.at([host])
            self._latest[host.name] = report.agents[0]
            await asyncio.sleep(self._pause_s)
            self._look.forget_failures()
