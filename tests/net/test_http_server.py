"""HTTP on the command port, over real loopback connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from sync_core.model.change import WriteFile
from sync_core.model.path import RelPath
from sync_core.model.security import IpAddress, Level
from sync_core.net.connection import ServerLimits
from sync_core.net.http_desk import HttpDesk
from sync_core.net.http_server import serve_http
from sync_core.net.server import CommandServer, Connection
from sync_core.protocol.http import decode_http_answer
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    CheckFolders,
    ErrorAnswer,
    FetchConfiguration,
    OkAnswer,
    Request,
    ShowState,
)
from tests.support.agents import a_connection
from tests.support.http import ENGINE, PROLOG, get, post, read_response
from tests.support.net import Lines, RawPeer, eventually, run

NOON = 1454328000.25
CHECK = b"<check_folders/>"
OK = PROLOG + b'<spooler><answer time="2016-02-01T12:00:00.250Z"><ok/></answer></spooler>'
FETCH = PROLOG + (
    b'<supervisor.configuration.fetch scheduler_id="slave1" udp_port="4441" ip="10.0.0.7" version="1.8.2" '
    b'interval="900"><configuration.file name="common.job_chain.xml" last_write_time="2014-10-01T08:00:00.000Z" '
    b'md5="c3f936463733a81aa95b6c870aa9a7af"/></supervisor.configuration.fetch>'
)
NEW_JOB = ChangesAnswer(
    changes=(WriteFile(path=RelPath("new.job.xml"), last_write_time=1454327970, content=b"<job/>\n"),)
)
NEW_JOB_BODY = PROLOG + (
    b'<spooler><answer time="2016-02-01T12:00:00.250Z"><configuration.directory><configuration.file name="new.job.xml" '
    b'last_write_time="2016-02-01T11:59:30Z"><content encoding="base64">PGpvYi8+Cg==</content></configuration.file>'
    b"</configuration.directory></answer></spooler>"
)
BIG = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=1, content=bytes(40_000)),))


@dataclass
class Desk:
    """A handler that remembers what it was asked."""

    answer: Answer | Callable[[Connection, Request], Awaitable[Answer]] = field(default_factory=OkAnswer)
    asked: list[tuple[Connection, Request]] = field(default_factory=list)
    closed: list[Connection] = field(default_factory=list)

    @property
    def requests(self) -> list[Request]:
        return [request for _, request in self.asked]

    async def handle(self, connection: Connection, request: Request) -> Answer:
        self.asked.append((connection, request))
        return await self.answer(connection, request) if callable(self.answer) else self.answer


@contextlib.asynccontextmanager
async def serving(
    desk: Desk,
    *,
    level: Callable[[IpAddress], Level] = lambda _: Level.ALL,
    limits: ServerLimits | None = None,
    most_connections: int | None = None,
) -> AsyncIterator[CommandServer]:
    server = CommandServer(
        listen="127.0.0.1",
        port=0,
        handler=desk.handle,
        level_of=level,
        answer_time=lambda: "2016-02-01 13:00:00.250",
        on_close=desk.closed.append,
        limits=limits,
        most_connections=most_connections,
        wall_clock=lambda: NOON,
    )
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def talking(desk: Desk, *, limits: ServerLimits | None = None) -> AsyncIterator[RawPeer]:
    async with serving(desk, limits=limits) as server:
        peer = await RawPeer.connect(server.port)
        try:
            yield peer
        finally:
            await peer.close()


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[n : n + 1] for n in range(len(data))]


@pytest.mark.parametrize("split", [whole, byte_by_byte])
def test_the_documented_conversation(split: Callable[[bytes], list[bytes]]) -> None:
    request = (
        b"POST /jobscheduler/engine/command HTTP/1.1\r\nContent-Type: application/xml\r\nHost: 10.0.0.5:40444\r\n"
        b"User-Agent: spray-can/1.3.x\r\nContent-Length: 322\r\n\r\n" + FETCH
    )

    async def scenario() -> None:
        desk = Desk(NEW_JOB)
        async with talking(desk) as peer:
            for piece in split(request):
                await peer.send(piece)
                await asyncio.sleep(0)
            response = await read_response(peer.reader)
            assert (response.version, response.status) == ("HTTP/1.1", 200)
            assert response.headers["content-type"] == "text/xml; charset=ISO-8859-1"
            assert response.headers["cache-control"] == "no-cache"
            assert response.headers["content-length"] == "310"
            assert "transfer-encoding" not in response.headers
            assert response.body == NEW_JOB_BODY
        (fetch,) = desk.requests
        assert isinstance(fetch, FetchConfiguration)
        assert (fetch.scheduler_id, fetch.udp_port, fetch.ip, fetch.interval_s) == ("slave1", 4441, "10.0.0.7", 900)
        assert [entry.path for entry in fetch.listed] == ["common.job_chain.xml"]

    run(scenario())


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/xml", "Accept": "text/xml", "Accept-Encoding": "gzip"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/xml", "Accept": "application/xml, text/xml"},
    ],
    ids=["1.6", "1.8", "1.10"],
)
def test_clients_of_all_versions_are_served_on_one_connection(headers: dict[str, str]) -> None:
    async def scenario() -> None:
        desk = Desk(BIG)
        async with serving(desk) as server, aiohttp.ClientSession() as client:
            for _ in range(3):
                url = f"http://127.0.0.1:{server.port}{ENGINE}"
                async with client.post(url, data=FETCH, headers=headers) as response:
                    assert response.status == 200
                    assert decode_http_answer(await response.read(), charset=response.charset) == BIG
        assert len({connection for connection, _ in desk.asked}) == 1

    run(scenario())


def test_requests_on_one_connection_are_answered_in_order() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with talking(desk) as peer:
            await peer.send(post(CHECK) + get("/%3Cs/%3E") + post(b"<show_state/>") + post(FETCH, version="1.0"))
            for _ in range(4):
                response = await read_response(peer.reader)
                assert (response.status, response.body) == (200, OK)
            assert await peer.rest() == b""  # HTTP/1.0 ends here
        assert [type(request) for request in desk.requests] == [CheckFolders, ShowState, ShowState, FetchConfiguration]

    run(scenario())


def test_much_that_came_at_once_is_all_there() -> None:
    """More than the block that showed that this is HTTP, and more than the stream's buffer takes."""
    many = b"".join(b'<configuration.file name="%d"/>' % n for n in range(20_000))
    body = b'<supervisor.configuration.fetch scheduler_id="s">' + many + b"</supervisor.configuration.fetch>"

    async def scenario() -> None:
        desk = Desk()
        async with talking(desk) as peer:
            await peer.send(post(body) + post(CHECK))
            assert [(await read_response(peer.reader)).status for _ in range(2)] == [200, 200]
        fetch = desk.requests[0]
        assert isinstance(fetch, FetchConfiguration)
        assert len(fetch.listed) == 20_000

    run(scenario())


