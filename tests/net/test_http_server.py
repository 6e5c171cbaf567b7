"""HTTP on the command port, over real loopback connections: what is asked and answered."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable

import aiohttp
import pytest

from sync_core.model.change import WriteFile
from sync_core.model.path import RelPath
from sync_core.protocol.http import decode_http_answer
from sync_core.protocol.messages import ChangesAnswer, CheckFolders, FetchConfiguration, ShowState
from tests.support.handlers import CHECK, OK_BY_HTTP, Recorder, serving, talking
from tests.support.http import ENGINE, PROLOG, get, post, read_response
from tests.support.net import run

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
        recorder = Recorder(NEW_JOB)
        async with talking(recorder) as peer:
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
        (fetch,) = recorder.requests
        assert isinstance(fetch, FetchConfiguration)
        assert (fetch.scheduler_id, fetch.udp_port, fetch.ip, fetch.interval_s) == ("slave1", 4441, "10.0.0.7", 900)
        assert list(fetch.listed.children) == ["common.job_chain.xml"]

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
        recorder = Recorder(BIG)
        async with serving(recorder) as server, aiohttp.ClientSession() as client:
            for _ in range(3):
                url = f"http://127.0.0.1:{server.port}{ENGINE}"
                async with client.post(url, data=FETCH, headers=headers) as response:
                    assert response.status == 200
                    assert decode_http_answer(await response.read(), charset=response.charset) == BIG
        assert len({connection for connection, _ in recorder.asked}) == 1

    run(scenario())


def test_requests_on_one_connection_are_answered_in_order() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        async with talking(recorder) as peer:
            await peer.send(post(CHECK) + get("/%3Cs/%3E") + post(b"<show_state/>") + post(FETCH, version="1.0"))
            for _ in range(4):
                response = await read_response(peer.reader)
                assert (response.status, response.body) == (200, OK_BY_HTTP)
            assert await peer.rest() == b""  # HTTP/1.0 ends here
        assert [type(request) for request in recorder.requests] == [
            CheckFolders,
            ShowState,
            ShowState,
            FetchConfiguration,
        ]

    run(scenario())


def test_much_that_came_at_once_is_all_there() -> None:
    """More than the block that showed that this is HTTP, and more than the stream's buffer takes."""
    many = b"".join(b'<configuration.file name="%d"/>' % n for n in range(20_000))
    body = b'<supervisor.configuration.fetch scheduler_id="s">' + many + b"</supervisor.configuration.fetch>"

    async def scenario() -> None:
        recorder = Recorder()
        async with talking(recorder) as peer:
            await peer.send(post(body) + post(CHECK))
            assert [(await read_response(peer.reader)).status for _ in range(2)] == [200, 200]
        fetch = recorder.requests[0]
        assert isinstance(fetch, FetchConfiguration)
        assert fetch.listed.totals.files == 20_000

    run(scenario())


def test_chunked_requests_are_taken() -> None:
    chunked = post(b"", more="Transfer-Encoding: chunked\r\n").replace(b"Content-Length: 0\r\n", b"")

    async def scenario() -> None:
        async with talking(Recorder()) as peer:
            await peer.send(chunked + b"6\r\n<check\r\na\r\n_folders/>\r\n0\r\n\r\n")
            assert (await read_response(peer.reader)).body == OK_BY_HTTP

    run(scenario())


def test_http_1_0_may_keep_the_connection() -> None:
    async def scenario() -> None:
        async with talking(Recorder()) as peer:
            for _ in range(2):
                await peer.send(post(CHECK, version="1.0", more="Connection: keep-alive\r\n"))
                response = await read_response(peer.reader)
                assert (response.version, response.headers["connection"]) == ("HTTP/1.0", "keep-alive")

    run(scenario())


def test_who_wants_to_be_asked_first_is_asked() -> None:
    async def scenario() -> None:
        async with talking(Recorder()) as peer:
            await peer.send(post(CHECK, more="Expect: 100-continue\r\n").removesuffix(CHECK))
            assert await peer.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await peer.send(CHECK)
            assert (await read_response(peer.reader)).body == OK_BY_HTTP

    run(scenario())


@pytest.mark.parametrize(
    ("header", "is_zipped"), [("", False), ("Accept-Encoding: gzip\r\n", True), ("Accept-Encoding: deflate\r\n", False)]
)
def test_large_answers_are_zipped_for_those_who_want_it(header: str, is_zipped: bool) -> None:
    async def scenario() -> None:
        async with talking(Recorder(BIG)) as peer:
            await peer.send(post(FETCH, more=header))
            response = await read_response(peer.reader)
            assert (response.headers.get("content-encoding") == "gzip") is is_zipped
            assert (len(response.body) < 5000) is is_zipped
            assert response.headers["vary"] == "Accept-Encoding"
            assert decode_http_answer(response.text, charset="iso-8859-1") == BIG

    run(scenario())


def test_small_answers_are_not_worth_it() -> None:
    async def scenario() -> None:
        async with talking(Recorder()) as peer:
            await peer.send(post(CHECK, more="Accept-Encoding: gzip\r\n"))
            assert (await read_response(peer.reader)).body == OK_BY_HTTP

    run(scenario())


def test_aiohttp_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, sync_core.agent.run; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
