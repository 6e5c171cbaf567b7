"""HTTP on the command port: what is refused, what fails, and what is said of it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from sync_core.model.security import Level
from sync_core.net.connection import ServerLimits
from sync_core.net.http_exchange import HttpExchange
from sync_core.net.server import Connection
from sync_core.protocol.http import decode_http_answer
from sync_core.protocol.messages import Answer, ErrorAnswer, Request
from tests.support.connections import a_connection
from tests.support.handlers import CHECK, NOON_S, OK_BY_HTTP, Recorder, serving, talking
from tests.support.http import ENGINE, get, post, read_response
from tests.support.net import Lines, RawPeer, run


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
        recorder = Recorder()
        async with talking(recorder) as peer:
            await peer.send(request_bytes)
            response = await peer.rest()
            assert b" %d " % status in response.partition(b"\r\n")[0]
            assert b"\r\nContent-Length: 0\r\n" in response
            assert response.endswith(b"\r\n\r\n")
            assert b"aiohttp" not in response
        assert recorder.asked == []

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
        recorder = Recorder()
        async with talking(recorder) as peer:
            await peer.send(post(document))
            response = await read_response(peer.reader)
            answer = decode_http_answer(response.body, charset="iso-8859-1")
            assert response.status == 200
            assert isinstance(answer, ErrorAnswer)
            assert (answer.code, answer.time) == (code, "2016-02-01T12:00:00Z")
            await peer.send(post(CHECK))
            assert (await read_response(peer.reader)).body == OK_BY_HTTP
        assert len(recorder.asked) == 1

    with Lines.of() as lines:
        run(scenario())
    assert any(message.startswith(code) for message in lines.messages("ERROR"))


def test_refusals_of_the_handler_are_answered_and_logged() -> None:
    async def scenario() -> None:
        async with talking(Recorder(ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  no"))) as peer:
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
        async with talking(Recorder(break_down)) as peer:
            await peer.send(post(CHECK))
            assert (await peer.rest()).startswith(b"HTTP/1.1 500 ")

    with Lines.of() as lines:
        run(scenario())
    (bug,) = [record for record in lines.records if record.levelname == "ERROR"]
    assert bug.exc_info is not None


def test_a_mistake_while_sending_is_logged_too() -> None:
    limits = ServerLimits(write_timeout_s=cast(float, "soon"))

    async def scenario() -> None:
        async with talking(Recorder(), limits=limits) as peer:
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
        async with serving(Recorder(), level=lambda _: level, limits=limits) as server:
            peer = await RawPeer.connect(server.port)
            await peer.send(sized(allowed))
            assert (await read_response(peer.reader)).status == 200
            await peer.send(sized(allowed + 1))
            assert (await peer.rest()).startswith(b"HTTP/1.1 413 ")
            await peer.close()

    run(scenario())


def test_broken_chunks_end_the_connection() -> None:
    async def scenario() -> None:
        async with talking(Recorder(), limits=ServerLimits(request_timeout_s=0.1)) as peer:
            head = post(b"", more="Transfer-Encoding: chunked\r\n").replace(b"Content-Length: 0\r\n", b"")
            await peer.send(head + b"4\r\n<che")
            await asyncio.sleep(0.01)
            await peer.send(b"nonsense\r\n\r\n")
            assert (await peer.rest()).startswith(b"HTTP/1.1 40")

    run(scenario())


def test_who_is_not_let_in_gets_no_byte_by_http_either() -> None:
    async def scenario() -> None:
        async with serving(Recorder(), level=lambda _: Level.SIGNAL) as server:
            peer = await RawPeer.connect(server.port)
            with contextlib.suppress(OSError):
                await peer.send(post(CHECK))
            assert await peer.rest() == b""
            await peer.close()

    run(scenario())


def test_a_body_that_aiohttp_gives_up_is_refused() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        payload = aiohttp.StreamReader(BaseProtocol(loop), limit=1000, loop=loop)
        payload.set_exception(web.RequestPayloadError("nonsense"))
        request = make_mocked_request("POST", ENGINE, headers={"Content-Type": "text/xml"}, payload=payload)
        transport = asyncio.WriteTransport()
        limits = ServerLimits()
        exchange = HttpExchange(a_connection(), transport, Recorder().handle, limits=limits, wall_clock=lambda: NOON_S)
        assert (await exchange.respond(request)).status == 400

    run(scenario())
