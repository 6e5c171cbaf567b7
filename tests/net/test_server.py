"""The command server over real loopback connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from sync_core.model.change import WriteFile
from sync_core.model.errors import PortInUseError
from sync_core.model.path import RelPath
from sync_core.model.security import IpAddress, Level
from sync_core.net import server as server_module
from sync_core.net.server import CommandServer, Connection, ServerLimits
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    CheckFolders,
    ErrorAnswer,
    OkAnswer,
    Request,
)
from tests.support.net import LOCALHOST, LOCALHOST6, Lines, RawPeer, eventually, listening, run

TIME = "2026-11-24 03:07:51.419"
PROLOG = b'<?xml version="1.0" encoding="ISO-8859-1"?>'
OK = PROLOG + b'\n<spooler><answer time="2026-11-24 03:07:51.419"><ok/></answer></spooler>\n\0'
CHECK = b"<check_folders/>"


@dataclass
class Desk:
    """A handler that remembers what it was asked."""

    answer: Callable[[Connection, Request], Awaitable[Answer]] | None = None
    asked: list[tuple[Connection, Request]] = field(default_factory=list)
    closed: list[Connection] = field(default_factory=list)

    async def handle(self, connection: Connection, request: Request) -> Answer:
        self.asked.append((connection, request))
        return await self.answer(connection, request) if self.answer else OkAnswer()


@contextlib.asynccontextmanager
async def serving(
    desk: Desk,
    *,
    listen: str | None = "127.0.0.1",
    level: Callable[[IpAddress], Level] = lambda _: Level.ALL,
    limits: ServerLimits | None = None,
    most_connections: int | None = None,
) -> AsyncIterator[CommandServer]:
    server = CommandServer(
        listen=listen,
        port=0,
        handler=desk.handle,
        level_of=level,
        answer_time=lambda: TIME,
        on_close=desk.closed.append,
        limits=limits,
        most_connections=most_connections,
    )
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def answering(answer: Answer) -> Callable[[Connection, Request], Awaitable[Answer]]:
    async def answer_it(_: Connection, __: Request) -> Answer:
        return answer

    return answer_it


def test_a_conversation_goes_on_for_any_number_of_requests() -> None:
    desk = Desk()

    async def scenario() -> None:
        async with serving(desk) as server:
            peer = await RawPeer.connect(server.port)
            for _ in range(3):
                await peer.send(CHECK)
                assert await peer.answer() == OK
            (connection,) = server.connections
            assert (connection.peer_ip, connection.peer_port) == (LOCALHOST, peer.port)
            assert (connection.local_ip, connection.level) == (LOCALHOST, Level.ALL)
            assert str(connection) == f"{connection.id} (127.0.0.1:{peer.port})"
            await peer.close()
            await eventually(lambda: bool(desk.closed))

    with Lines.of() as lines:
        run(scenario())
    assert [request for _, request in desk.asked] == [CheckFolders()] * 3
    assert desk.closed == [desk.asked[0][0]]
    prefix = desk.asked[0][0].prefix
    assert prefix.startswith("TCP connection to 127.0.0.1:")
    assert lines.lines == [("INFO", prefix, "SCHEDULER-965  Executing command: <check_folders/>")] * 3


def test_both_families_are_served_by_default() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with serving(desk, listen=None) as server:
            for address in ("127.0.0.1", "::1"):
                peer = await RawPeer.connect(server.port, address)
                await peer.send(CHECK)
                assert await peer.answer() == OK
                await peer.close()
        assert [connection.peer_ip for connection, _ in desk.asked] == [LOCALHOST, LOCALHOST6]
        assert desk.asked[1][0].prefix.startswith("TCP connection to [::1]:")

    run(scenario())


def test_a_request_in_pieces_is_one_request_and_an_answer_one_write() -> None:
    big = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=0, content=b"x" * 3_000_000),))

    async def scenario() -> None:
        async with serving(Desk(answering(big))) as server:
            peer = await RawPeer.connect(server.port)
            for piece in (b"<check_", b"folders", b"/>"):
                await peer.send(piece)
                await asyncio.sleep(0)
            peer.writer.write_eof()
            answer = await peer.rest()
            assert len(answer) > 4_000_000
            assert answer.endswith(b"</spooler>\0")
            await peer.close()

    run(scenario())


def test_a_lone_line_end_is_not_answered() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with serving(desk) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(b"\n")
            other = await RawPeer.connect(server.port)
            await other.send(CHECK)
            assert await other.answer() == OK
            await other.close()
            await peer.send(CHECK)
            assert await peer.answer() == OK
            await peer.close()

    run(scenario())


@pytest.mark.parametrize("level", [Level.NONE, Level.SIGNAL])
def test_strangers_are_turned_away_without_a_byte(level: Level) -> None:
    desk = Desk()
    ports: list[int] = []

    async def scenario() -> None:
        async with serving(desk, level=lambda _: level) as server:
            peer = await RawPeer.connect(server.port)
            ports.append(peer.port)
            assert await peer.rest() == b""
            await peer.close()

    with Lines.of() as lines:
        run(scenario())
    assert lines.lines == [
        ("WARNING", f"TCP connection to 127.0.0.1:{ports[0]}", "SCHEDULER-287  TCP connection not allowed")
    ]
    assert desk == Desk()


@pytest.mark.parametrize("level", [Level.INFO, Level.NO_ADD, Level.ALL])
def test_from_level_info_on_peers_are_let_in(level: Level) -> None:
    async def scenario() -> None:
        desk = Desk()
        async with serving(desk, level=lambda _: level) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(CHECK)
            assert await peer.answer() == OK
            assert desk.asked[0][0].level is level
            await peer.close()

    run(scenario())


def test_a_flood_of_strangers_does_not_fill_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_LINES_PER_MINUTE", 2)

    async def scenario() -> None:
        async with serving(Desk(), level=lambda _: Level.NONE) as server:
            for _ in range(5):
                peer = await RawPeer.connect(server.port)
                assert await peer.rest() == b""
                await peer.close()

    with Lines.of() as lines:
        run(scenario())
    assert len(lines.lines) == 2


def test_more_connections_than_fit_are_refused_and_the_others_live() -> None:
    async def scenario() -> None:
        async with serving(Desk(), most_connections=1) as server:
            first = await RawPeer.connect(server.port)
            await first.send(CHECK)
            assert await first.answer() == OK
            for _ in range(70):
                second = await RawPeer.connect(server.port)
                assert await second.rest() == b""
                await second.close()
            await first.send(CHECK)
            assert await first.answer() == OK
            await first.close()

    with Lines.of() as lines:
        run(scenario())
    errors = lines.messages("ERROR")
    assert set(errors) == {"SCHEDULER-286  More than 1 connections are open, this one is refused"}
    assert len(errors) == server_module._LINES_PER_MINUTE


def test_malformed_xml_is_answered_and_the_connection_lives() -> None:
    async def scenario() -> None:
        async with serving(Desk()) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(b"<a></b>")
            answer = await peer.answer()
            assert b'<ERROR time="2026-11-24 03:07:51" code="XML-ERROR"' in answer
            await peer.send(CHECK)
            assert await peer.answer() == OK
            await peer.close()

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("ERROR")[0].startswith("XML-ERROR")


def test_an_error_of_the_handler_is_logged_as_the_original_does() -> None:
    refusal = ErrorAnswer(code="SCHEDULER-457", text="SCHEDULER-457  Remote scheduler '1' has not been registered")

    async def scenario() -> None:
        async with serving(Desk(answering(refusal))) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(CHECK)
            assert b'code="SCHEDULER-457"' in await peer.answer()
            await peer.send(CHECK)
            assert b'code="SCHEDULER-457"' in await peer.answer()
            await peer.close()

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("ERROR") == [refusal.text] * 2


async def failing(_: Connection, __: Request) -> Answer:
    raise ZeroDivisionError("a bug")


UNSENDABLE = ChangesAnswer(changes=(WriteFile(path=RelPath("a\x01b"), last_write_time=0, content=b""),))


@pytest.mark.parametrize("answer", [failing, answering(UNSENDABLE)])
def test_a_bug_is_logged_answered_and_ends_that_connection_only(
    answer: Callable[[Connection, Request], Awaitable[Answer]],
) -> None:
    desk = Desk(answer)

    async def scenario() -> None:
        async with serving(desk) as server:
            other = await RawPeer.connect(server.port)
            peer = await RawPeer.connect(server.port)
            await peer.send(CHECK)
            assert b'code="JSYNC-ERROR"' in await peer.rest()
            await peer.close()
            await eventually(lambda: len(desk.closed) == 1)
            desk.answer = None
            await other.send(CHECK)
            assert await other.answer() == OK
            await other.close()

    with Lines.of() as lines:
        run(scenario())
    (bug,) = [record for record in lines.records if record.levelname == "ERROR"]
    assert bug.exc_info is not None


def test_http_is_told_that_there_is_nothing() -> None:
    async def scenario() -> None:
        async with serving(Desk()) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(b"GET / HTTP/1.0\r\n\r\n")
            answer = await peer.rest()
            assert answer.startswith(b"HTTP/1.0 404 ")
            assert answer.endswith(b"\r\n\r\n")
            await peer.close()

    run(scenario())


def test_ctrl_d_closes() -> None:
    async def scenario() -> None:
        async with serving(Desk()) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(b"\x04")
            assert await peer.rest() == b""
            await peer.close()

    run(scenario())


@pytest.mark.parametrize(("level", "most_bytes"), [(Level.INFO, 2_000), (Level.NO_ADD, 20_000)])
def test_a_request_that_is_too_long_ends_the_connection(level: Level, most_bytes: int) -> None:
    limits = ServerLimits(request_bytes=2_000, large_request_bytes=20_000)

    async def scenario() -> None:
        async with serving(Desk(), level=lambda _: level, limits=limits) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(b"<check_folders>" + b" " * (most_bytes - 100) + b"</check_folders>")
            assert await peer.answer() == OK
            await peer.send(b"<a>" + b"x" * most_bytes)
            assert b'code="XML-ERROR"' in await peer.rest()
            await peer.close()

    run(scenario())


def fetch_of(count: int) -> bytes:
    folders = b"".join(b'<configuration.directory name="%d"/>' % n for n in range(count))
    element = b"supervisor.remote_scheduler.configuration.fetch_updated_files"
    return b"<" + element + b">" + folders + b"</" + element + b">"


def test_a_request_that_is_never_completed_ends_the_connection_and_idleness_does_not() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with serving(desk, limits=ServerLimits(request_timeout_s=0.05)) as server:
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
        desk = Desk()
        async with serving(desk, limits=ServerLimits(request_timeout_s=0.1)) as server:
            peer = await RawPeer.connect(server.port)
            with contextlib.suppress(ConnectionError):
                await peer.send(b"<check_folders")
                while not desk.closed:
                    await peer.send(b" ")
                    await asyncio.sleep(0.01)
            await peer.close()

    run(scenario())


def test_a_peer_that_takes_nothing_of_its_answer_is_given_up() -> None:
    big = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=0, content=b"x" * 20_000_000),))

    async def scenario() -> None:
        desk = Desk(answering(big))
        async with serving(desk, limits=ServerLimits(write_timeout_s=0.05)) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                sock.sendall(CHECK)
                await eventually(lambda: bool(desk.closed))

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("WARNING") == ["the peer is too slow, the connection is closed"]


def test_a_peer_that_takes_its_answer_slowly_gets_all_of_it() -> None:
    big = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=0, content=b"x" * 6_000_000),))

    async def scenario() -> None:
        desk = Desk(answering(big))
        async with serving(desk, limits=ServerLimits(write_timeout_s=0.2)) as server:
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
        desk = Desk()
        async with serving(desk) as server:
            sock = socket.create_connection(("127.0.0.1", server.port))
            await eventually(lambda: bool(server.connections))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            await eventually(lambda: bool(desk.closed))

    with Lines.of() as lines:
        run(scenario())
    assert [level for level, _, _ in lines.lines] == ["DEBUG"]


def test_the_handler_may_close_another_connection() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with serving(desk) as server:
            older = await RawPeer.connect(server.port)
            await older.send(CHECK)
            assert await older.answer() == OK

            async def close_older(_: Connection, __: Request) -> Answer:
                desk.asked[0][0].close()
                return OkAnswer()

            desk.answer = close_older
            newer = await RawPeer.connect(server.port)
            await newer.send(CHECK)
            assert await newer.answer() == OK
            assert await older.rest() == b""
            await eventually(lambda: desk.closed == [desk.asked[0][0]])
            await older.close()
            await newer.close()

    run(scenario())


def test_a_connection_that_is_closed_while_it_is_answered_gets_no_answer() -> None:
    async def close_own(connection: Connection, _: Request) -> Answer:
        connection.close()
        assert connection.is_closing
        return OkAnswer()

    async def scenario() -> None:
        desk = Desk(close_own)
        async with serving(desk) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(CHECK)
            assert await peer.rest() == b""
            await eventually(lambda: bool(desk.closed))
            await peer.close()

    run(scenario())


def test_closing_the_server_ends_all_connections_also_busy_ones() -> None:
    async def never(_: Connection, __: Request) -> Answer:
        await asyncio.Event().wait()
        return OkAnswer()

    async def scenario() -> None:
        desk = Desk(never)
        async with serving(desk) as server:
            busy = await RawPeer.connect(server.port)
            idle = await RawPeer.connect(server.port)
            await busy.send(CHECK)
            await eventually(lambda: bool(desk.asked) and len(server.connections) == 2)
            closing = asyncio.create_task(server.close())
            assert await busy.rest() == b""
            assert await idle.rest() == b""
            await busy.close()
            await idle.close()
            await closing
            assert len(desk.closed) == 2
            await server.close()

    run(scenario())


def test_a_port_in_use_names_its_holder() -> None:
    async def scenario(port: int) -> None:
        server = CommandServer(
            listen=None, port=port, handler=Desk().handle, level_of=lambda _: Level.ALL, answer_time=lambda: TIME
        )
        with pytest.raises(PortInUseError, match=f"TCP port {port} is in use by .* on 127.0.0.1"):
            await server.start()
        await server.close()

    with listening() as port:
        run(scenario(port))
