"""Writing and closing TCP streams with deadlines."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

__all__ = ["LINGER_S", "finish", "keep_alive", "write_all"]

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


async def write_all(writer: asyncio.StreamWriter, data: bytes, *, timeout_s: float) -> None:
    """Hand ``data`` to the system in one write and return when it took all of it.

    Args:
        writer: an open stream.
        data: a whole document.
        timeout_s: the longest time in which nothing moves.

    Raises:
        TimeoutError: the peer took nothing for so long.
        OSError: the connection broke.
    """
    writer.transport.set_write_buffer_limits(high=0)  # drain waits until the buffer is empty
    writer.write(data)
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
