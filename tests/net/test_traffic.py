"""Memory is bounded whatever the number and speed of peers, and what is large holds nobody up."""

from __future__ import annotations

import asyncio

import pytest

from sync_core.model.change import WriteFile
from sync_core.model.path import RelPath
from sync_core.net.client import CommandClient
from sync_core.net.server import Connection, ServerLimits
from sync_core.protocol.changes import encode_changes
from sync_core.protocol.dialect.preface import PREFACE
from sync_core.protocol.messages import Answer, ChangesAnswer, CheckFolders, OkAnswer, OpenDialect, Request
from tests.support.handlers import CHECK, OK, Recorder, serving
from tests.support.http import post, read_response
from tests.support.net import LOCALHOST, Lines, RawPeer, eventually, run

LARGE_BYTES = 12_000_000
"""More than the buffers of a connection hold."""
SHOW = b"<show_state/>"


def large() -> ChangesAnswer:
    """Return an answer of about that size, written already."""
    change = WriteFile(path=RelPath("big"), last_write_time=0, content=bytes(LARGE_BYTES * 3 // 4))
    return ChangesAnswer(changes=(change,), encoded=encode_changes((change,)))


class Builder:
    """A handler that builds a large answer as soon as it may.

    Args:
        shared: what everybody gets; ``None`` = each one its own.
    """

    def __init__(self, shared: ChangesAnswer | None = None) -> None:
        self.asked = self.built = 0
        self._shared = shared

    async def __call__(self, connection: Connection, request: Request) -> Answer:
        if isinstance(request, CheckFolders):
            return OkAnswer()
        self.asked += 1
        if self._shared is None:
            await connection.reserve(LARGE_BYTES)
        self.built += 1
        return self._shared or large()


async def whole_answer(peer: RawPeer) -> int:
    """Return how long the next answer is."""
    size_bytes, block = 0, b""
    while not block.endswith(b"\0"):
        block = await peer.reader.read(1 << 20)
        size_bytes += len(block)
    return size_bytes


def test_slow_readers_do_not_fill_the_memory_and_small_answers_pass() -> None:
    async def scenario() -> None:
        builder = Builder()
        async with serving(Recorder(builder), limits=ServerLimits(answers_bytes=30_000_000)) as server:
            slow = [await RawPeer.connect(server.port) for _ in range(5)]
            for peer in slow:
                await peer.send(SHOW)
            await eventually(lambda: builder.asked == 5 and builder.built == 2)
            quick = await RawPeer.connect(server.port)
            for _ in range(3):
                await quick.send(CHECK)
                assert await quick.answer() == OK
            assert builder.built == 2
            for length in await asyncio.gather(*map(whole_answer, slow)):
                assert length > LARGE_BYTES
            assert builder.built == 5
            for peer in (*slow, quick):
                await peer.close()

    run(scenario())


def test_a_body_for_many_counts_once() -> None:
    async def scenario() -> None:
        builder = Builder(large())
        async with serving(Recorder(builder), limits=ServerLimits(answers_bytes=15_000_000)) as server:
            slow = [await RawPeer.connect(server.port) for _ in range(5)]
            for peer in slow:
                await peer.send(SHOW)
            await eventually(lambda: builder.built == 5)
            traffic = server.connections[0].traffic
            assert LARGE_BYTES < traffic.answers.in_flight_bytes < 13_000_000
            assert len(set(await asyncio.gather(*map(whole_answer, slow)))) == 1
            await eventually(lambda: traffic.answers.in_flight_bytes == 0)
            for peer in slow:
                await peer.close()

    run(scenario())


def test_a_reader_that_takes_almost_nothing_is_cut_off_where_others_wait() -> None:
    async def trickle(peer: RawPeer) -> None:
        while await peer.reader.read(10_000):  # noqa: ASYNC110 - it takes its time, which is the point
            await asyncio.sleep(0.05)

    async def scenario() -> None:
        builder = Builder()
        limits = ServerLimits(answers_bytes=15_000_000, write_timeout_s=0.2)
        async with serving(Recorder(builder), limits=limits) as server:
            slow, patient = await RawPeer.connect(server.port), await RawPeer.connect(server.port)
            await slow.send(SHOW)
            await eventually(lambda: builder.built == 1)
            await patient.send(SHOW)
            taking = asyncio.create_task(trickle(slow))
            assert await whole_answer(patient) > LARGE_BYTES
            taking.cancel()
            await slow.close()
            await patient.close()

    with Lines.of() as lines:
        run(scenario())
    assert "the peer is too slow, the connection is closed" in lines.messages("WARNING")


def test_large_requests_wait_for_each_other_and_all_are_answered() -> None:
    request = b"<check_folders>" + b" " * 3_000_000 + b"</check_folders>"

    async def scenario() -> None:
        recorder = Recorder()
        async with serving(recorder, limits=ServerLimits(requests_bytes=4_000_000)) as server:
            peers = [await RawPeer.connect(server.port) for _ in range(4)]
            sending = [asyncio.create_task(peer.send(request[:-20])) for peer in peers]
            await eventually(lambda: any(c.traffic.requests.is_crowded for c in server.connections))
            assert server.connections[0].traffic.requests.in_flight_bytes < 9_000_000
            sending += [asyncio.create_task(peer.send(request[-20:])) for peer in peers]
            for peer in peers:
                assert await peer.answer() == OK
            assert len(recorder.asked) == 4
            await eventually(lambda: server.connections[0].traffic.requests.in_flight_bytes == 0)
            await asyncio.gather(*sending)
            for peer in peers:
                await peer.close()

    run(scenario())


def test_requests_and_answers_by_http_are_counted_too() -> None:
    async def scenario() -> None:
        builder = Builder()
        recorder = Recorder(builder)
        async with serving(recorder, limits=ServerLimits(answers_bytes=15_000_000)) as server:
            slow, patient = await RawPeer.connect(server.port), await RawPeer.connect(server.port)
            await slow.send(post(SHOW))
            await eventually(lambda: builder.built == 1)
            await patient.send(post(SHOW))
            await eventually(lambda: builder.asked == 2)
            traffic = server.connections[0].traffic
            assert (builder.built, traffic.answers.is_crowded) == (1, True)
            for peer in (slow, patient):
                assert len((await read_response(peer.reader)).body) > LARGE_BYTES
            await eventually(lambda: traffic.answers.in_flight_bytes == 0)
            await slow.send(post(b"<check_folders>" + b" " * 3_000_000 + b"</check_folders>"))
            assert (await read_response(slow.reader)).status == 200
            assert traffic.requests.in_flight_bytes == 0
            await slow.close()
            await patient.close()

    run(scenario())


@pytest.mark.parametrize("is_known", [True, False])
def test_our_own_dialect_takes_the_connection_over(is_known: bool) -> None:
    async def serve(
        connection: Connection, data: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert connection.peer_ip == LOCALHOST
        data += await reader.readexactly(4 - len(data))
        writer.write(data.upper())
        await writer.drain()

    async def scenario() -> None:
        async with serving(Recorder(OkAnswer(jsync=2)), serve_dialect=serve if is_known else None) as server:
            client = await CommandClient.connect(LOCALHOST, server.port, timeout_s=10)
            assert await client.ask(OpenDialect(), timeout_s=10) == OkAnswer(jsync=2)
            reader, writer = await client.hand_over()
            writer.write(PREFACE + b"da")
            await writer.drain()
            if is_known:
                writer.write(b"ta")
            assert await reader.read() == (b"DATA" if is_known else b"")
            writer.close()
            await client.close()

    run(scenario())
