"""The command client against the real server and against peers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sync_core.model.errors import LocalProtocolError, RemoteProtocolError, UnreachableError
from sync_core.model.security import Level
from sync_core.net.client import CommandClient
from sync_core.net.server import CommandServer, Connection
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    CheckFolders,
    ErrorAnswer,
    FetchUpdatedFiles,
    OkAnswer,
    OtherAnswer,
    Register,
    Request,
)
from tests.support.net import LOCALHOST, LOCALHOST6, eventually, free_port, ip, run

REGISTER = Register(scheduler_id="scheduler-5000", tcp_port=5000)
OK = b"<spooler><answer><ok/></answer></spooler>"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def scripted(script: Script, *, timeout_s: float = 10.0) -> AsyncIterator[CommandClient]:
    """Connect to a master that does what the script says, then stays until the test is over."""
    is_over = asyncio.Event()
    done: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        done.append(task)
        await script(reader, writer)
        await is_over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await CommandClient.connect(LOCALHOST, port, timeout_s=timeout_s)
    try:
        yield client
    finally:
        await client.close()
        is_over.set()
        server.close()
        await asyncio.gather(*done, return_exceptions=True)


async def say_nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    pass


def saying(*blocks: bytes, pause_s: float = 0.0) -> Script:
    """Return a script that waits for a request and sends these blocks."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        for block in blocks:
            writer.write(block)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return script


def is_over(client: CommandClient) -> bool:
    return client.is_closed


def test_a_slave_registers_fetches_and_asks() -> None:
    asked: list[Request] = []

    async def handle(_: Connection, request: Request) -> Answer:
        asked.append(request)
        return ChangesAnswer() if isinstance(request, FetchUpdatedFiles) else OkAnswer()

    async def scenario() -> None:
        server = CommandServer(
            listen=None, port=0, handler=handle, level_of=lambda _: Level.ALL, answer_time=lambda: "2026-11-24 03:07:51"
        )
        await server.start()
        for address in (LOCALHOST, LOCALHOST6):
            client = await CommandClient.connect(address, server.port, timeout_s=10)
            assert client.peer_ip == address
            assert await client.register(REGISTER, timeout_s=10) == OkAnswer()
            assert await client.fetch(FetchUpdatedFiles(), timeout_s=10) == ChangesAnswer()
            assert await client.ask(CheckFolders(), timeout_s=10) == OkAnswer()
            assert not is_over(client)
            await client.close()
            assert is_over(client)
            await client.wait_closed()
            await client.close()
        await server.close()

    run(scenario())
    assert asked == [REGISTER, FetchUpdatedFiles(), CheckFolders()] * 2


def test_an_error_answer_is_an_answer() -> None:
    error = b'<spooler><answer><ERROR code="SCHEDULER-121" text="SCHEDULER-121  No"/></answer></spooler>\0'

    async def scenario() -> None:
        async with scripted(saying(error)) as client:
            answer = await client.register(REGISTER, timeout_s=10)
            assert answer == ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  No")

    run(scenario())


def test_the_order_of_the_conversation_is_kept() -> None:
    async def scenario() -> None:
        async with scripted(say_nothing) as client:
            with pytest.raises(LocalProtocolError):
                await client.fetch(FetchUpdatedFiles(), timeout_s=10)
            assert not client.is_closed

    run(scenario())