def test_chunked_requests_are_taken() -> None:
    chunked = post(b"", more="Transfer-Encoding: chunked\r\n").replace(b"Content-Length: 0\r\n", b"")

    async def scenario() -> None:
        async with talking(Desk()) as peer:
            await peer.send(chunked + b"6\r\n<check\r\na\r\n_folders/>\r\n0\r\n\r\n")
            assert (await read_response(peer.reader)).body == OK

    run(scenario())


def test_http_1_0_may_keep_the_connection() -> None:
    async def scenario() -> None:
        async with talking(Desk()) as peer:
            for _ in range(2):
                await peer.send(post(CHECK, version="1.0", more="Connection: keep-alive\r\n"))
                response = await read_response(peer.reader)
                assert (response.version, response.headers["connection"]) == ("HTTP/1.0", "keep-alive")

    run(scenario())


def test_who_wants_to_be_asked_first_is_asked() -> None:
    async def scenario() -> None:
        async with talking(Desk()) as peer:
            await peer.send(post(CHECK, more="Expect: 100-continue\r\n").removesuffix(CHECK))
            assert await peer.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await peer.send(CHECK)
            assert (await read_response(peer.reader)).body == OK

    run(scenario())


def test_who_sends_no_more_gets_the_answer_and_the_end() -> None:
    async def scenario() -> None:
        async with talking(Desk()) as peer:
            peer.writer.write(post(CHECK))
            peer.writer.write_eof()
            assert (await read_response(peer.reader)).body == OK
            assert await peer.rest() == b""

    run(scenario())


