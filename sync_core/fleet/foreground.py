"""``jsync up`` in the foreground: starts the agents, passes their lines on, restarts those that died, stops all."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sync_core.agent.state import HostState
from sync_core.fleet.launch import Launcher
from sync_core.fleet.places import connection_of
from sync_core.fleet.up import STOP_GRACE_S, runnable
from sync_core.model.errors import HostError, JsyncError, UsageError
from sync_core.model.inventory import Connection, Host, Inventory

__all__ = ["ForegroundResult", "run_foreground"]

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_HEALTHY_AFTER_S = 60.0
_TROUBLE = 2
_POLL_S = 0.05
_HEAD_START_S = 5.0
_LINE_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ForegroundResult:
    """How it ended.

    Attributes:
        refused: hosts whose agent did not start at all, with its words.
        not_ready: hosts that were not ready in time; everything was stopped because of them.
    """

    refused: dict[str, JsyncError] = field(default_factory=dict)
    not_ready: tuple[str, ...] = ()


def run_foreground(
    inventory: Inventory,
    hosts: tuple[Host, ...],
    launcher: Launcher,
    *,
    wait_timeout_s: float,
    on_line: Callable[[str, str], None],
    on_ready: Callable[[], None],
) -> ForegroundResult:
    """Run the agents of ``hosts`` until SIGINT, SIGTERM or SIGHUP.

    Args:
        inventory: where they are declared.
        hosts: whose agents.
        launcher: how to start one.
        wait_timeout_s: how long they may take to be ready.
        on_line: gets a host's name and one line that its agent wrote.
        on_ready: called once, when all are ready.

    Raises:
        UsageError: a host is not this machine.
    """
    for host in (chosen := runnable(hosts)):
        if connection_of(host) is not Connection.LOCAL:
            raise UsageError(
                f"{host.name} ({host.address}) is another machine: its agent has no foreground here",
                hint="`jsync up -d` starts agents everywhere, `jsync logs -f` shows what they write",
                host=host.name,
            )
    return asyncio.run(_Foreground(inventory, chosen, launcher, on_line).run(wait_timeout_s, on_ready))


class _Foreground:
    def __init__(
        self, inventory: Inventory, hosts: tuple[Host, ...], launcher: Launcher, on_line: Callable[[str, str], None]
    ) -> None:
        self._inventory = inventory
        self._hosts = hosts
        self._launcher = launcher
        self._on_line = on_line
        self._refused: dict[str, JsyncError] = {}
        self._pids: dict[str, int] = {}
        self._stop = asyncio.Event()

    async def run(self, wait_timeout_s: float, on_ready: Callable[[], None]) -> ForegroundResult:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        everybody = asyncio.create_task(self._keep_all_running())
        stopping = asyncio.create_task(self._wait_for_stop())
        late = await self._wait_until_ready(wait_timeout_s, {stopping, everybody})
        if late:
            self._stop.set()
        elif not self._stop.is_set() and not self._refused:
            on_ready()
        await asyncio.wait({stopping, everybody}, return_when=asyncio.FIRST_COMPLETED)
        self._stop.set()
        await everybody
        return ForegroundResult(refused=self._refused, not_ready=late)

    async def _keep_all_running(self) -> None:
        masters = tuple(host for host in self._hosts if host.is_master)
        await asyncio.gather(*map(self._keep_running, masters), self._keep_slaves_running(masters))

    async def _keep_slaves_running(self, masters: tuple[Host, ...]) -> None:
        """Run the slaves once their masters are up, or have had their chance: nobody need be refused at the start."""
        deadline = time.monotonic() + _HEAD_START_S
        while not all(map(self._has_started, masters)):  # their records are files: there is no event to wait for
            if self._stop.is_set() or time.monotonic() >= deadline:
                break
            await asyncio.sleep(_POLL_S)
        await asyncio.gather(*(self._keep_running(host) for host in self._hosts if not host.is_master))

    def _has_started(self, host: Host) -> bool:
        """Whether the agent that we started is ready, or refused to start."""
        record = HostState(self._launcher.state_folder, host.name).record()
        is_ours = record is not None and record.pid == self._pids.get(host.name)
        return host.name in self._refused or (is_ours and record is not None and record.is_ready)

    async def _wait_for_stop(self) -> None:
        await self._stop.wait()

    async def _wait_until_ready(self, timeout_s: float, endings: set[asyncio.Task[None]]) -> tuple[str, ...]:
        """Return the hosts that are not ready in time; none if it all ends before."""
        deadline = time.monotonic() + timeout_s
        waiting = self._hosts
        while not any(ending.done() for ending in endings):
            waiting = tuple(host for host in waiting if not self._has_started(host))
            if not waiting or time.monotonic() >= deadline:
                return tuple(host.name for host in waiting)
            await asyncio.sleep(_POLL_S)
        return ()

    async def _keep_running(self, host: Host) -> None:
        """Run one agent, again after growing pauses when it dies, until all are to stop."""
        pause_s = _FIRST_PAUSE_S
        while not self._stop.is_set():
            started_at = time.monotonic()
            exit_code, last_line = await self._run_once(host)
            if exit_code == _TROUBLE and time.monotonic() - started_at < _HEALTHY_AFTER_S:
                self._refused[host.name] = HostError(f"{host.name}: {last_line}", host=host.name)
                return
            if self._stop.is_set():
                return
            if time.monotonic() - started_at > _HEALTHY_AFTER_S:
                pause_s = _FIRST_PAUSE_S
            self._on_line(host.name, f"the agent ended with code {exit_code}; it is started again in {pause_s:g} s")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stop.wait()
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _run_once(self, host: Host) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *self._launcher.arguments(self._inventory, host, "--attached"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self._launcher.environment(),
            start_new_session=True,
            limit=_LINE_LIMIT_BYTES,
        )
        self._pids[host.name] = process.pid
        ending = asyncio.create_task(self._end(process))
        last_line = ""
        try:
            assert process.stderr is not None  # noqa: S101 - a pipe was asked for
            async for line in process.stderr:
                last_line = line.decode("utf-8", "replace").rstrip("\n")
                self._on_line(host.name, last_line)
            return await process.wait(), last_line
        finally:
            ending.cancel()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Wait for the stop and pass it on; who does not end in time is killed."""
        await self._stop.wait()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            await asyncio.sleep(STOP_GRACE_S)
            process.kill()
