"""Writing and closing TCP streams with deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import cast

__all__ = ["LINGER_S", "SLOWEST_BYTES_PER_S", "finish", "hang_up", "keep_alive", "write_all"]

SLOWEST_BYTES_PER_S = 65536
"""Whoever is slower with something large is too slow."""

_BLOCK_BYTES = 128 * 1024

LINGER_S = 1.0
"""How long a closing end waits for the peer to close, so that the last answer is not lost to a reset."""
_LINGER_BYTES = 1 << 20
_IDLE_S, _INTERVAL_S, _PROBES = 60, 15, 4


def keep_alive(writer: asyncio.StreamWriter) -> None:
    """Let the kernel notice within two minutes that an idle peer is gone; small answers leave at once."""
    sock = cast(socket.socket, writer.get_extra_info("socket"))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _INTERVAL_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)


async def write_all(
    writer: asyncio.StreamWriter,
    pieces: Sequence[bytes],
    *,
    timeout_s: float,
    is_hurried: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Hand a document to the system and return when it took all of it.

    A small one goes in one write. Of a large one only a block at a time is handed over, so that a slow peer costs a
    block and not a copy of what others get too; its last piece goes in one write.

    Args:
        writer: an open stream.
        pieces: the document; the last piece is small.
        timeout_s: the longest time in which nothing moves.
        is_hurried: whether others wait for the end of this; then it must be as quick as 64 KiB a second, after
            ``timeout_s``.
        clock: monotonic seconds.

    Raises:
        TimeoutError: the peer took nothing for so long, or is too slow for the others.
        OSError: the connection broke.
    """
    writer.transport.set_write_buffer_limits(high=0)  # drain waits until the buffer is empty
    begun_at, taken_bytes = clock(), 0
    for block in _blocks(pieces):
        writer.write(block)
        if writer.transport.get_write_buffer_size() or writer.transport.is_closing():  # most is taken at once
            await _drain(writer, timeout_s=timeout_s)
        taken_bytes += len(block)
        if clock() - begun_at > timeout_s + taken_bytes / SLOWEST_BYTES_PER_S and is_hurried():
            raise TimeoutError


def _blocks(pieces: Sequence[bytes]) -> Iterator[bytes | memoryview]:
    if sum(map(len, pieces)) <= _BLOCK_BYTES:
        yield b"".join(pieces)
        return
    for piece in pieces:
        for start in range(0, len(piece), _BLOCK_BYTES):
            yield memoryview(piece)[start : start + _BLOCK_BYTES]


async def _drain(writer: asyncio.StreamWriter, *, timeout_s: float) -> None:
    left_bytes = writer.transport.get_write_buffer_size()
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                await writer.drain()
            return
        except TimeoutError:
            now_left_bytes = writer.transport.get_write_buffer_size()
            if now_left_bytes >= left_bytes:
                raise
            left_bytes = now_left_bytes


def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection that we opened, in order where there still is one; harmless where it is over."""
    if not writer.transport.is_closing():
        with contextlib.suppress(OSError):  # the peer has reset it, and nobody has read that yet
            if writer.can_write_eof():  # TLS says good-bye when it is closed
                writer.write_eof()
        writer.close()


async def finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close as the original does: no more bytes from us (FIN), then the socket; what still comes in is dropped.

    Closing a socket with unread bytes resets the connection, and the peer may lose what we wrote last; so we read on
    for a moment.
    """
    try:
        if writer.can_write_eof() and not writer.transport.is_closing():
            writer.write_eof()
            dropped_bytes = 0
            async with asyncio.timeout(LINGER_S):
                while dropped_bytes < _LINGER_BYTES and (block := await reader.read(65536)):
                    dropped_bytes += len(block)
    except (TimeoutError, OSError):
        pass  # it is over in any case
    finally:
        if writer.transport.get_write_buffer_size():
            writer.transport.abort()  # nobody takes it
        else:
            writer.close()
