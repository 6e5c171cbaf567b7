"""One accepted connection: drives a ``ServerSession`` and asks the handler for answers (``protocol.md`` section 1)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from sync_core.model.security import IpAddress, Level
from sync_core.net.addresses import endpoint
from sync_core.net.streams import finish, write_all
from sync_core.protocol.answers import refusal_answer
from sync_core.protocol.messages import Answer, ErrorAnswer, Request
from sync_core.protocol.server import NEED_DATA, Closed, EmptyLine, HttpSeen, Malformed, RequestReceived, ServerSession
from sync_core.protocol.states import ServerState
from sync_core.protocol.texts import text

__all__ = ["Connection", "Handler", "ServerLimits"]

_BLOCK_BYTES = 4096
"""The original's block; what a "packet" is in section 1.2."""
_SLOWEST_BYTES_PER_S = 65536
_BUG = ErrorAnswer(code="JSYNC-ERROR", text="JSYNC-ERROR  A mistake in jsync; its log says more")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one connection may cost.

    Attributes:
        request_bytes: of a request of those who may only look.
        large_request_bytes: of those who may register, and so send lists; one of a million files stays below.
        request_timeout_s: in which a request that began must be complete; large ones get a second more per 64 KiB.
        write_timeout_s: the longest time in which a peer takes nothing of its answer.
        http_idle_timeout_s: the longest time between two requests by HTTP, the head of the next one included.
    """

    request_bytes: int = 1 << 20
    large_request_bytes: int = 1 << 28
    request_timeout_s: float = 60.0
    write_timeout_s: float = 60.0
    http_idle_timeout_s: float = 75.0

    def most_bytes(self, level: Level) -> int:
        """Return the longest request of a peer that may do this."""
        return self.large_request_bytes if level >= Level.NO_ADD else self.request_bytes


class Connection:
    """A peer that was let in. Handlers read its attributes and may ``close`` it.

    Attributes:
        id: unique in this process.
        peer_ip: the peer's address.
        peer_port: its port.
        local_ip: the address that it reached.
        level: what it may do, as of the moment when it connected.
        prefix: of its log lines.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        number: int,
        peer: tuple[IpAddress, int],
        local_ip: IpAddress,
        level: Level,
        limits: ServerLimits,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.id = number
        self.peer_ip, self.peer_port = peer
        self.local_ip = local_ip
        self.level = level
        self.prefix = connection_prefix(*peer)
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._wall_clock = wall_clock
        self._session = ServerSession(max_request_bytes=limits.most_bytes(level))
        self._request_bytes = 0
        self._request_since_s = 0.0

    def __str__(self) -> str:
        return f"{self.id} ({endpoint(self.peer_ip, self.peer_port)})"

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be sent to the peer."""
        return self._writer.transport.is_closing()

    def close(self) -> None:
        """Close the connection, also while its handler runs; ``on_close`` follows soon."""
        self._writer.close()

    async def serve(self, handler: Handler, answer_time: Callable[[], str]) -> None:
        """Answer requests until the connection is over. Nothing is ever sent that was not asked for.

        Args:
            handler: makes the answers; what it raises is logged, answered with an ERROR, and ends this connection.
            answer_time: the text for ``answer/@time``.
        """
        try:
            while await self._advance(handler, answer_time):
                pass
        except TimeoutError:
            _log.warning("the peer is too slow, the connection is closed", extra=self._extra)
        except OSError as error:
            is_common = isinstance(error, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError))
            _log.log(logging.DEBUG if is_common else logging.ERROR, "%s", error, extra=self._extra)
        finally:
            await finish(self._reader, self._writer)

    @property
    def _extra(self) -> dict[str, str]:
        return {"prefix": self.prefix}

    async def _advance(self, handler: Handler, answer_time: Callable[[], str]) -> bool:
        event = self._session.next_event()
        if event is NEED_DATA:
            await self._read_block()
            return True
        match event:
            case RequestReceived():
                _log.info("%s", text("SCHEDULER-965", event.raw), extra=self._extra)
                data, goes_on = await self._answer(handler, event.request, answer_time)
                await self._write(data)
                return goes_on
            case Malformed():
                await self._write(self._encode(refusal_answer(event.error), answer_time))
                return True
            case HttpSeen(data=data):
                await self._serve_http(data, handler)
                return False
            case EmptyLine():
                return True
            case Closed():
                return False

    async def _serve_http(self, received: bytes, handler: Handler) -> None:
        from sync_core.net.http_server import serve_http  # noqa: PLC0415 - it brings aiohttp, which most never need

        await serve_http(
            self,
            self._reader,
            self._writer,
            received=received,
            handler=handler,
            limits=self._limits,
            wall_clock=self._wall_clock,
        )

    async def _read_block(self) -> None:
        is_partial = self._session.state is ServerState.RECEIVING
        allowed_s = self._limits.request_timeout_s + self._request_bytes / _SLOWEST_BYTES_PER_S
        async with asyncio.timeout_at(self._request_since_s + allowed_s if is_partial else None):
            block = await self._reader.read(_BLOCK_BYTES)
        if not is_partial:
            self._request_since_s, self._request_bytes = asyncio.get_running_loop().time(), 0
        self._request_bytes += len(block)
        if block:
            self._session.receive_data(block)
        else:
            self._session.receive_eof()

    async def _answer(self, handler: Handler, request: Request, answer_time: Callable[[], str]) -> tuple[bytes, bool]:
        try:
            return self._encode(await handler(self, request), answer_time), True
        except Exception:
            _log.exception("a request could not be answered", extra=self._extra)
            return self._session.send_answer(_BUG, time=answer_time()), False

    def _encode(self, answer: Answer, answer_time: Callable[[], str]) -> bytes:
        if isinstance(answer, ErrorAnswer):
            _log.error("%s", answer.text, extra=self._extra)
        return self._session.send_answer(answer, time=answer_time())

    async def _write(self, data: bytes) -> None:
        if not self.is_closing:
            await write_all(self._writer, data, timeout_s=self._limits.write_timeout_s)


Handler: TypeAlias = Callable[[Connection, Request], Awaitable[Answer]]
"""Makes the answer to one request of one connection."""


def connection_prefix(ip: IpAddress, port: int) -> str:
    """Return the prefix of a connection's log lines: ``TCP connection to 10.0.0.7:53412``."""
    return f"TCP connection to {endpoint(ip, port)}"
