"""How slowly an answer may come: with a clock of the test's own, and a peer that drips."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sync_core.model.errors import UnreachableError
from sync_core.net.client import CommandClient
from sync_core.net.dialect_client import DialectConnection
from sync_core.net.http_client import HttpClient
from sync_core.net.pace import Pace, Slowest
from sync_core.protocol.dialect.frames import FrameKind
from sync_core.protocol.dialect.messages import Check
from sync_core.protocol.messages import CheckFolders, FetchConfiguration
from tests.support.net import LOCALHOST, run

_SLOWEST = Slowest(window_s=60, bytes_per_s=10)
_HASTY = Slowest(window_s=0.2, bytes_per_s=10_000)
_SILENCE_S = 30.0

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class _Clock:
    """Waiting takes no time; the test says how much it has taken."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def come(self, size_bytes: int, after_s: float) -> int:
        self.now += after_s
        return size_bytes


def _paced(*steps: tuple[int, float]) -> None:
    """Let bytes come, each time so many after so many seconds; TimeoutError if that is too slow."""
    clock = _Clock()
    pace = Pace(_SLOWEST, clock)

    async def go() -> None:
        for size_bytes, after_s in steps:
            await pace.wait(clock.come(size_bytes, after_s), silence_s=1000)
            await asyncio.sleep(0)
        await pace.wait(asyncio.sleep(0.001, result=1), silence_s=1000)

    run(go())


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(1, 900.0)], id="what comes before the first byte is no part of it"),
        pytest.param([(600, 59.0)] * 20, id="just enough"),
        pytest.param([(600_000, 1.0), (1, 30.0)], id="slow at the end"),
    ],
)
def test_an_answer_that_comes_fast_enough_is_waited_for(steps: list[tuple[int, float]]) -> None:
    _paced(*steps)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(1, 0.0), (1, 30.0), (1, 30.0)], id="it drips"),
        pytest.param([(10**9, 1.0), (1, 30.0), (1, 30.0)], id="it drips after much has come"),
    ],
)
def test_an_answer_that_drips_is_not_waited_for(steps: list[tuple[int, float]]) -> None:
    with pytest.raises(TimeoutError):
        _paced(*steps)


def test_the_next_answer_may_take_its_time_again() -> None:
    clock = _Clock()
    pace = Pace(_SLOWEST, clock)

    async def go() -> None:
        await pace.wait(clock.come(1, 0.0), silence_s=1000)
        await pace.wait(clock.come(1, 59.9), silence_s=1000)
        pace.begin()
        await pace.wait(clock.come(1, 900.0), silence_s=1000)
        assert await pace.wait(asyncio.sleep(0.001, result=7), silence_s=1000) == 7

    run(go())


def _dripping(beginning: bytes) -> Peer:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(beginning)
        with contextlib.suppress(OSError):
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.transport.abort()

    return drip


@contextlib.asynccontextmanager
async def _listening(peer: Peer) -> AsyncIterator[int]:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer(reader, writer)
        ended.set()

    async with await asyncio.start_server(serve, str(LOCALHOST), 0) as server:
        yield server.sockets[0].getsockname()[1]
        await ended.wait()


def test_a_master_that_drips_is_left() -> None:
    async def go() -> None:
        async with _listening(_dripping(b"<spooler>")) as port:
            client = await CommandClient.connect(LOCALHOST, port, timeout_s=5, slowest=_HASTY)
            try:
                with pytest.raises(UnreachableError, match="recv"):
                    await client.ask(CheckFolders(), timeout_s=_SILENCE_S)
            finally:
                await client.close()

    run(go())


def test_a_master_that_drips_in_our_dialect_is_left() -> None:
    # A frame of 64 KiB that never comes to its end.
    head = struct.pack(">IB", 65536, FrameKind.MESSAGE)

    async def go() -> None:
        async with _listening(_dripping(head)) as port:
            reader, writer = await asyncio.open_connection(str(LOCALHOST), port)
            connection = DialectConnection(reader, writer, (LOCALHOST, port), _HASTY)
            try:
                await connection.send(Check(), timeout_s=5)
                with pytest.raises(UnreachableError, match="recv"):
                    await connection.next_part(timeout_s=_SILENCE_S)
            finally:
                await connection.close()

    run(go())


def test_a_master_that_drips_by_http_is_left() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 65536\r\n\r\n"
    request = FetchConfiguration(scheduler_id="slave", udp_port=5000, version="1.3.12", interval_s=60)

    async def go() -> None:
        async with _listening(_dripping(head)) as port:
            client = HttpClient(
                LOCALHOST, port, host="master", connect_timeout_s=5, timeout_s=_SILENCE_S, slowest=_HASTY
            )
            with pytest.raises(UnreachableError):
                await client.ask(request)

    run(go())
