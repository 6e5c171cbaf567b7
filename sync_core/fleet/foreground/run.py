"""Agents in the foreground: started, masters first; kept running; all stopped when we are told to stop."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sync_core.fleet.each import FleetOptions, runnable
from sync_core.fleet.elsewhere import Places, find_places
from sync_core.fleet.foreground.far_agents import FarAgents, FarOptions
from sync_core.fleet.foreground.lifeline import until_alone
from sync_core.fleet.foreground.own_agent import OwnAgent
from sync_core.fleet.foreground.stage import Audience, Stage
from sync_core.fleet.launch import Launcher
from sync_core.model.errors import JsyncError
from sync_core.model.inventory import Host, Inventory

__all__ = ["ForegroundOptions", "ForegroundResult", "run_foreground"]

_POLL_S = 0.05
_HEAD_START_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForegroundOptions:
    """How agents run in the foreground.

    Attributes:
        wait_timeout_s: how long they may take to be ready.
        verbosity: of agents elsewhere.
        is_kept: connections to other machines that break are made again.
        lifeline: a handle that ends it all when its other end is closed or falls silent; ``None``: there is none.
        fleet: how other machines are worked on.
    """

    wait_timeout_s: float = 60.0
    verbosity: int = 0
    is_kept: bool = True
    lifeline: int | None = None
    fleet: FleetOptions = field(default_factory=FleetOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForegroundResult:
    """How it ended.

    Attributes:
        refused: hosts whose agent did not start at all, with the reason.
        not_ready: hosts that were not ready in time; everything was stopped because of them.
    """

    refused: dict[str, JsyncError] = field(default_factory=dict)
    not_ready: tuple[str, ...] = ()


class _Member(Protocol):
    """Keeps some agents running."""

    hosts: tuple[Host, ...]

    def look(self) -> None:
        """Tell the stage who is ready by now."""

    async def keep_running(self) -> None:
        """Return when all were stopped, or none starts."""


def run_foreground(
    inventory: Inventory, hosts: tuple[Host, ...], launcher: Launcher, audience: Audience, options: ForegroundOptions
) -> ForegroundResult:
    """Run the agents of ``hosts`` until SIGINT, SIGTERM or SIGHUP; those elsewhere end with us, too.

    Args:
        inventory: where they are declared.
        hosts: whose agents; those that are only reached are passed over.
        launcher: how to start one here.
        audience: is told what goes on.
        options: how they run.
    """
    places = find_places(inventory, runnable(hosts))
    return asyncio.run(_run(inventory, places, launcher, audience, options))


async def _run(
    inventory: Inventory, places: Places, launcher: Launcher, audience: Audience, options: ForegroundOptions
) -> ForegroundResult:
    stage = Stage(audience)
    far = FarOptions(
        runner_of=options.fleet.runners(),
        places=asyncio.Semaphore(options.fleet.forks),
        wait_timeout_s=options.wait_timeout_s,
        verbosity=options.verbosity,
        is_kept=options.is_kept,
    )
    members: list[_Member] = [OwnAgent(inventory, host, launcher, stage) for host in places.here]
    members += [FarAgents(machine, far, stage) for machine in places.elsewhere]
    return await _Foreground(members, stage).run(options)


class _Foreground:
    def __init__(self, members: Sequence[_Member], stage: Stage) -> None:
        self._members = members
        self._stage = stage

    async def run(self, options: ForegroundOptions) -> ForegroundResult:
        stage, loop = self._stage, asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stage.stop.set)
        everybody = asyncio.create_task(self._keep_all_running())
        stopping = [asyncio.create_task(_wait(stage.stop))]
        if options.lifeline is not None:
            stopping.append(asyncio.create_task(until_alone(options.lifeline)))
        late = await self._wait_until_ready(options.wait_timeout_s, {*stopping, everybody})
        if not late and not stage.stop.is_set() and not stage.refused:
            stage.audience.all_ready()
        if not late:
            await asyncio.wait({*stopping, everybody}, return_when=asyncio.FIRST_COMPLETED)
        stage.stop.set()
        await everybody
        for task in stopping:
            task.cancel()
        return ForegroundResult(refused=stage.refused, not_ready=late)

    async def _keep_all_running(self) -> None:
        """Run the slaves once their masters are up, or have had their chance: nobody need be refused at the start."""
        first = [member for member in self._members if any(host.is_master for host in member.hosts)]
        starting = asyncio.gather(*(member.keep_running() for member in first))
        deadline = time.monotonic() + _HEAD_START_S
        masters = [host.name for member in first for host in member.hosts if host.is_master]
        while not all(map(self._stage.has_started, masters)) and time.monotonic() < deadline:
            if self._stage.stop.is_set():
                break
            await asyncio.sleep(_POLL_S)
        others = (member.keep_running() for member in self._members if member not in first)
        await asyncio.gather(starting, *others)

    async def _wait_until_ready(self, timeout_s: float, endings: set[asyncio.Task[None]]) -> tuple[str, ...]:
        """Return the hosts that are not ready in time; none if it all ends before."""
        deadline = time.monotonic() + timeout_s
        names = [host.name for member in self._members for host in member.hosts]
        while not any(ending.done() for ending in endings):
            for member in self._members:
                member.look()
            waiting = tuple(name for name in names if not self._stage.has_started(name))
            if not waiting or time.monotonic() >= deadline:
                return waiting
            await asyncio.sleep(_POLL_S)
        return ()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
