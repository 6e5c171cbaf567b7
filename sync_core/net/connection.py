"""One accepted connection: drives a ``ServerSession`` and asks the handler for answers (``protocol.md`` section 1)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TypeAlias

from sync_core.model.errors import RemoteProtocolError, UntrustedError
from sync_core.model.security import IpAddress, Level
from sync_core.net.addresses import endpoint
from sync_core.net.byte_gate import SMALL_BYTES
from sync_core.net.server_limits import ServerLimits, Traffic
from sync_core.net.streams import SLOWEST_BYTES_PER_S, finish, write_all
from sync_core.net.tls import FIRST_BYTE, Tls
from sync_core.net.workers import answer_weight_bytes, beside_loop
from sync_core.protocol.answers import Pieces, refusal_answer
from sync_core.protocol.messages import Answer, ErrorAnswer, Request
from sync_core.protocol.requests import decode_request
from sync_core.protocol.server import (
    NEED_DATA,
    Closed,
    DialectSeen,
    EmptyLine,
    HttpSeen,
    RequestReceived,
    ServerSession,
    TooLong,
    raw_text,
)
from sync_core.protocol.states import ServerState
from sync_core.protocol.texts import text
from sync_core.protocol.xml import MAX_ELEMENTS

__all__ = ["Connection", "DialectHandler", "Handler", "ServerLimits", "Traffic"]

_BLOCK_BYTES = 4096
"""The original's block; what a "packet" is in section 1.2."""
_LARGE_BLOCK_BYTES = 65536
"""Of a request that has begun: no rule is about the packets in the middle of it."""
_STEP_BYTES = 1 << 20
_BUG = ErrorAnswer(code="JSYNC-ERROR", text="JSYNC-ERROR  A mistake in jsync; its log says more")

_log = logging.getLogger(__name__)


