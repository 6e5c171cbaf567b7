"""HTTP on the command port: hands a connection over to aiohttp's server protocol (``protocol.md`` section 1.1).

Nobody imports this before the first HTTP connection comes, because aiohttp takes its time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from aiohttp import web

from sync_core.net.http_exchange import HttpExchange, refuse
from sync_core.net.streams import LINGER_S
from sync_core.protocol.http import HttpRefusal

if TYPE_CHECKING:
    from sync_core.net.connection import Connection, Handler, ServerLimits

__all__ = ["serve_http"]

_EOF_PATIENCE_S = 0.5
"""A peer may have sent its request and the end of its stream in one go."""

_log = logging.getLogger(__name__)


async def serve_http(
    connection: Connection,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    received: bytes,
    handler: Handler,
    limits: ServerLimits,
    wall_clock: Callable[[], float],
) -> None:
    """Serve the rest of a connection by HTTP and return when it is over; cancelling this ends it at once.

    Args:
        connection: who it is.
        reader: holds what was received but not read yet; of no use afterwards.
        writer: knows the transport.
        received: what was read already.
        handler: makes the answers.
        limits: what one connection may cost.
        wall_clock: seconds since the epoch.
    """
    transport = writer.transport
    if transport.is_closing():
        return
    transport.set_write_buffer_limits(high=0)  # a response is sent when the system has all of it
    exchange = HttpExchange(connection, transport, handler, limits=limits, wall_clock=wall_clock)
    protocol = _Protocol(exchange, keep_alive_s=limits.http_idle_timeout_s)
    reader.feed_eof()  # what comes from now on goes to the new protocol
    transport.set_protocol(protocol)
    waiting = await reader.read()
    protocol.connection_made(transport)
    protocol.data_received(received + waiting)
    try:
        await protocol.ended.wait()
    finally:
        transport.abort()
        await protocol.ended.wait()


class _Protocol(web.RequestHandler):
    """aiohttp's protocol for one connection, with refusals of ours and an end that can be waited for."""

    def __init__(self, exchange: HttpExchange, *, keep_alive_s: float) -> None:
        super().__init__(
            web.Server(self._respond, handler_cancellation=True),
            loop=asyncio.get_running_loop(),
            keepalive_timeout=keep_alive_s,
            tcp_keepalive=False,  # the server has set it, with times of its own
            access_log=cast(logging.Logger, None),
            logger=_log,
            lingering_time=LINGER_S,
            auto_decompress=False,
        )
        self.ended = asyncio.Event()
        self._exchange = exchange
        self._is_busy = False
        self._is_lost = False
        self._is_eof = False
        self._eof_timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: BaseException | None) -> None:
        """Note the end; a handler that still runs is cancelled."""
        super().connection_lost(exc)
        if self._eof_timer is not None:
            self._eof_timer.cancel()
        self._is_lost = True
        self._check_end()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio allows both, aiohttp says None
        """Let a peer that sends no more have its answer."""
        self._is_eof = True
        self._eof_timer = asyncio.get_running_loop().call_later(_EOF_PATIENCE_S, self._close_if_idle)
        return (
            self.transport is None or self.transport.get_extra_info("sslcontext") is None
        )  # TLS has no half of an end

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP with a status, and without a word about us."""
        if status == HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(exc, ConnectionError):
            _log.error("a request could not be answered", exc_info=exc, extra={"prefix": self._exchange.prefix})
        refusal = HttpRefusal(status=HTTPStatus(status), reason=message or type(exc).__name__)
        return refuse(request, refusal, prefix=self._exchange.prefix)

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        self._is_busy = True
        try:
            return await self._exchange.respond(request)
        finally:
            self._is_busy = False
            if self._is_eof:
                self.close()
            self._check_end()

    def _close_if_idle(self) -> None:
        if not self._is_busy:
            self.force_close()

    def _check_end(self) -> None:
        if self._is_lost and not self._is_busy:
            self.ended.set()
