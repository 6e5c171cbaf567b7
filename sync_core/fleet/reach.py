"""The machines of one run: each is reached when it is first needed, once, for all of its hosts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from sync_core.fleet.access import Access, RunnerOf, access_of
from sync_core.model.errors import HostError, UnreachableError
from sync_core.model.inventory import Connection, Host
from sync_core.net.addresses import is_this_machine
from sync_core.net.resolve import Resolver
from sync_core.net.runner import Runner

__all__ = ["Reach"]

_SESSIONS = 8
"""Commands at once over one SSH connection; servers allow ten."""


class _Machine:
    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.slots = asyncio.Semaphore(_SESSIONS)


class Reach:
    """Gives runners. ``close`` it: then nothing of any machine is left here.

    Args:
        runner_of: makes them.
        resolver: looks up names.
    """

    def __init__(self, runner_of: RunnerOf, *, resolver: Resolver | None = None) -> None:
        self._runner_of = runner_of
        self._resolver = resolver or Resolver()
        self._machines: dict[Access, asyncio.Task[_Machine]] = {}
        self._runners: list[Runner] = []

    async def connection_of(self, host: Host) -> Connection:
        """Return how jsync works on the host: as declared, else by whether its address is this machine's."""
        if host.connection is not None:
            return host.connection
        try:
            addresses = await self._resolver.resolve(host.address)
        except UnreachableError:
            return Connection.SSH
        return Connection.LOCAL if any(map(is_this_machine, addresses)) else Connection.SSH

    @contextlib.asynccontextmanager
    async def on(self, host: Host) -> AsyncIterator[Runner]:
        """Give a runner of the host's machine; for one command at a time.

        Raises:
            UnreachableError: it can't be reached.
            HostError: its SSH settings make no sense, or it may not be worked on.
        """
        access = access_of(host, is_here=await self.connection_of(host) is Connection.LOCAL)
        if access is None:
            raise HostError(f"{host.name} has `connection: none`: only its ports are reached", host=host.name)
        task = self._machines.get(access)
        if task is None:
            task = self._machines[access] = asyncio.ensure_future(self._connect(access))
        try:
            # Shielded: several hosts may share the machine, and one of them may give up.
            machine = await asyncio.shield(task)
        except UnreachableError as error:
            raise UnreachableError(str(error), errno=error.errno, hint=error.hint, host=host.name) from error
        except HostError as error:
            raise HostError(str(error), hint=error.hint, host=host.name) from error
        async with machine.slots:
            yield machine.runner

    def forget_failures(self) -> None:
        """Try machines again that could not be reached."""
        for access, task in list(self._machines.items()):
            if task.done() and (task.cancelled() or task.exception() is not None):
                del self._machines[access]

    async def close(self) -> None:
        """Let go of all machines."""
        tasks = list(self._machines.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(runner.close() for runner in self._runners))

    async def _connect(self, access: Access) -> _Machine:
        runner = self._runner_of(access)
        try:
            await runner.connect()
        except BaseException:
            await runner.close()
            raise
        self._runners.append(runner)
        return _Machine(runner)
