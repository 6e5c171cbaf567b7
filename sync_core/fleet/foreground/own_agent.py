"""One agent of this machine in the foreground: started, listened to, started again when it dies, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import time

from sync_core.agent.state import HostState
from sync_core.fleet.foreground.stage import Pauses, Stage
from sync_core.fleet.launch import Launcher
from sync_core.fleet.up import STOP_GRACE_S
from sync_core.model.errors import HostError
from sync_core.model.inventory import Host, Inventory

__all__ = ["OwnAgent"]

_HEALTHY_AFTER_S = 60.0
_TROUBLE = 2
_LINE_LIMIT_BYTES = 1024 * 1024


class OwnAgent:
    """Keeps the agent of one host running.

    Args:
        inventory: where the host is declared.
        host: on this machine.
        launcher: how its agent is started.
        stage: is told of it.
    """

    def __init__(self, inventory: Inventory, host: Host, launcher: Launcher, stage: Stage) -> None:
        self.hosts: tuple[Host, ...] = (host,)
        self._inventory = inventory
        self._host = host
        self._launcher = launcher
        self._stage = stage
        self._pid: int | None = None

    def look(self) -> None:
        """Tell the stage if the agent that was started is ready; its record is a file, so nobody tells us."""
        name = self._host.name
        if self._pid is None or name in self._stage.ready:
            return
        record = HostState(self._launcher.state_folder, name).record()
        if record is not None and record.pid == self._pid and record.is_ready:
            self._stage.greet(name)

    async def keep_running(self) -> None:
        """Run the agent, again after growing pauses when it dies, until all are to stop or it refuses to start."""
        name, stop = self._host.name, self._stage.stop
        pauses = Pauses(stop)
        while not stop.is_set():
            started_at = time.monotonic()
            exit_code, last_line = await self._run_once()
            is_healthy = time.monotonic() - started_at > _HEALTHY_AFTER_S
            if exit_code == _TROUBLE and not is_healthy:
                self._stage.refuse(name, HostError(f"{name}: {last_line}", host=name))
                return
            if stop.is_set():
                return
            if is_healthy:
                pauses.reset()
            words = f"the agent ended with code {exit_code}; it is started again in {pauses.next_s:g} s"
            self._stage.audience.line(name, words)
            await pauses.pause()

    async def _run_once(self) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *self._launcher.arguments(self._inventory, self._host, "--attached"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self._launcher.environment(),
            start_new_session=True,
            limit=_LINE_LIMIT_BYTES,
        )
        self._pid = process.pid
        ending = asyncio.create_task(self._end(process))
        last_line = ""
        try:
            assert process.stderr is not None  # noqa: S101 - a pipe was asked for
            async for line in process.stderr:
                last_line = line.decode("utf-8", "replace").rstrip("\n")
                self._stage.audience.line(self._host.name, last_line)
            return await process.wait(), last_line
        finally:
            ending.cancel()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Wait for the stop and pass it on; who does not end in time is killed."""
        await self._stage.stop.wait()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            await asyncio.sleep(STOP_GRACE_S)
            process.kill()
