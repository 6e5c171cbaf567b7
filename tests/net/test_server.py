"""The command server over real loopback connections: what is asked and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sync_core.model.change import WriteFile
from sync_core.model.errors import PortInUseError
from sync_core.model.path import RelPath
from sync_core.model.security import Level
from sync_core.net.server import CommandServer, Connection
from sync_core.protocol.messages import Answer, ChangesAnswer, CheckFolders, ErrorAnswer, OkAnswer, Request
from tests.support.handlers import CHECK, OK, TIME, Recorder, serving
from tests.support.net import LOCALHOST, LOCALHOST6, Lines, RawPeer, eventually, listening, run


def test_a_conversation_goes_on_for_any_number_of_requests() -> None:
    recorder = Recorder()

    async def scenario() -> None:
        async with serving(recorder) as server:
            peer = await RawPeer.connect(server.port)
            for _ in range(3):
                await peer.send(CHECK)
                assert await peer.answer() == OK
            (connection,) = server.connections
            assert (connection.peer_ip, connection.peer_port) == (LOCALHOST, peer.port)
            assert (connection.local_ip, connection.level) == (LOCALHOST, Level.ALL)
            assert str(connection) == f"{connection.id} (127.0.0.1:{peer.port})"
            await peer.close()
            await eventually(lambda: bool(recorder.closed))

    with Lines.of() as lines:
        run(scenario())
    assert [request for _, request in recorder.asked] == [CheckFolders()] * 3
    assert recorder.closed == [recorder.asked[0][0]]
    prefix = recorder.asked[0][0].prefix
    assert prefix.startswith("TCP connection to 127.0.0.1:")
    assert lines.lines == [("INFO", prefix, "SCHEDULER-965  Executing command: <check_folders/>")] * 3


def test_both_families_are_served_by_default() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        async with serving(recorder, listen=None) as server:
            for address in ("127.0.0.1", "::1"):
                peer = await RawPeer.connect(server.port, address)
                await peer.send(CHECK)
                assert await peer.answer() == OK
                await peer.close()
        assert [connection.peer_ip for connection, _ in recorder.asked] == [LOCALHOST, LOCALHOST6]
        assert recorder.asked[1][0].prefix.startswith("TCP connection to [::1]:")

    run(scenario())


def test_a_request_in_pieces_is_one_request_and_an_answer_one_write() -> None:
    big = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=0, content=b"x" * 3_000_000),))

    async def scenario() -> None:
        async with serving(Recorder(big)) as server:
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
        recorder = Recorder()
        async with serving(recorder) as server:
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


def test_malformed_xml_is_answered_and_the_connection_lives() -> None:
    async def scenario() -> None:
        async with serving(Recorder()) as server:
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
        async with serving(Recorder(refusal)) as server:
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


@pytest.mark.parametrize("answer", [failing, UNSENDABLE])
def test_a_bug_is_logged_answered_and_ends_that_connection_only(
    answer: Answer | Callable[[Connection, Request], Awaitable[Answer]],
) -> None:
    recorder = Recorder(answer)

    async def scenario() -> None:
        async with serving(recorder) as server:
            other = await RawPeer.connect(server.port)
            peer = await RawPeer.connect(server.port)
            await peer.send(CHECK)
            assert b'code="JSYNC-ERROR"' in await peer.rest()
            await peer.close()
            await eventually(lambda: len(recorder.closed) == 1)
            recorder.answer = OkAnswer()
            await other.send(CHECK)
            assert await other.answer() == OK
            await other.close()

    with Lines.of() as lines:
        run(scenario())
    (bug,) = [record for record in lines.records if record.levelname == "ERROR"]
    assert bug.exc_info is not None


def test_http_is_told_that_there_is_nothing() -> None:
    async def scenario() -> None:
        async with serving(Recorder()) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(b"GET / HTTP/1.0\r\n\r\n")
            answer = await peer.rest()
            assert answer.startswith(b"HTTP/1.0 404 ")
            assert answer.endswith(b"\r\n\r\n")
            await peer.close()

    run(scenario())


def test_ctrl_d_closes() -> None:
    async def scenario() -> None:
        async with serving(Recorder()) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(b"\x04")
            assert await peer.rest() == b""
            await peer.close()

    run(scenario())


def test_a_port_in_use_names_its_holder() -> None:
    async def scenario(port: int) -> None:
        server = CommandServer(
            listen=None, port=port, handler=Recorder().handle, level_of=lambda _: Level.ALL, answer_time=lambda: TIME
        )
        with pytest.raises(PortInUseError, match=f"TCP port {port} is in use by .* on 127.0.0.1"):
            await server.start()
        await server.close()

    with listening() as port:
        run(scenario(port))
