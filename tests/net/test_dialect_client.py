from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_address

import pytest

from sync_core.model.errors import UnreachableError
from sync_core.net.dialect_client import DialectConnection
from sync_core.protocol.dialect.messages import Check
from tests.support.net import run

_HOME = ip_address("127.0.0.1")

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hang up on the first bytes without an orderly end."""
    await reader.read(1)
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _say_no(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b'<?xml version="1.0"?><spooler><answer><ERROR code="LIBXML2-007" text="no"/></answer></spooler>\n\0')
    await reader.read()


@contextlib.asynccontextmanager
async def _connected(peer: Peer) -> AsyncIterator[DialectConnection]:
    """Give a connection to ``peer``; when the context is left, the peer has ended."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        connection = await DialectConnection.connect(_HOME, server.sockets[0].getsockname()[1], timeout_s=5)
        try:
            yield connection
        finally:
            await connection.close()
            await ended.wait()


@pytest.mark.parametrize("peer", [_reset, _say_no])
def test_a_peer_that_does_not_speak_it_is_left_in_peace(peer: Peer) -> None:
    async def go() -> None:
        async with _connected(peer) as connection:
            assert await connection.begin(timeout_s=5) is False
            await connection.close()

    run(go())


def test_a_connection_that_is_reset_is_an_unreachable_peer() -> None:
    async def go() -> None:
        async with _connected(_reset) as connection:
            await connection.send(Check(), timeout_s=5)
            with pytest.raises(UnreachableError):
                await connection.next_part(timeout_s=5)

    run(go())


def _reset_one(listener: socket.socket) -> None:
    accepted, _ = listener.accept()
    with accepted:
        accepted.recv(1)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_reset_that_nobody_has_read_yet_is_no_error_when_closing() -> None:
    async def go(port: int) -> None:
        connection = await DialectConnection.connect(_HOME, port, timeout_s=5)
        await connection.send(Check(), timeout_s=5)
        peer.join()  # on purpose in the loop, which must see nothing of the reset
        await connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = threading.Thread(target=_reset_one, args=(listener,), daemon=True)
        peer.start()
        run(go(listener.getsockname()[1]))
