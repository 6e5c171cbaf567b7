"""Commands on a host: one interface, whether the host is this machine or one behind SSH."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from sync_core.model.errors import HostError, UnreachableError

__all__ = ["Completed", "LocalRunner", "Process", "Runner", "as_root", "first_line", "run"]

_MOST_ERROR_BYTES = 64 * 1024
_BLOCK_BYTES = 65536
_GRACE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A command that has ended.

    Attributes:
        exit_code: negative: ended by that signal.
        stdout: all of it.
        stderr: its first part.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes


class Process(Protocol):
    """A command that runs. Read to its end, or ``close`` it; either way nothing of it is left here."""

    async def send(self, data: bytes) -> None:
        """Hand ``data`` to its standard input; raises UnreachableError when it takes no more."""

    async def receive(self) -> bytes:
        """Return the next block of its standard output, ``b""`` at the end; raises UnreachableError."""

    async def end_input(self) -> None:
        """Close its standard input."""

    async def wait(self) -> int:
        """Return its exit code, after the end of its output."""

    @property
    def complaint(self) -> bytes:
        """The first part of its standard error, so far."""

    async def close(self) -> None:
        """Make it end and let go of it; may be called twice."""


class Runner(Protocol):
    """Runs commands on one host. Commands are argument lists: no shell of ours ever sees data."""

    async def connect(self) -> None:
        """Reach the host, which ``start`` does by itself otherwise; raises UnreachableError."""

    async def start(self, command: Sequence[str], *, deadline_s: float | None = None) -> Process:
        """Start a command; raises UnreachableError or HostError.

        Args:
            command: program and arguments.
            deadline_s: elsewhere it is ended after so many seconds, whatever becomes of the network in between;
                ``None``: it sees to that itself.
        """

    async def close(self) -> None:
        """Let go of the host; may be called twice."""


def as_root(command: Sequence[str]) -> tuple[str, ...]:
    """Return ``command`` by way of ``sudo`` that asks for nothing: it works at once or not at all."""
    return ("sudo", "-n", "--", *command)


def first_line(complaint: bytes) -> str:
    """Return the first line of what a command complained of, printable and of bounded length."""
    words = complaint.decode("utf-8", "replace").strip().splitlines()
    line = "".join(letter if letter.isprintable() else "?" for letter in words[0].strip()) if words else ""
    return line[:200]


async def run(
    runner: Runner, command: Sequence[str], *, stdin: bytes = b"", timeout_s: float, most_bytes: int = 1 << 20
) -> Completed:
    """Run ``command`` to its end.

    Args:
        runner: where.
        command: program and arguments.
        stdin: what it reads.
        timeout_s: for all of it.
        most_bytes: the longest output that is taken.

    Raises:
        UnreachableError: the host can't be reached, or the time is over.
        HostError: the command can't be started, or says too much.
    """
    try:
        async with asyncio.timeout(timeout_s):
            process = await runner.start(command, deadline_s=timeout_s)
            try:
                return await _to_its_end(process, command, stdin, most_bytes)
            finally:
                await process.close()
    except TimeoutError:
        raise UnreachableError(f"{command[0]}: not done within {timeout_s:g} s") from None


async def _to_its_end(process: Process, command: Sequence[str], stdin: bytes, most_bytes: int) -> Completed:
    async def feed() -> None:
        with contextlib.suppress(UnreachableError):  # it need not read everything
            await process.send(stdin)
            await process.end_input()

    feeding = asyncio.create_task(feed())
    blocks: list[bytes] = []
    try:
        while block := await process.receive():
            blocks.append(block)
            if sum(map(len, blocks)) > most_bytes:
                raise HostError(f"{command[0]}: more than {most_bytes} bytes of output")
        exit_code = await process.wait()
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
    return Completed(exit_code=exit_code, stdout=b"".join(blocks), stderr=process.complaint)


class LocalRunner:
    """Runs commands on this machine.

    Args:
        become: run them as root.
    """

    def __init__(self, *, become: bool = False) -> None:
        self._become = become

    async def connect(self) -> None:
        """This machine is here."""

    async def start(self, command: Sequence[str], *, deadline_s: float | None = None) -> Process:
        """Start a command in a session of its own, so that a Ctrl-C is ours alone; here nothing outlives ``close``.

        Raises:
            HostError: there is no such program, or it can't be run.
        """
        words = as_root(command) if self._become else tuple(command)
        if shutil.which(words[0]) is None:
            raise HostError(f"{words[0]}: there is no such program")
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise HostError(f"{words[0]}: {error.strerror}") from error
        return _LocalProcess(process)

    async def close(self) -> None:
        """Nothing is held."""


class _LocalProcess:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stdin = cast(asyncio.StreamWriter, process.stdin)
        self._stdout = cast(asyncio.StreamReader, process.stdout)
        self._complaint = bytearray()
        self._listening = asyncio.create_task(self._listen(cast(asyncio.StreamReader, process.stderr)))

    @property
    def complaint(self) -> bytes:
        return bytes(self._complaint)

    async def send(self, data: bytes) -> None:
        try:
            self._stdin.write(data)
            await self._stdin.drain()
        except OSError as error:
            raise UnreachableError("it takes no more input") from error

    async def receive(self) -> bytes:
        return await self._stdout.read(_BLOCK_BYTES)

    async def end_input(self) -> None:
        self._stdin.close()

    async def wait(self) -> int:
        await self._listening
        return await self._process.wait()

    async def close(self) -> None:
        self._stdin.close()
        try:
            async with asyncio.timeout(_GRACE_S):
                await self._process.wait()
        except TimeoutError:
            await self._end()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        with contextlib.suppress(PermissionError):
            _transport_of(self._process).close()

    async def _end(self) -> None:
        with contextlib.suppress(PermissionError):  # it is root's, and ends with its input
            _transport_of(self._process).close()  # kills it, and lets go of what its children hold
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await self._process.wait()

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        while block := await stderr.read(_BLOCK_BYTES):
            self._complaint += block[: _MOST_ERROR_BYTES - len(self._complaint)]


def _transport_of(process: asyncio.subprocess.Process) -> asyncio.SubprocessTransport:
    """Return the transport: only it lets go of pipes that a child's children still hold."""
    return cast(asyncio.SubprocessTransport, process._transport)  # type: ignore[attr-defined]