def test_the_source_address_is_the_given_one() -> None:
    peers: list[str] = []

    async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(note, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = await CommandClient.connect(LOCALHOST, port, local_address=ip("127.0.0.2"), timeout_s=10)
        await eventually(lambda: bool(peers))
        await client.close()
        server.close()

    run(scenario())
    assert peers == ["127.0.0.2"]


@pytest.mark.parametrize(("address", "shown"), [("127.0.0.1", "127.0.0.1:{}"), ("::1", "[::1]:{}")])
def test_a_refusal_reads_as_in_the_original_log(address: str, shown: str) -> None:
    port = free_port()
    with pytest.raises(UnreachableError) as caught:
        run(CommandClient.connect(ip(address), port, timeout_s=10))
    assert str(caught.value) == f"Connection refused [connect] [{shown.format(port)}]"
    assert caught.value.errno == errno.ECONNREFUSED


def test_a_connection_that_does_not_come_about_times_out() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with contextlib.ExitStack() as stack:
            for _ in range(3):  # fill the queue of connections; further ones get no answer
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.1", port))
            with pytest.raises(UnreachableError) as caught:
                run(CommandClient.connect(LOCALHOST, port, timeout_s=0.05))
    assert str(caught.value) == f"Connection timed out [connect] [127.0.0.1:{port}]"
    assert caught.value.errno == errno.ETIMEDOUT


def test_no_answer_in_time_ends_the_connection() -> None:
    async def scenario() -> None:
        async with scripted(say_nothing) as client:
            with pytest.raises(UnreachableError, match=r"Connection timed out \[recv\]") as caught:
                await client.register(REGISTER, timeout_s=0.05)
            assert caught.value.errno == errno.ETIMEDOUT
            with pytest.raises(UnreachableError):
                await client.ask(CheckFolders(), timeout_s=10)
            with pytest.raises(UnreachableError):
                await client.wait_closed()

    run(scenario())


def test_a_slow_answer_is_waited_for_as_long_as_it_moves() -> None:
    answer = [OK[n : n + 1] for n in range(len(OK))]

    async def scenario() -> None:
        async with scripted(saying(*answer, b"\0", pause_s=0.02)) as client:
            assert await client.register(REGISTER, timeout_s=0.4) == OkAnswer()

    run(scenario())


def test_a_request_that_the_peer_does_not_take_times_out() -> None:
    async def scenario() -> None:
        async with scripted(say_nothing) as client:
            huge = Register(scheduler_id="x" * 20_000_000, tcp_port=1)
            with pytest.raises(UnreachableError) as caught:
                await client.register(huge, timeout_s=0.05)
            assert caught.value.errno == errno.ETIMEDOUT

    run(scenario())


def test_a_peer_that_closes_instead_of_answering() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write_eof()

    async def scenario() -> None:
        async with scripted(close) as client:
            with pytest.raises(
                UnreachableError, match=r"the peer has closed the connection \[127.0.0.1:\d+\]"
            ) as caught:
                await client.register(REGISTER, timeout_s=10)
            assert caught.value.errno is None
            with pytest.raises(UnreachableError):
                await client.register(REGISTER, timeout_s=10)

    run(scenario())


def test_a_peer_that_closes_an_idle_connection_is_noticed() -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write_eof()

    async def scenario() -> None:
        async with scripted(close) as client:
            with pytest.raises(UnreachableError, match="the peer has closed the connection"):
                await client.wait_closed()
            assert client.is_closed

    run(scenario())


def test_a_reset_reads_as_in_the_original_log() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def scenario() -> None:
        async with scripted(reset) as client:
            with pytest.raises(UnreachableError, match=r"Connection reset by peer \[recv\]") as caught:
                await client.register(REGISTER, timeout_s=10)
            assert caught.value.errno == errno.ECONNRESET

    run(scenario())


def test_a_connection_that_breaks_while_we_send_is_a_break_in_any_case() -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def scenario() -> None:
        async with scripted(reset) as client:
            with pytest.raises(UnreachableError):
                await client.register(Register(scheduler_id="x" * 20_000_000, tcp_port=1), timeout_s=10)

    run(scenario())


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\xff\xfe\0",
        b"<spooler><answer></spooler>\0",
        b'<spooler><answer><configuration.directory><configuration.file name="../x" removed="yes"/>'
        b"</configuration.directory></answer></spooler>\0",
    ],
)
def test_nonsense_ends_the_connection(nonsense: bytes) -> None:
    async def scenario() -> None:
        async with scripted(saying(nonsense)) as client:
            with pytest.raises(RemoteProtocolError):
                await client.register(REGISTER, timeout_s=10)
            with pytest.raises(RemoteProtocolError):
                await client.wait_closed()

    run(scenario())


def test_what_nobody_asked_for_ends_the_connection() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\0\n <hello/>")

    async def scenario() -> None:
        async with scripted(talk) as client:
            with pytest.raises(RemoteProtocolError, match="nobody asked for"):
                await client.wait_closed()

    run(scenario())


def test_a_late_nul_means_nothing() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for tail in (b"", b"\0"):
            await reader.read(4096)
            writer.write(tail + OK)
            await writer.drain()

    async def scenario() -> None:
        async with scripted(talk) as client:
            assert await client.register(REGISTER, timeout_s=10) == OkAnswer()
            assert await client.ask(CheckFolders(), timeout_s=10) == OkAnswer()

    run(scenario())


def test_any_other_answer_is_handed_on() -> None:
    async def scenario() -> None:
        async with scripted(saying(b"<spooler><answer><fine n='1'/></answer></spooler>\0")) as client:
            assert await client.register(REGISTER, timeout_s=10) == OtherAnswer(element="fine", attributes={"n": "1"})

    run(scenario())


def test_a_question_that_is_broken_off_ends_the_connection() -> None:
    async def scenario() -> None:
        async with scripted(say_nothing) as client:
            question = asyncio.create_task(client.register(REGISTER, timeout_s=10))
            await asyncio.sleep(0.01)
            question.cancel()
            with pytest.raises(asyncio.CancelledError):
                await question
            with pytest.raises(UnreachableError, match="broken off"):
                await client.ask(CheckFolders(), timeout_s=10)

    run(scenario())


def test_after_close_nothing_can_be_asked() -> None:
    async def scenario() -> None:
        async with scripted(say_nothing) as client:
            await client.close()
            with pytest.raises(UnreachableError, match="the connection is closed"):
                await client.register(REGISTER, timeout_s=10)

    run(scenario())


def test_a_bug_in_reading_reaches_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with scripted(saying(OK)) as client:

            def break_down(_: bytes) -> None:
                raise ZeroDivisionError("a bug")

            monkeypatch.setattr(client._session, "receive_data", break_down)
            with pytest.raises(ZeroDivisionError):
                await client.register(REGISTER, timeout_s=10)
            with pytest.raises(ZeroDivisionError):
                await client.wait_closed()

    run(scenario())