def test_who_sends_no_more_may_have_to_wait_for_the_answer() -> None:
    async def take_time(_: Connection, __: Request) -> Answer:
        await asyncio.sleep(0.7)  # longer than the server waits for a request after the end of the stream
        return OkAnswer()

    async def scenario() -> None:
        async with talking(Desk(take_time)) as peer:
            peer.writer.write(post(CHECK))
            peer.writer.write_eof()
            assert (await read_response(peer.reader)).body == OK
            assert await peer.rest() == b""

    run(scenario())


def test_who_sends_half_a_request_and_no_more_gets_the_end() -> None:
    async def scenario() -> None:
        async with talking(Desk()) as peer:
            peer.writer.write(post(CHECK)[:40])
            peer.writer.write_eof()
            assert await peer.rest() == b""

    run(scenario())


def test_who_sends_no_more_later_gets_the_end_too() -> None:
    async def scenario() -> None:
        async with talking(Desk()) as peer:
            await peer.send(post(CHECK))
            assert (await read_response(peer.reader)).body == OK
            peer.writer.write_eof()
            assert await peer.rest() == b""

    run(scenario())


@pytest.mark.parametrize(
    ("header", "is_zipped"), [("", False), ("Accept-Encoding: gzip\r\n", True), ("Accept-Encoding: deflate\r\n", False)]
)
def test_large_answers_are_zipped_for_those_who_want_it(header: str, is_zipped: bool) -> None:
    async def scenario() -> None:
        async with talking(Desk(BIG)) as peer:
            await peer.send(post(FETCH, more=header))
            response = await read_response(peer.reader)
            assert (response.headers.get("content-encoding") == "gzip") is is_zipped
            assert (len(response.body) < 5000) is is_zipped
            assert response.headers["vary"] == "Accept-Encoding"
            assert decode_http_answer(response.text, charset="iso-8859-1") == BIG

    run(scenario())


def test_small_answers_are_not_worth_it() -> None:
    async def scenario() -> None:
        async with talking(Desk()) as peer:
            await peer.send(post(CHECK, more="Accept-Encoding: gzip\r\n"))
            assert (await read_response(peer.reader)).body == OK

    run(scenario())


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post(CHECK, path="/"), 404),
        (post(CHECK, path="/jobscheduler/engine/command/x"), 404),
        (post(CHECK, content_type=None), 415),
        (post(CHECK, content_type="text/plain"), 415),
        (post(CHECK, content_type="application/x-www-form-urlencoded"), 415),
        (post(CHECK, more="Content-Encoding: gzip\r\n"), 415),
        (post(CHECK, more="Origin: http://evil.example\r\n"), 403),
        (get("/"), 404),
        (get("/favicon.ico"), 404),
        (get("/<check_folders/>"), 403),
        (get(ENGINE + "?command=%3Ccheck_folders/%3E"), 403),
        (get(ENGINE + "?command=<terminate/>"), 403),
        (b"PUT / HTTP/1.1\r\nHost: m\r\nContent-Length: 0\r\n\r\n", 405),
        (b"OPTIONS * HTTP/1.1\r\nHost: m\r\n\r\n", 405),
        (b"CONNECT other:80 HTTP/1.1\r\nHost: m\r\n\r\n", 405),
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: m\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: m\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 400),
        (get("/" + "x" * 20_000), 400),
        (post(CHECK, more="Content-Length: 3\r\n"), 400),
    ],
)
def test_everything_else_is_refused_and_the_connection_closed(request_bytes: bytes, status: int) -> None:
    async def scenario() -> None:
        desk = Desk()
        async with talking(desk) as peer:
            await peer.send(request_bytes)
            response = await peer.rest()
            assert b" %d " % status in response.partition(b"\r\n")[0]
            assert b"\r\nContent-Length: 0\r\n" in response
            assert response.endswith(b"\r\n\r\n")
            assert b"aiohttp" not in response
        assert desk.asked == []

    with Lines.of() as lines:
        run(scenario())
    assert any(line.startswith("SCHEDULER-311") and f"{status} " in line for line in lines.messages("DEBUG"))
    assert [line for line in lines.lines if line[0] in {"WARNING", "ERROR"}] == []


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"<check_folders", "XML-ERROR"),
        (b"", "XML-ERROR"),
        (b"<nonsense/>", "LIBXML2-007"),
        (b"<supervisor.configuration.fetch/>", "LIBXML2-003"),
        (b'<register_remote_scheduler scheduler_id="s" tcp_port="1"/>', "SCHEDULER-222"),
        (b"<supervisor.remote_scheduler.configuration.fetch_updated_files/>", "SCHEDULER-222"),
    ],
)
def test_errors_have_status_200_and_the_connection_goes_on(document: bytes, code: str) -> None:
    async def scenario() -> None:
        desk = Desk()
        async with talking(desk) as peer:
            await peer.send(post(document))
            response = await read_response(peer.reader)
            answer = decode_http_answer(response.body, charset="iso-8859-1")
            assert response.status == 200
            assert isinstance(answer, ErrorAnswer)
            assert (answer.code, answer.time) == (code, "2016-02-01T12:00:00Z")
            await peer.send(post(CHECK))
            assert (await read_response(peer.reader)).body == OK
        assert len(desk.asked) == 1

    with Lines.of() as lines:
        run(scenario())
    assert any(message.startswith(code) for message in lines.messages("ERROR"))