class Connection:
    """A peer that was let in. Handlers read its attributes and may ``close`` it.

    Attributes:
        id: unique in this process.
        peer_ip: the peer's address.
        peer_port: its port.
        local_ip: the address that it reached.
        level: what it may do, as of the moment when it connected, or of the last reload.
        names: in TLS, those in the peer's certificate; ``None`` = it speaks in plain.
        is_own: whether it came by the agent's own socket, so that it is root's or the agent's own user's.
        prefix: of its log lines.
        most_entries: tells how many entries a list may have now.
        traffic: what all connections of its server have in memory together.
        is_kept: whether it acts for a slave, so that nobody else gets its place.
        moved_at: when something of it moved last, on the loop's clock.
        request_permit: for the request that is under way.
        answer_permit: for its answer.
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
        most_entries: Callable[[], int] = lambda: MAX_ELEMENTS,
        traffic: Traffic | None = None,
        tls: Tls | None = None,
        now_s: float = 0.0,
        is_own: bool = False,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.id = number
        self.peer_ip, self.peer_port = peer
        self.local_ip = local_ip
        self.level = level
        self.names: frozenset[str] | None = None
        self.is_own = is_own
        self.prefix = "own socket" if is_own else connection_prefix(*peer)
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._tls = tls
        self.most_entries = most_entries
        self.is_kept = False
        self.moved_at = now_s
        self.traffic = traffic or Traffic(limits)
        self.request_permit = self.traffic.requests.permit()
        self.answer_permit = self.traffic.answers.permit()
        self._wall_clock = wall_clock
        self._session = ServerSession(max_request_bytes=limits.request_bytes)
        self._request_bytes = 0
        self._request_since_s = 0.0

    def __str__(self) -> str:
        return f"{self.id} ({endpoint(self.peer_ip, self.peer_port)})"

    @property
    def most_request_bytes(self) -> int:
        """The longest request that the peer may send now."""
        return self._limits.most_bytes(self.level, self.most_entries())

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be sent to the peer."""
        return self._writer.transport.is_closing()

    def close(self) -> None:
        """Close the connection, also while its handler runs; ``on_close`` follows soon."""
        self._writer.close()

    def cut(self) -> None:
        """Close it without waiting for what the peer has not taken yet."""
        self._writer.transport.abort()

    async def reserve(self, size_bytes: int) -> None:
        """Wait until an answer of that size may be built; handlers call it before they read contents.

        It holds until the answer is written, which counts it as what it then is. What many connections are given
        (``ChangesAnswer.encoded``) counts once.
        """
        await self.answer_permit.grow(size_bytes)

    async def wait_for(self, received_bytes: int) -> float:
        """Wait until more of a request may be received; return for how many seconds."""
        clock = asyncio.get_running_loop().time
        begun_at = clock()
        await self.request_permit.grow(received_bytes + _STEP_BYTES)
        return clock() - begun_at

    async def serve(
        self, handler: Handler, answer_time: Callable[[], str], serve_dialect: DialectHandler | None = None
    ) -> None:
        """Answer requests until the connection is over. Nothing is ever sent that was not asked for.

        Args:
            handler: makes the answers; what it raises is logged, answered with an ERROR, and ends this connection.
            answer_time: the text for ``answer/@time``.
            serve_dialect: serves the rest of a connection once the preface of our own dialect has come.
        """
        try:
            if self._tls is not None:
                await self._begin(self._tls)
            while await self._advance(handler, answer_time, serve_dialect):
                pass
        except UntrustedError as error:
            is_new = self._tls is None or self._tls.failures.allows(self.peer_ip)
            _log.log(logging.WARNING if is_new else logging.DEBUG, "%s", error, extra=self._extra)
        except TimeoutError:
            _log.warning("the peer is too slow, the connection is closed", extra=self._extra)
        except OSError as error:
            is_common = isinstance(error, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError))
            _log.log(logging.DEBUG if is_common else logging.ERROR, "%s", error, extra=self._extra)
        finally:
            self.request_permit.set(0)
            self.answer_permit.set(0)
            await finish(self._reader, self._writer)

    @property
    def _extra(self) -> dict[str, str]:
        return {"prefix": self.prefix}

    async def _advance(
        self, handler: Handler, answer_time: Callable[[], str], serve_dialect: DialectHandler | None
    ) -> bool:
        # Nobody else touches the session meanwhile, and a block of nothing but tags takes some milliseconds.
        event = await beside_loop(self._session.next_event, size_bytes=self._session.unread_bytes)
        if event is NEED_DATA:
            await self._read_block()
            return True
        match event:
            case RequestReceived():
                pieces, goes_on = await self._carry_out(event.document, handler, answer_time)
                del event  # nothing of a request is kept while a slow peer takes the answer
                await self.send(pieces)
                return goes_on
            case TooLong(error=error):
                await self.send(await self._encode(refusal_answer(error), answer_time))
                return True
            case HttpSeen(data=data):
                await self._serve_http(data, handler)
                return False
            case DialectSeen(data=data):
                if serve_dialect is not None:
                    await serve_dialect(self, data, self._reader, self._writer)
                return False
            case EmptyLine():
                return True
            case Closed():
                return False

    async def _carry_out(
        self, document: bytes, handler: Handler, answer_time: Callable[[], str]
    ) -> tuple[Pieces, bool]:
        """Return the answer to one request, and whether the connection goes on."""
        try:
            read = partial(decode_request, document, max_entries=self.most_entries())
            request = await beside_loop(read, size_bytes=len(document))
        except RemoteProtocolError as error:
            return await self._encode(refusal_answer(error), answer_time), True
        _log.info("%s", text("SCHEDULER-965", raw_text(document)), extra=self._extra)
        del document  # the list that it made may be large too
        try:
            return await self._encode(await handler(self, request), answer_time), True
        except Exception:
            _log.exception("a request could not be answered", extra=self._extra)
            return self._session.send_answer(_BUG, time=answer_time()), False

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

    async def _begin(self, tls: Tls) -> None:
        """Read what comes first, and go on in TLS if that is what the peer speaks."""
        first = await self._reader.read(_BLOCK_BYTES)
        if not first.startswith(FIRST_BYTE):
            self.moved_at = self._request_since_s = asyncio.get_running_loop().time()
            self._session.max_request_bytes = self.most_request_bytes
            self._take(first)
            return
        accepted = await tls.accept(self._reader, self._writer, first, timeout_s=self._limits.handshake_timeout_s)
        self._plain_writer = self._writer  # a writer that nobody holds closes its transport
        self._reader, self._writer, self.names = accepted

    async def _read_block(self) -> None:
        is_partial = self._session.state is ServerState.RECEIVING
        if is_partial and self._request_bytes > SMALL_BYTES:
            self._request_since_s += await self.wait_for(self._request_bytes)
        allowed_s = self._limits.request_timeout_s + self._request_bytes / SLOWEST_BYTES_PER_S
        async with asyncio.timeout_at(self._request_since_s + allowed_s if is_partial else None):
            block = await self._reader.read(_LARGE_BLOCK_BYTES if is_partial else _BLOCK_BYTES)
        self.moved_at = asyncio.get_running_loop().time()
        if not is_partial:
            self._request_since_s, self._request_bytes = self.moved_at, 0
            self._session.max_request_bytes = self.most_request_bytes
        self._take(block)

    def _take(self, block: bytes) -> None:
        self._request_bytes += len(block)
        if block:
            self._session.receive_data(block)
        else:
            self._session.receive_eof()

    async def _encode(self, answer: Answer, answer_time: Callable[[], str]) -> Pieces:
        if isinstance(answer, ErrorAnswer):
            _log.error("%s", answer.text, extra=self._extra)
        weight_bytes = answer_weight_bytes(answer)
        if weight_bytes > SMALL_BYTES:
            await self.answer_permit.grow(weight_bytes)
        time = answer_time()
        write = partial(self._session.send_answer, answer, time=time)
        return await beside_loop(write, size_bytes=weight_bytes)

    async def send(self, pieces: Pieces) -> None:
        """Send an answer, or a part of one, and return when the system took all of it; it is counted until then.

        Raises:
            TimeoutError: the peer took nothing for so long, or is too slow while others wait.
            OSError: the connection broke.
        """
        self.request_permit.set(0)
        with self.counted(max(pieces, key=len)):
            await self._hand_over(pieces)

    @contextlib.contextmanager
    def counted(self, body: bytes) -> Iterator[None]:
        """Count an answer, in place of what was reserved for it, until it is written."""
        gate, permit = self.traffic.answers, self.answer_permit
        self.moved_at = asyncio.get_running_loop().time()
        if len(body) <= SMALL_BYTES:
            permit.set(0)
            yield
            return
        self.answer_permit = gate.permit()
        gate.share(body, permit)
        try:
            yield
        finally:
            gate.unshare(body)

    async def _hand_over(self, pieces: Pieces) -> None:
        if not self.is_closing:
            await write_all(
                self._writer,
                pieces,
                timeout_s=self._limits.write_timeout_s,
                is_hurried=lambda: self.traffic.answers.is_crowded,
            )


Handler: TypeAlias = Callable[[Connection, Request], Awaitable[Answer]]
"""Makes the answer to one request of one connection."""

DialectHandler: TypeAlias = Callable[[Connection, bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves a connection from the preface of our own dialect on: what came behind it, and the streams."""


def connection_prefix(ip: IpAddress, port: int) -> str:
    """Return the prefix of a connection's log lines: ``TCP connection to 10.0.0.7:53412``."""
    return f"TCP connection to {endpoint(ip, port)}"
