"""How connections of the command server end, and how long they may take."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest

from sync_core.model.change import WriteFile
from sync_core.model.path import RelPath
from sync_core.model.security import Level
from sync_core.net.server import Connection, ServerLimits
from sync_core.protocol.messages import Answer, ChangesAnswer, OkAnswer, Request
from tests.support.handlers import CHECK, OK, Recorder, serving
from tests.support.net import Lines, RawPeer, eventually, run


@pytest.mark.parametrize(("level", "most_bytes"), [(Level.INFO, 2_000), (Level.NO_ADD, 20_000)])
def test_a_request_that_is_too_long_ends_the_connection(level: Level, most_bytes: int) -> None:
    limits = ServerLimits(request_bytes=2_000, large_request_bytes=20_000)

    async def scenario() -> None:
        async with serving(Recorder(), level=lambda _: level, limits=limits) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(b"<check_folders>" + b" " * (most_bytes - 100) + b"</check_folders>")
            assert await peer.answer() == OK
            await peer.send(b"<a>" + b"x" * most_bytes)
            assert b'code="XML-ERROR"' in await peer.rest()
            await peer.close()

    run(scenario())


def test_a_request_that_is_never_completed_ends_the_connection_and_idleness_does_not() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        async with serving(recorder, limits=ServerLimits(request_timeout_s=0.05)) as server:
            idle = await RawPeer.connect(server.port)
            await idle.send(CHECK)
            assert await idle.answer() == OK
            peer = await RawPeer.connect(server.port)
            await peer.send(b"<check_")
            assert await peer.rest() == b""
            await peer.close()
            await idle.send(CHECK)
            assert await idle.answer() == OK
            await idle.close()

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("WARNING") == ["the peer is too slow, the connection is closed"]


def test_a_trickle_of_bytes_does_not_keep_a_request_alive() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        async with serving(recorder, limits=ServerLimits(request_timeout_s=0.1)) as server:
            peer = await RawPeer.connect(server.port)
            with contextlib.suppress(ConnectionError):
                await peer.send(b"<check_folders")
                while not recorder.closed:
                    await peer.send(b" ")
                    await asyncio.sleep(0.01)
            await peer.close()

    run(scenario())


def test_a_peer_that_takes_nothing_of_its_answer_is_given_up() -> None:
    big = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=0, content=b"x" * 20_000_000),))

    async def scenario() -> None:
        recorder = Recorder(big)
        async with serving(recorder, limits=ServerLimits(write_timeout_s=0.05)) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                sock.sendall(CHECK)
                await eventually(lambda: bool(recorder.closed))

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("WARNING") == ["the peer is too slow, the connection is closed"]


def test_a_peer_that_takes_its_answer_slowly_gets_all_of_it() -> None:
    big = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=0, content=b"x" * 6_000_000),))

    async def scenario() -> None:
        recorder = Recorder(big)
        async with serving(recorder, limits=ServerLimits(write_timeout_s=0.2)) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(CHECK)
            taken = b""
            while not taken.endswith(b"\0"):
                taken += await peer.reader.read(100_000)
                await asyncio.sleep(0.01)
            assert len(taken) > 8_000_000
            await peer.close()

    run(scenario())


def test_a_reset_is_only_worth_a_debug_line() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        async with serving(recorder) as server:
            sock = socket.create_connection(("127.0.0.1", server.port))
            await eventually(lambda: bool(server.connections))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            await eventually(lambda: bool(recorder.closed))

    with Lines.of() as lines:
        run(scenario())
    assert [level for level, _, _ in lines.lines] == ["DEBUG"]


def test_the_handler_may_close_another_connection() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        async with serving(recorder) as server:
            older = await RawPeer.connect(server.port)
            await older.send(CHECK)
            assert await older.answer() == OK

            async def close_older(_: Connection, __: Request) -> Answer:
                recorder.asked[0][0].close()
                return OkAnswer()

            recorder.answer = close_older
            newer = await RawPeer.connect(server.port)
            await newer.send(CHECK)
            assert await newer.answer() == OK
            assert await older.rest() == b""
            await eventually(lambda: recorder.closed == [recorder.asked[0][0]])
            await older.close()
            await newer.close()

    run(scenario())


def test_a_connection_that_is_closed_while_it_is_answered_gets_no_answer() -> None:
    async def close_own(connection: Connection, _: Request) -> Answer:
        connection.close()
        assert connection.is_closing
        return OkAnswer()

    async def scenario() -> None:
        recorder = Recorder(close_own)
        async with serving(recorder) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(CHECK)
            assert await peer.rest() == b""
            await eventually(lambda: bool(recorder.closed))
            await peer.close()

    run(scenario())


def test_closing_the_server_ends_all_connections_also_busy_ones() -> None:
    async def never(_: Connection, __: Request) -> Answer:
        await asyncio.Event().wait()
        return OkAnswer()

    async def scenario() -> None:
        recorder = Recorder(never)
        async with serving(recorder) as server:
            busy = await RawPeer.connect(server.port)
            idle = await RawPeer.connect(server.port)
            await busy.send(CHECK)
            await eventually(lambda: bool(recorder.asked) and len(server.connections) == 2)
            closing = asyncio.create_task(server.close())
            assert await busy.rest() == b""
            assert await idle.rest() == b""
            await busy.close()
            await idle.close()
            await closing
            assert len(recorder.closed) == 2
            await server.close()

    run(scenario())
