"""One HTTP request in, one HTTP response out (``protocol.md`` section 8); ``protocol.http`` knows what may be asked."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web

from sync_core.model.errors import RemoteProtocolError
from sync_core.net.byte_gate import SMALL_BYTES
from sync_core.net.streams import SLOWEST_BYTES_PER_S
from sync_core.net.workers import answer_weight_bytes, beside_loop
from sync_core.protocol.answers import refusal_answer
from sync_core.protocol.http import (
    ANSWER_TYPE,
    SERVER_NAME,
    HttpRefusal,
    accepts_gzip,
    check_post,
    command_of_get,
    encode_http_answer,
    raw_only_refusal,
)
from sync_core.protocol.messages import Answer, ChangesAnswer, ErrorAnswer
from sync_core.protocol.requests import decode_request
from sync_core.protocol.server import raw_text
from sync_core.protocol.texts import text
from sync_core.protocol.times import format_utc_time

if TYPE_CHECKING:
    from sync_core.net.connection import Connection, Handler, ServerLimits

__all__ = ["HttpExchange", "refuse"]

_WORTH_GZIP_BYTES = 1024
_METHODS = "GET, POST"
_HEADERS = {"Cache-Control": "no-cache", "Server": SERVER_NAME}

_log = logging.getLogger(__name__)


class HttpExchange:
    """Carries out the requests of one connection, one after the other.

    Args:
        connection: where they come from.
        transport: of that connection.
        handler: makes the answers; what it raises is logged and answered with status 500.
        limits: what one connection may cost.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        connection: Connection,
        transport: asyncio.WriteTransport,
        handler: Handler,
        *,
        limits: ServerLimits,
        wall_clock: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._transport = transport
        self._handler = handler
        self._limits = limits
        self._wall_clock = wall_clock

    @property
    def prefix(self) -> str:
        """Of its log lines."""
        return self._connection.prefix

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        """Carry out ``request`` and send the response.

        Returns:
            The response, all of it taken by the system.
        """
        document = await self._document(request)
        if isinstance(document, HttpRefusal):
            response = refuse(request, document, prefix=self.prefix)
        else:
            response = await self._response(request, document)
        watch = _StallWatch(self._transport, self._limits.write_timeout_s, prefix=self.prefix)
        self._connection.request_permit.set(0)
        body = response.body if isinstance(response.body, bytes) else b""
        try:
            with self._connection.counted(body):
                await response.prepare(request)
                await response.write_eof()
        finally:
            watch.stop()
        return response

    async def _document(self, request: web.BaseRequest) -> bytes | HttpRefusal:
        target = request.raw_path
        if request.method == "GET":
            return command_of_get(target)
        if request.method != "POST":
            return HttpRefusal(status=HTTPStatus.METHOD_NOT_ALLOWED, reason="only GET and POST are understood")
        refusal = check_post(
            target,
            content_type=request.headers.get("Content-Type", ""),
            content_encoding=request.headers.get("Content-Encoding", ""),
            origin=request.headers.get("Origin"),
        )
        return refusal or await self._body(request)

    async def _body(self, request: web.BaseRequest) -> bytes | HttpRefusal:
        """Read the body."""
        most_bytes = self._connection.most_request_bytes
        too_large = HttpRefusal(
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason=f"the content is longer than {most_bytes} bytes"
        )
        if (request.content_length or 0) > most_bytes:
            return too_large
        if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = bytearray()
        started_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._limits.request_timeout_s) as deadline:
                async for block in request.content.iter_any():
                    body += block
                    if len(body) > most_bytes:
                        return too_large
                    if len(body) > SMALL_BYTES:
                        deadline.reschedule(None)
                        started_at += await self._connection.wait_for(len(body))
                    allowed_s = self._limits.request_timeout_s + len(body) / SLOWEST_BYTES_PER_S
                    deadline.reschedule(started_at + allowed_s)
        except TimeoutError:
            return HttpRefusal(status=HTTPStatus.REQUEST_TIMEOUT, reason="the peer is too slow")
        except web.RequestPayloadError as error:
            return HttpRefusal(status=HTTPStatus.BAD_REQUEST, reason=f"the content is broken off: {error}")
        return bytes(body)

    async def _response(self, request: web.BaseRequest, document: bytes) -> web.Response:
        try:
            answer = await self._answer(document)
            if isinstance(answer, ErrorAnswer):
                _log.error("%s", answer.text, extra={"prefix": self.prefix})
            body = await self._encode(answer)
        except Exception:
            _log.exception("a request could not be answered", extra={"prefix": self.prefix})
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            return refuse(request, HttpRefusal(status=status, reason="a mistake in jsync"), prefix=self.prefix)
        headers = {**_HEADERS, "Content-Type": ANSWER_TYPE}
        if len(body) >= _WORTH_GZIP_BYTES:
            headers["Vary"] = "Accept-Encoding"
            if accepts_gzip(",".join(request.headers.getall("Accept-Encoding", []))):
                headers["Content-Encoding"] = "gzip"
                body = await beside_loop(partial(gzip.compress, body, mtime=0), size_bytes=len(body))
        return web.Response(body=body, headers=headers)

    async def _encode(self, answer: Answer) -> bytes:
        weight_bytes = answer_weight_bytes(answer)
        if isinstance(answer, ChangesAnswer):
            weight_bytes = max(weight_bytes, len(answer.encoded))  # by HTTP a body is each one's own
        if weight_bytes > SMALL_BYTES:
            await self._connection.reserve(weight_bytes)
        write = partial(encode_http_answer, answer, time=format_utc_time(self._wall_clock()))
        return await beside_loop(write, size_bytes=weight_bytes)

    async def _answer(self, document: bytes) -> Answer:
        try:
            read = partial(decode_request, document, max_entries=self._connection.most_entries())
            request = await beside_loop(read, size_bytes=len(document))
        except RemoteProtocolError as error:
            return refusal_answer(error)
        _log.info("%s", text("SCHEDULER-965", raw_text(document)), extra={"prefix": self.prefix})
        return raw_only_refusal(request) or await self._handler(self._connection, request)


def refuse(request: web.BaseRequest, refusal: HttpRefusal, *, prefix: str) -> web.Response:
    """Log SCHEDULER-311 and return the response that carries a status only; the connection is closed after it."""
    reason = f"{refusal.status.value} {refusal.reason}"
    _log.debug("%s", text("SCHEDULER-311", f"{request.method} {request.raw_path}", reason), extra={"prefix": prefix})
    headers = {**_HEADERS, "Allow": _METHODS} if refusal.status is HTTPStatus.METHOD_NOT_ALLOWED else _HEADERS
    response = web.Response(status=refusal.status, headers=headers)
    response.force_close()
    return response


class _StallWatch:
    """Cuts the connection where the peer takes nothing of its answer for so long; ``stop`` ends the watch."""

    def __init__(self, transport: asyncio.WriteTransport, timeout_s: float, *, prefix: str) -> None:
        self._transport = transport
        self._timeout_s = timeout_s
        self._prefix = prefix
        self._left_bytes: int | None = None
        self._timer = self._start()

    def stop(self) -> None:
        self._timer.cancel()

    def _start(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._timeout_s, self._look)

    def _look(self) -> None:
        left_bytes = self._transport.get_write_buffer_size()
        if self._left_bytes is not None and left_bytes >= self._left_bytes:
            _log.warning("the peer is too slow, the connection is closed", extra={"prefix": self._prefix})
            self._transport.abort()
            return
        self._left_bytes = left_bytes
        self._timer = self._start()
