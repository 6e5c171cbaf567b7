"""The client of the HTTP dialect against scripted supervisors."""

from __future__ import annotations

import asyncio
import errno
import gzip
import socket
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from sync_core.model.change import MakeDirectory
from sync_core.model.edit import tree_of
from sync_core.model.errors import RemoteProtocolError, UnreachableError, UnsafeNameError
from sync_core.model.file import File
from sync_core.model.path import RelPath
from sync_core.model.security import IpAddress
from sync_core.net.http_client import HttpClient
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    CheckFolders,
    ErrorAnswer,
    FetchConfiguration,
    OkAnswer,
)
from sync_core.protocol.requests import encode_request
from tests.support.http import PROLOG, ScriptedSupervisor, a_response
from tests.support.net import LOCALHOST, LOCALHOST6, free_port, listening, run
from tests.support.silence import silence

OK = PROLOG + b"<spooler><answer><ok/></answer></spooler>"
FOLDER = (
    '<spooler><answer><configuration.directory><configuration.directory name="{}"/></configuration.directory>'
    "</answer></spooler>"
)
LATIN = PROLOG + FOLDER.format("\xfc").encode("latin-1")
UTF = PROLOG + FOLDER.format("\xfc").encode()
U_UMLAUT = ChangesAnswer(changes=(MakeDirectory(path=RelPath(b"\xfc".decode("utf-8", "surrogateescape"))),))


def a_client(port: int, *, address: IpAddress = LOCALHOST, host: str = "master", **changes: Any) -> HttpClient:
    limits: dict[str, Any] = {"connect_timeout_s": 5.0, "timeout_s": 5.0, **changes}
    return HttpClient(address, port, host=host, local_address=address, **limits)


async def asked(answer: bytes | Callable[[bytes], bytes], **changes: Any) -> Answer:
    supervisor = ScriptedSupervisor(answer if callable(answer) else lambda _: answer)
    async with supervisor.running():
        return await a_client(supervisor.port, **changes).ask(CheckFolders())


def test_the_request_is_one_that_every_supervisor_takes() -> None:
    request = FetchConfiguration(scheduler_id="slave", udp_port=5000, version="1.3.12", interval_s=60)
    supervisor = ScriptedSupervisor(lambda _: a_response(OK))

    async def scenario() -> None:
        async with supervisor.running():
            client = a_client(supervisor.port, host="aragorn.sos")
            assert await client.ask(request) == OkAnswer()
            assert await client.ask(request) == OkAnswer()

    run(scenario())
    assert supervisor.bodies == [encode_request(request)] * 2
    first, *lines = supervisor.heads[0].rstrip("\r\n").split("\r\n")
    assert first == "POST /jobscheduler/engine/command HTTP/1.1"
    assert {
        f"Host: aragorn.sos:{supervisor.port}",
        "Content-Type: text/xml",
        "Accept: text/xml, application/xml",
        "Accept-Encoding: gzip, deflate",
        f"Content-Length: {len(supervisor.bodies[0])}",
    } <= set(lines)
    assert not [line for line in lines if line.lower().startswith(("origin", "cookie", "transfer-encoding"))]


def test_a_server_may_say_that_it_is_jsync() -> None:
    said = iter(["Server: JobScheduler engine 1.8\r\n", "Server: jsync\r\n", ""])
    supervisor = ScriptedSupervisor(lambda _: a_response(OK, more=next(said)))
    found = []

    async def scenario() -> None:
        async with supervisor.running():
            client = a_client(supervisor.port)
            for _ in range(3):
                await client.ask(CheckFolders())
                found.append(client.is_jsync)

    run(scenario())
    assert found == [False, True, False]


def test_a_long_list_is_sent_whole() -> None:
    listed = tree_of((RelPath(f"{n:05}.job.xml"), File(md5="0" * 32, last_write_time=n)) for n in range(20_000))
    request = FetchConfiguration(scheduler_id="slave", listed=listed)
    supervisor = ScriptedSupervisor(lambda _: a_response(OK))

    async def scenario() -> None:
        async with supervisor.running():
            await a_client(supervisor.port).ask(request)

    run(scenario())
    assert supervisor.bodies == [encode_request(request)]
    assert len(supervisor.bodies[0]) > 2_000_000


@pytest.mark.parametrize(
    "response",
    [
        a_response(LATIN),
        a_response(LATIN, content_type="application/xml"),
        a_response(LATIN, content_type="text/xml"),
        a_response(LATIN, content_type="application/xml; charset=iso-8859-1"),
        a_response(UTF, content_type="text/xml; charset=utf-8"),
        a_response(UTF, content_type='text/xml; charset="UTF-8"'),
        a_response(LATIN + b"\0"),
        a_response(gzip.compress(LATIN), more="Content-Encoding: gzip\r\n"),
        a_response(zlib.compress(UTF), content_type="text/xml; charset=UTF-8", more="Content-Encoding: deflate\r\n"),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\nServer: JobScheduler\r\n\r\n"
        + b"%x\r\n%s\r\n" % (60, LATIN[:60])
        + b"%x\r\n%s\r\n0\r\n\r\n" % (len(LATIN) - 59, LATIN[60:] + b"\0"),
        b"HTTP/1.1 200 OK\r\n\r\n" + LATIN,
        b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n" + LATIN,
    ],
    ids=[
        "1.8",
        "prolog",
        "text without charset",
        "charset",
        "1.11 says utf-8",
        "quoted",
        "NUL",
        "gzip",
        "deflate",
        "the C++ server's chunks and NUL",
        "no headers",
        "HTTP/1.0",
    ],
)
def test_answers_of_all_servers_are_understood(response: bytes) -> None:
    closes = b"Content-Length" not in response and b"chunked" not in response

    async def scenario() -> None:
        supervisor = ScriptedSupervisor(lambda _: response, closes=closes)
        async with supervisor.running():
            assert await a_client(supervisor.port).ask(CheckFolders()) == U_UMLAUT

    run(scenario())


