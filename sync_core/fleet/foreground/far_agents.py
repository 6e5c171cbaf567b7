"""The agents of another machine in our foreground: the jsync there keeps them running as long as we hold on to it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sync_core.fleet.access import RunnerOf
from sync_core.fleet.elsewhere import Machine
from sync_core.fleet.far_jsync import NOT_THERE, jsync_command, no_jsync
from sync_core.fleet.foreground.events import Line, Ready, Refused, decode
from sync_core.fleet.foreground.lifeline import keep_company
from sync_core.fleet.foreground.stage import Pauses, Stage
from sync_core.fleet.up import STOP_GRACE_S
from sync_core.model.errors import HostError, JsyncError, UnreachableError
from sync_core.net.runner import Process, Runner, first_line

__all__ = ["FarAgents", "FarOptions"]

_MOST_LINE_BYTES = 4 * 1024 * 1024
_GOODBYE_S = STOP_GRACE_S + 5.0
_HEALTHY_AFTER_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FarOptions:
    """How agents elsewhere are kept running.

    Attributes:
        runner_of: makes runners.
        places: machines at once that are logged in on.
        wait_timeout_s: how long an agent may take to be ready.
        verbosity: of the agents.
        is_kept: when the connection breaks it is made again, and the agents are started again.
    """

    runner_of: RunnerOf
    places: asyncio.Semaphore
    wait_timeout_s: float
    verbosity: int
    is_kept: bool


class FarAgents:
    """Keeps the agents of one machine running.

    Args:
        machine: where.
        options: how.
        stage: is told of them.
    """

    def __init__(self, machine: Machine, options: FarOptions, stage: Stage) -> None:
        self.hosts = machine.hosts
        self._machine = machine
        self._options = options
        self._stage = stage
        self._process: Process | None = None

    def look(self) -> None:
        """Nothing to do: we are told when they are ready."""

    async def keep_running(self) -> None:
        """Run the agents until all are to stop, or none of them starts.

        What ends once it was there, by a fault of the network or otherwise, is started again after growing pauses.
        """
        pauses = Pauses(self._stage.stop)
        while (names := self._names()) and not self._stage.stop.is_set():
            started_at = time.monotonic()
            failure = await self._run_once(names)
            if self._stage.stop.is_set():
                return
            if not self._options.is_kept or self._stage.ready.isdisjoint(names):
                self._refuse_all(failure)
                return
            if time.monotonic() - started_at > _HEALTHY_AFTER_S:
                pauses.reset()
            for name in names:
                self._stage.audience.line(name, f"{failure}; it is started again in {pauses.next_s:g} s")
            await pauses.pause()

    def _refuse_all(self, failure: JsyncError) -> None:
        words = f"{failure} ({failure.hint})" if failure.hint else str(failure)
        for name in self._names():
            self._stage.audience.line(name, words)
            self._stage.refuse(name, type(failure)(str(failure), hint=failure.hint, host=name))

    def _names(self) -> tuple[str, ...]:
        return tuple(name for name in self._machine.names if name not in self._stage.refused)

    async def _run_once(self, names: tuple[str, ...]) -> JsyncError:
        """Return why it is over."""
        working = asyncio.ensure_future(self._work(names))
        stopping = asyncio.ensure_future(self._stage.stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done() and self._process is not None:
                await self._process.end_input()
                await asyncio.wait({working}, timeout=_GOODBYE_S)
            return working.result() if working.done() else UnreachableError("it does not end")
        finally:
            for task in (working, stopping):
                task.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    async def _work(self, names: tuple[str, ...]) -> JsyncError:
        try:
            async with contextlib.AsyncExitStack() as stack:
                runner = self._options.runner_of(self._machine.access)
                stack.push_async_callback(runner.close)
                async with self._options.places:
                    self._process = await self._start(runner, names)
                stack.push_async_callback(self._process.close)
                return await self._listen(self._process, names)
        except JsyncError as error:
            return error
        finally:
            self._process = None

    async def _start(self, runner: Runner, names: tuple[str, ...]) -> Process:
        part, options = self._machine.part, self._options
        words = ["up", *names, "--attached", "--wait-timeout", f"{options.wait_timeout_s:g}"]
        words += ["--part", part.name, "--part-bytes", str(len(part.text)), *["--verbose"] * options.verbosity]
        process = await runner.start(jsync_command(self._machine.jsync, words))
        try:
            with contextlib.suppress(UnreachableError):  # it need not read everything: its end says why
                await process.send(part.text)
        except BaseException:
            await process.close()
            raise
        return process

    async def _listen(self, process: Process, names: tuple[str, ...]) -> JsyncError:
        beating = asyncio.ensure_future(keep_company(process))
        try:
            async for line in _lines(process):
                match decode(line):
                    case Line(host, text) if host in names:
                        self._stage.audience.line(host, text)
                    case Ready(host) if host in names:
                        self._stage.greet(host)
                    case Refused(host, error) if host in names:
                        if host in self._stage.ready:  # the one that we lost may still be there: it ends soon
                            return error
                        self._stage.refuse(host, error)
            return _ending(await process.wait(), process, self._machine.jsync)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)


async def _lines(process: Process) -> AsyncIterator[bytes]:
    rest = b""
    while block := await process.receive():
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > _MOST_LINE_BYTES:
            raise HostError("its jsync says something that has no end")


def _ending(exit_code: int, process: Process, jsync: str) -> JsyncError:
    if exit_code in NOT_THERE:
        return no_jsync(jsync)
    reason = first_line(process.complaint).removeprefix("jsync: ")
    if "No such option" in reason:
        return HostError("its jsync is too old for this", hint="`jsync up --install` brings a newer one")
    return HostError(f"its jsync ended with code {exit_code}" + (f": {reason}" if reason else ""))