def test_refusals_of_the_handler_are_answered_and_logged() -> None:
    async def scenario() -> None:
        async with talking(Desk(ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  no"))) as peer:
            await peer.send(post(CHECK))
            assert b'code="SCHEDULER-121"' in (await read_response(peer.reader)).body

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("ERROR") == ["SCHEDULER-121  no"]
    assert lines.messages("INFO") == ["SCHEDULER-965  Executing command: <check_folders/>"]
    assert all(prefix.startswith("TCP connection to 127.0.0.1:") for _, prefix, _ in lines.lines)


def test_a_mistake_of_ours_is_logged_and_has_status_500() -> None:
    async def break_down(_: Connection, __: Request) -> Answer:
        raise RuntimeError("a mistake")

    async def scenario() -> None:
        async with talking(Desk(break_down)) as peer:
            await peer.send(post(CHECK))
            assert (await peer.rest()).startswith(b"HTTP/1.1 500 ")

    with Lines.of() as lines:
        run(scenario())
    (bug,) = [record for record in lines.records if record.levelname == "ERROR"]
    assert bug.exc_info is not None


def test_a_mistake_while_sending_is_logged_too() -> None:
    limits = ServerLimits(write_timeout_s=cast(float, "soon"))

    async def scenario() -> None:
        async with talking(Desk(), limits=limits) as peer:
            await peer.send(post(CHECK))
            assert (await peer.rest()).startswith(b"HTTP/1.1 500 ")

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("ERROR") == ["a request could not be answered"]


@pytest.mark.parametrize("level", [Level.INFO, Level.ALL])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_requests_that_are_too_large_are_refused(level: Level, is_chunked: bool) -> None:
    """The limit depends on whether the peer may register, as by raw TCP."""
    limits = ServerLimits(request_bytes=10_000, large_request_bytes=30_000)
    allowed = limits.request_bytes if level is Level.INFO else limits.large_request_bytes

    def sized(size: int) -> bytes:
        body = CHECK + b" " * (size - len(CHECK))
        if not is_chunked:
            return post(body)
        head = post(b"", more="Transfer-Encoding: chunked\r\n").replace(b"Content-Length: 0\r\n", b"")
        return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    async def scenario() -> None:
        async with serving(Desk(), level=lambda _: level, limits=limits) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(sized(allowed))
            assert (await read_response(peer.reader)).status == 200
            await peer.send(sized(allowed + 1))
            assert (await peer.rest()).startswith(b"HTTP/1.1 413 ")
            await peer.close()

    run(scenario())


def test_broken_chunks_end_the_connection() -> None:
    async def scenario() -> None:
        async with talking(Desk(), limits=ServerLimits(request_timeout_s=0.1)) as peer:
            head = post(b"", more="Transfer-Encoding: chunked\r\n").replace(b"Content-Length: 0\r\n", b"")
            await peer.send(head + b"4\r\n<che")
            await asyncio.sleep(0.01)
            await peer.send(b"nonsense\r\n\r\n")
            assert (await peer.rest()).startswith(b"HTTP/1.1 40")

    run(scenario())


def test_bodies_that_do_not_come_end_the_connection() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with talking(desk, limits=ServerLimits(request_timeout_s=0.1)) as peer:
            await peer.send(post(CHECK)[:-3])
            assert (await read_response(peer.reader)).status == 408
        assert desk.asked == []

    run(scenario())


def test_heads_that_do_not_come_end_the_connection() -> None:
    async def scenario() -> None:
        async with talking(Desk(), limits=ServerLimits(http_idle_timeout_s=0.1)) as peer:
            await peer.send(post(CHECK)[:30])
            assert await peer.rest() == b""

    run(scenario())


def test_idle_connections_end() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with talking(desk, limits=ServerLimits(http_idle_timeout_s=0.1)) as peer:
            await peer.send(post(CHECK))
            assert (await read_response(peer.reader)).body == OK
            assert await peer.rest() == b""
            await eventually(lambda: len(desk.closed) == 1)

    run(scenario())


def test_who_takes_nothing_of_the_answer_is_cut_off() -> None:
    huge = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=1, content=bytes(20_000_000)),))

    async def scenario() -> None:
        desk = Desk(huge)
        async with serving(desk, limits=ServerLimits(write_timeout_s=0.1)) as server:
            peer = await RawPeer.connect(server.port)
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await peer.send(post(CHECK))
            await eventually(lambda: len(desk.closed) == 1)
            await peer.close()

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("WARNING") == ["the peer is too slow, the connection is closed"]


