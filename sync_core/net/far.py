"""A conversation with the program on a host (``net.far_side``): requests and answers as JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Mapping
from typing import Any

from sync_core.model.errors import HostError, RemoteProtocolError, UnreachableError
from sync_core.net.far_program import command, program
from sync_core.net.far_side.serve import SILENCE_S
from sync_core.net.runner import Process, Runner, first_line

__all__ = ["Facts", "FarSession"]

_MOST_LINE_BYTES = 32 << 20
_NOT_FOUND = 127

Facts = Mapping[str, Any]


class FarSession:
    """The program at work on one host. ``open`` it, ``ask``, then ``close``.

    Args:
        process: runs the program.
        beat_s: seconds from one sign that we are still there to the next.
    """

    def __init__(self, process: Process, *, beat_s: float = SILENCE_S / 5) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Facts]] = {}
        self._sending = asyncio.Lock()
        self._failure: Exception | None = None
        self._reading = asyncio.create_task(self._read())
        self._beating = asyncio.create_task(self._beat(beat_s))

    @classmethod
    async def open(cls, runner: Runner, *, python: str, deadline_s: float) -> FarSession:
        """Start the program.

        Args:
            runner: of that host.
            python: the interpreter there.
            deadline_s: when it ends by itself, whatever happens.

        Raises:
            UnreachableError: the host can't be reached.
            HostError: the program can't be started there.
        """
        text = program(deadline_s=deadline_s)
        process = await runner.start(command(python, text))
        try:
            with contextlib.suppress(UnreachableError):  # the reading end knows better why
                await process.send(text)
        except BaseException:
            await process.close()
            raise
        return cls(process)

    async def ask(self, what: str, within_s: float, **details: object) -> Facts:
        """Return the answer to one request; many may be under way.

        Args:
            what: the name of the request (``net.far_side.serve``).
            within_s: the longest wait for the answer.
            details: its arguments.

        Raises:
            UnreachableError: there is no answer, or no connection any more.
            HostError: the program could not do it, or is not there.
            RemoteProtocolError: its answer makes no sense.
        """
        number = next(self._numbers)
        answer: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        line = json.dumps({"id": number, "do": what, **details}).encode("ascii") + b"\n"
        try:
            async with asyncio.timeout(within_s):
                if self._failure is not None:
                    raise self._failure
                async with self._sending:
                    with contextlib.suppress(UnreachableError):  # the reading end knows better why
                        await self._process.send(line)
                facts = await answer
        except TimeoutError:
            raise UnreachableError(f"no answer to {what!r} within {within_s:g} s") from None
        finally:
            del self._waiting[number]
        if "failure" in facts and what != "resolve":
            raise HostError(f"{what}: {facts['failure']}")
        return facts

    async def close(self) -> None:
        """End the program; may be called twice."""
        for task in (self._reading, self._beating):
            task.cancel()
        await asyncio.gather(self._reading, self._beating, return_exceptions=True)
        self._fail(UnreachableError("the conversation is over"))
        await self._process.close()

    async def _beat(self, beat_s: float) -> None:
        """Say that we are still there; the program ends when it no longer hears us."""
        with contextlib.suppress(UnreachableError):  # the reading end knows better why
            while True:
                await asyncio.sleep(beat_s)
                async with self._sending:
                    await self._process.send(b"\n")

    async def _read(self) -> None:
        try:
            await self._read_lines()
            self._fail(await self._why_it_ended())
        except (UnreachableError, RemoteProtocolError) as error:
            self._fail(error)

    async def _read_lines(self) -> None:
        rest = b""
        while block := await self._process.receive():
            *lines, rest = (rest + block).split(b"\n") if b"\n" in block else (rest + block,)
            if len(rest) > _MOST_LINE_BYTES:
                raise RemoteProtocolError("an answer without end")
            for line in lines:
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            facts = json.loads(line)
            number = facts["id"]
        except (ValueError, LookupError, TypeError):
            raise RemoteProtocolError("an answer that is none") from None
        answer = self._waiting.get(number)
        if answer is not None and not answer.done():
            answer.set_result(facts)

    async def _why_it_ended(self) -> HostError:
        exit_code = await self._process.wait()
        reason = first_line(self._process.complaint) or f"exit code {exit_code}"
        if exit_code == _NOT_FOUND:
            return HostError(f"there is no python3: {reason}", hint="install python3 (3.6 or newer) there")
        return HostError(f"the probe program ended: {reason}")

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._failure)
