"""A command and its streams on a channel of an SSH connection."""

from __future__ import annotations

import asyncio
import contextlib

import paramiko

from sync_core.model.errors import UnreachableError
from sync_core.net.threads import in_thread

__all__ = ["CLOSE_S", "SshProcess", "words_of"]

_MOST_ERROR_BYTES = 64 * 1024
_BLOCK_BYTES = 65536
CLOSE_S = 5.0
"""The longest wait for a connection to close."""


def words_of(error: BaseException) -> str:
    """Return what an error of SSH says, on one line of bounded length."""
    text = str(error) or type(error).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in text.splitlines()[0])[:200]


class SshProcess:
    """A command on a channel; the event loop is told by a pipe of paramiko's when there is something to read.

    Args:
        channel: on which the command was started.
    """

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._output: asyncio.Queue[bytes] = asyncio.Queue()
        self._complaint = bytearray()
        self._sending = asyncio.Lock()
        self._is_over = False
        self._loop = asyncio.get_running_loop()
        self._handle = channel.fileno()
        self._loop.add_reader(self._handle, self._read)

    @property
    def complaint(self) -> bytes:
        """The first part of its standard error, so far."""
        return bytes(self._complaint)

    async def send(self, data: bytes) -> None:
        """Hand data to its standard input; raises UnreachableError."""
        async with self._sending:
            try:
                await in_thread(lambda: self._channel.sendall(data), name="ssh: send")
            except OSError as error:
                raise UnreachableError(f"the SSH connection takes no more: {words_of(error)}") from error

    async def receive(self) -> bytes:
        """Return the next block of its standard output, ``b""`` at the end."""
        return b"" if self._is_over and self._output.empty() else await self._output.get()

    async def end_input(self) -> None:
        """Close its standard input."""
        with contextlib.suppress(OSError, EOFError):
            await in_thread(self._channel.shutdown_write, name="ssh: end of input")

    async def wait(self) -> int:
        """Return its exit code; raises UnreachableError if the connection was lost."""
        # Output was read to its end, so this waits for one message, or for the end of the connection.
        exit_code = await in_thread(self._channel.recv_exit_status, name="ssh: exit code")
        if not self._channel.exit_status_ready() or exit_code < 0:
            raise UnreachableError("the SSH connection was lost")
        return exit_code

    async def close(self) -> None:
        """Let go of it; may be called twice."""
        self._end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await in_thread(self._channel.close, name="ssh: close")

    def _read(self) -> None:
        while self._channel.recv_ready():
            self._output.put_nowait(self._channel.recv(_BLOCK_BYTES))
        while self._channel.recv_stderr_ready():
            block = self._channel.recv_stderr(_BLOCK_BYTES)
            self._complaint += block[: _MOST_ERROR_BYTES - len(self._complaint)]
        if self._channel.eof_received or self._channel.closed:
            self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._loop.remove_reader(self._handle)
            self._output.put_nowait(b"")
