"""HTTP on the command port: how connections end, and how long they may take."""

from __future__ import annotations

import asyncio
import socket
import struct

from sync_core.model.change import WriteFile
from sync_core.model.path import RelPath
from sync_core.net.connection import ServerLimits
from sync_core.net.http_server import serve_http
from sync_core.net.server import Connection
from sync_core.protocol.messages import Answer, ChangesAnswer, OkAnswer, Request
from tests.support.connections import a_connection
from tests.support.handlers import CHECK, NOON_S, OK_BY_HTTP, Recorder, serving, talking
from tests.support.http import post, read_response
from tests.support.net import Lines, RawPeer, eventually, run


def test_who_sends_no_more_gets_the_answer_and_the_end() -> None:
    async def scenario() -> None:
        async with talking(Recorder()) as peer:
            peer.writer.write(post(CHECK))
            peer.writer.write_eof()
            assert (await read_response(peer.reader)).body == OK_BY_HTTP
            assert await peer.rest() == b""

    run(scenario())


def test_who_sends_no_more_may_have_to_wait_for_the_answer() -> None:
    async def take_time(_: Connection, __: Request) -> Answer:
        await asyncio.sleep(0.7)  # longer than the server waits for a request after the end of the stream
        return OkAnswer()

    async def scenario() -> None:
        async with talking(Recorder(take_time)) as peer:
            peer.writer.write(post(CHECK))
            peer.writer.write_eof()
            assert (await read_response(peer.reader)).body == OK_BY_HTTP
            assert await peer.rest() == b""

    run(scenario())


def test_who_sends_half_a_request_and_no_more_gets_the_end() -> None:
    async def scenario() -> None:
        async with talking(Recorder()) as peer:
            peer.writer.write(post(CHECK)[:40])
            peer.writer.write_eof()
            assert await peer.rest() == b""

    run(scenario())


def test_who_sends_no_more_later_gets_the_end_too() -> None:
    async def scenario() -> None:
        async with talking(Recorder()) as peer:
            await peer.send(post(CHECK))
            assert (await read_response(peer.reader)).body == OK_BY_HTTP
            peer.writer.write_eof()
            assert await peer.rest() == b""

    run(scenario())


def test_bodies_that_do_not_come_end_the_connection() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        async with talking(recorder, limits=ServerLimits(request_timeout_s=0.1)) as peer:
            await peer.send(post(CHECK)[:-3])
            assert (await read_response(peer.reader)).status == 408
        assert recorder.asked == []

    run(scenario())


def test_heads_that_do_not_come_end_the_connection() -> None:
    async def scenario() -> None:
        async with talking(Recorder(), limits=ServerLimits(http_idle_timeout_s=0.1)) as peer:
            await peer.send(post(CHECK)[:30])
            assert await peer.rest() == b""

    run(scenario())


def test_idle_connections_end() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        async with talking(recorder, limits=ServerLimits(http_idle_timeout_s=0.1)) as peer:
            await peer.send(post(CHECK))
            assert (await read_response(peer.reader)).body == OK_BY_HTTP
            assert await peer.rest() == b""
            await eventually(lambda: len(recorder.closed) == 1)

    run(scenario())


def test_who_takes_nothing_of_the_answer_is_cut_off() -> None:
    huge = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=1, content=bytes(20_000_000)),))

    async def scenario() -> None:
        recorder = Recorder(huge)
        async with serving(recorder, limits=ServerLimits(write_timeout_s=0.1)) as server:
            peer = await RawPeer.connect(server.port)
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await peer.send(post(CHECK))
            await eventually(lambda: len(recorder.closed) == 1)
            await peer.close()

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("WARNING") == ["the peer is too slow, the connection is closed"]


def test_who_takes_the_answer_slowly_gets_it() -> None:
    huge = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=1, content=bytes(9_000_000)),))

    async def scenario() -> None:
        async with talking(Recorder(huge), limits=ServerLimits(write_timeout_s=1.0)) as peer:
            await peer.send(post(CHECK))
            head = await peer.reader.readuntil(b"\r\n\r\n")
            left = int(head.lower().partition(b"content-length: ")[2].split()[0])
            while left:
                block = await peer.reader.read(1 << 16)
                assert block
                left -= len(block)
                await asyncio.sleep(0.01)  # the pace: in all longer than a peer may stand still

    run(scenario())


def test_closing_the_server_ends_its_http_connections_and_their_handlers() -> None:
    ended: list[bool] = []

    async def hang(_: Connection, __: Request) -> Answer:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        raise AssertionError

    async def scenario() -> None:
        recorder = Recorder(hang)
        async with serving(recorder) as server:
            busy, idle = await RawPeer.connect(server.port), await RawPeer.connect(server.port)
            await busy.send(post(CHECK))
            await idle.send(post(CHECK)[:30])
            await eventually(lambda: len(recorder.asked) == 1 and len(server.connections) == 2)
            await server.close()
            assert server.connections == ()
            assert ended == [True]
            assert len(recorder.closed) == 2
            assert (await busy.rest(), await idle.rest()) == (b"", b"")
            await busy.close()
            await idle.close()

    run(scenario())


def test_a_handler_may_close_the_connection() -> None:
    async def hang_up(connection: Connection, _: Request) -> Answer:
        connection.close()
        await asyncio.sleep(0)
        return OkAnswer()

    async def scenario() -> None:
        recorder = Recorder(hang_up)
        async with talking(recorder) as peer:
            await peer.send(post(CHECK))
            assert await peer.rest() == b""
            await eventually(lambda: len(recorder.closed) == 1)

    run(scenario())


def test_a_peer_that_leaves_early_is_forgotten() -> None:
    async def hang(_: Connection, __: Request) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    async def scenario() -> None:
        recorder = Recorder(hang)
        async with serving(recorder) as server:
            for request in (post(CHECK), post(CHECK)[:-3], post(CHECK)[:20]):
                peer = await RawPeer.connect(server.port)
                await peer.send(request)
                await eventually(lambda: len(server.connections) == 1)
                await asyncio.sleep(0.02)
                peer.writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                peer.writer.transport.abort()
                await eventually(lambda: len(server.connections) == 0)

    with Lines.of() as lines:
        run(scenario())
    assert [line for line in lines.lines if line[0] in {"WARNING", "ERROR"}] == []


def test_http_connections_count_as_all_others_do() -> None:
    async def scenario() -> None:
        async with serving(Recorder(), most_connections=1) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(post(CHECK))
            assert (await read_response(peer.reader)).status == 200
            other = await RawPeer.connect(server.port)
            await other.send(post(CHECK))
            assert (await read_response(other.reader)).status == 200
            assert await peer.rest() == b""
            await peer.close()
            await other.close()

    run(scenario())


def test_a_connection_that_is_over_is_not_served() -> None:
    async def scenario() -> None:
        async with serving(Recorder()) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.close()
            recorder = Recorder()
            await serve_http(
                a_connection(),
                reader,
                writer,
                received=post(CHECK),
                handler=recorder.handle,
                limits=ServerLimits(),
                wall_clock=lambda: NOON_S,
            )
            assert recorder.asked == []

    run(scenario())