def test_an_error_of_the_supervisor_is_an_answer() -> None:
    document = PROLOG + b'<spooler><answer><ERROR code="X" text="X  y"/></answer></spooler>'
    assert run(asked(a_response(document))) == ErrorAnswer(code="X", text="X  y")


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (a_response(OK, status="404 Not\x1b Found"), r"HTTP status 404 Not\\x1b Found"),
        (a_response(OK, status="415 Unsupported Media Type"), "HTTP status 415"),
        (a_response(OK, status="500 Oops"), "HTTP status 500"),
        (a_response(OK, status="302 Found", more="Location: http://127.0.0.1:1/\r\n"), "HTTP status 302"),
        (a_response(b"<html>"), "XML-ERROR"),
        (a_response(UTF[:-3]), "XML-ERROR"),
        (a_response(LATIN, content_type="text/xml; charset=utf-8"), "not encoded as its header says"),
        (a_response(OK, content_type="text/xml; charset=klingon"), "not encoded as its header says"),
        (a_response(b"nonsense", more="Content-Encoding: gzip\r\n"), "not what HTTP allows"),
        (b"nonsense\r\n\r\n", "not what HTTP allows"),
        (a_response(b"x" * 5000), "longer than 1000 bytes"),
        (a_response(gzip.compress(bytes(10_000_000)), more="Content-Encoding: gzip\r\n"), "longer than 1000 bytes"),
    ],
)
def test_nonsense_is_refused_in_words(response: bytes, words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words) as caught:
        run(asked(response, most_bytes=1000))
    assert str(caught.value).isprintable()


def test_a_body_that_breaks_off_is_no_answer() -> None:
    response = a_response(OK)[:-5]

    async def scenario() -> None:
        supervisor = ScriptedSupervisor(lambda _: response, closes=True)
        async with supervisor.running():
            await a_client(supervisor.port).ask(CheckFolders())

    with pytest.raises(RemoteProtocolError, match="not what HTTP allows"):
        run(scenario())


def test_a_supervisor_that_is_away_is_unreachable() -> None:
    port = free_port()
    with pytest.raises(UnreachableError) as caught:
        run(a_client(port).ask(CheckFolders()))
    assert caught.value.errno == errno.ECONNREFUSED
    assert str(caught.value) == f"Connection refused [connect] [127.0.0.1:{port}]"


def test_a_supervisor_that_hangs_up_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match=r"the peer has closed the connection \[127\.0\.0\.1:\d+\]") as caught:
        run(asked(b""))
    assert caught.value.errno is None


def test_a_supervisor_that_is_silent_is_unreachable() -> None:
    async def scenario() -> None:
        with silence() as peer:
            await a_client(peer.port, timeout_s=0.1).ask(CheckFolders())

    with pytest.raises(UnreachableError, match=r"Connection timed out \[recv\]") as caught:
        run(scenario())
    assert caught.value.errno == errno.ETIMEDOUT


def test_a_connection_that_does_not_come_about_is_unreachable() -> None:
    """A listener that accepts nothing: its queue is full, further packets are dropped."""

    async def scenario() -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            fillers = [socket.socket() for _ in range(4)]
            try:
                for one in fillers:
                    one.setblocking(False)
                    one.connect_ex(("127.0.0.1", port))
                await asyncio.sleep(0.05)
                await a_client(port, connect_timeout_s=0.1).ask(CheckFolders())
            finally:
                for one in fillers:
                    one.close()

    with pytest.raises(UnreachableError, match=r"Connection timed out \[connect\]"):
        run(scenario())


def test_a_name_that_cannot_travel_sends_nothing() -> None:
    request = FetchConfiguration(scheduler_id="s", listed=tree_of([(RelPath("a\x01b"), File())]))
    with listening() as port, pytest.raises(UnsafeNameError):
        run(a_client(port).ask(request))


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert run(asked(a_response(OK))) == OkAnswer()


def test_addresses_of_version_6_are_written_in_brackets() -> None:
    supervisor = ScriptedSupervisor(lambda _: a_response(OK), address="::1")

    async def scenario() -> None:
        async with supervisor.running():
            await a_client(supervisor.port, address=LOCALHOST6, host="::1").ask(CheckFolders())

    run(scenario())
    assert f"Host: [::1]:{supervisor.port}\r\n" in supervisor.heads[0]