def test_who_takes_the_answer_slowly_gets_it() -> None:
    huge = ChangesAnswer(changes=(WriteFile(path=RelPath("big"), last_write_time=1, content=bytes(9_000_000)),))

    async def scenario() -> None:
        async with talking(Desk(huge), limits=ServerLimits(write_timeout_s=1.0)) as peer:
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
        desk = Desk(hang)
        async with serving(desk) as server:
            busy, idle = await RawPeer.connect(server.port), await RawPeer.connect(server.port)
            await busy.send(post(CHECK))
            await idle.send(post(CHECK)[:30])
            await eventually(lambda: len(desk.asked) == 1 and len(server.connections) == 2)
            await server.close()
            assert server.connections == ()
            assert ended == [True]
            assert len(desk.closed) == 2
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
        desk = Desk(hang_up)
        async with talking(desk) as peer:
            await peer.send(post(CHECK))
            assert await peer.rest() == b""
            await eventually(lambda: len(desk.closed) == 1)

    run(scenario())


def test_a_peer_that_leaves_early_is_forgotten() -> None:
    async def hang(_: Connection, __: Request) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    async def scenario() -> None:
        desk = Desk(hang)
        async with serving(desk) as server:
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
        async with serving(Desk(), most_connections=1) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(post(CHECK))
            assert (await read_response(peer.reader)).status == 200
            other = await RawPeer.connect(server.port)
            assert await other.rest() == b""
            await peer.close()
            await other.close()

    run(scenario())


def test_who_is_not_let_in_gets_no_byte_by_http_either() -> None:
    async def scenario() -> None:
        async with serving(Desk(), level=lambda _: Level.SIGNAL) as server:
            peer = await RawPeer.connect(server.port)
            with contextlib.suppress(OSError):
                await peer.send(post(CHECK))
            assert await peer.rest() == b""
            await peer.close()

    run(scenario())


def test_a_connection_that_is_over_is_not_served() -> None:
    async def scenario() -> None:
        async with serving(Desk()) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.close()
            desk = Desk()
            await serve_http(
                a_connection(),
                reader,
                writer,
                received=post(CHECK),
                handler=desk.handle,
                limits=ServerLimits(),
                wall_clock=lambda: NOON,
            )
            assert desk.asked == []

    run(scenario())


def test_a_body_that_aiohttp_gives_up_is_refused() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        payload = aiohttp.StreamReader(BaseProtocol(loop), limit=1000, loop=loop)
        payload.set_exception(web.RequestPayloadError("nonsense"))
        request = make_mocked_request("POST", ENGINE, headers={"Content-Type": "text/xml"}, payload=payload)
        transport = asyncio.WriteTransport()
        limits = ServerLimits()
        desk = HttpDesk(a_connection(), transport, Desk().handle, limits=limits, wall_clock=lambda: NOON)
        assert (await desk.respond(request)).status == 400

    run(scenario())


def test_aiohttp_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, sync_core.agent.run; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
