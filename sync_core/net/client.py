"""The connecting end of a conversation: drives a ``ClientSession`` over TCP (``protocol.md`` sections 1.3 and 7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from sync_core.model.errors import JsyncError, UnreachableError
from sync_core.model.security import IpAddress
from sync_core.net.addresses import LOOPBACK4, endpoint
from sync_core.net.failures import unreachable
from sync_core.net.opening import open_streams
from sync_core.net.own_socket import open_own
from sync_core.net.pace import SLOWEST, Pace, Slowest
from sync_core.net.streams import hang_up, write_all
from sync_core.net.tls import TlsTo
from sync_core.net.workers import beside_loop, request_weight_bytes
from sync_core.protocol.client import NEED_DATA, AnswerReceived, ClientSession, ConnectionClosed
from sync_core.protocol.messages import Answer, FetchUpdatedFiles, Register, Request

__all__ = ["CommandClient"]

_BLOCK_BYTES = 65536


class CommandClient:
    """One connection to a command port, made by ``connect``; questions are asked one at a time.

    The end of a connection is an ``UnreachableError``: with the system's ``errno`` and a text like the original's log,
    ``Connection refused [connect] [10.0.0.5:4440]``, or without an ``errno`` where the peer closed in good order.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: tuple[IpAddress, int],
        slowest: Slowest = SLOWEST,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._peer = peer
        self._session = ClientSession()
        self._answers: asyncio.Queue[Answer] = asyncio.Queue(maxsize=1)
        self._has_moved = asyncio.Event()
        self._pace = Pace(slowest)
        self._came_bytes = 0
        self._failure: JsyncError | None = None
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self._reading.add_done_callback(lambda _: self._has_moved.set())

    @classmethod
    async def connect(
        cls,
        address: IpAddress,
        port: int,
        *,
        local_address: IpAddress | None = None,
        timeout_s: float,
        slowest: Slowest = SLOWEST,
        tls: TlsTo | None = None,
    ) -> CommandClient:
        """Connect to a command port.

        Args:
            address: of the peer; where a name has several, the caller tries them in order.
            port: its command port.
            local_address: our address (``addresses.choose_source``); the port is left to the system in any case.
            timeout_s: until the connection stands.
            slowest: how slowly answers may come.
            tls: how to speak TLS; ``None`` = in plain.

        Raises:
            UnreachableError: it does not; see the class.
            UntrustedError: the peer did not prove who it is.
        """
        streams = await open_streams(address, port, local_address=local_address, timeout_s=timeout_s, tls=tls)
        return cls(*streams, (address, port), slowest)

    @classmethod
    async def connect_own(cls, path: Path, port: int) -> CommandClient:
        """Connect by an agent's own socket.

        Args:
            path: the socket.
            port: its command port, for messages.

        Raises:
            UnreachableError: nobody listens there.
        """
        return cls(*await open_own(path), (LOOPBACK4, port))

    @property
    def peer(self) -> tuple[IpAddress, int]:
        """The peer's address and port."""
        return self._peer

    @property
    def peer_ip(self) -> IpAddress:
        """The peer's address."""
        return self._peer[0]

    @property
    def is_closed(self) -> bool:
        """Whether the connection is over."""
        return self._reading.done()

    async def register(self, request: Register, *, timeout_s: float) -> Answer:
        """Introduce ourselves and return the answer, which may be an ``ErrorAnswer``.

        Args:
            request: who we are.
            timeout_s: the longest time in which no byte moves.

        Raises:
            UnreachableError: the connection broke, was closed, nothing moved for so long, or the answer drips.
            RemoteProtocolError: the peer's bytes make no sense.
            LocalProtocolError: the session does not allow it now.
        """
        return await self._converse(request, lambda: self._session.ask(request), timeout_s)

    async def fetch(self, request: FetchUpdatedFiles, *, timeout_s: float) -> Answer:
        """Send our list and return the differences; for the rest see ``register``, which must have come first."""
        return await self._converse(request, lambda: self._session.ask(request), timeout_s)

    async def ask(self, request: Request, *, timeout_s: float) -> Answer:
        """Send any other request and return its answer; for the rest see ``register``."""
        return await self._converse(request, lambda: self._session.ask(request), timeout_s)

    async def wait_closed(self) -> None:
        """Wait until the connection is over, and return if we closed it ourselves.

        Raises:
            UnreachableError: it broke, or the peer closed it.
            RemoteProtocolError: the peer's bytes make no sense.
        """
        await asyncio.wait([self._reading])
        if self._failure is not None or not self._reading.cancelled():
            self._check_open()

    async def close(self) -> None:
        """Close the connection; may be called twice."""
        self._reading.cancel()
        try:
            await asyncio.wait([self._reading])
        finally:  # also when whoever closes is cancelled meanwhile
            hang_up(self._writer)

    async def hand_over(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the streams of the connection, for whoever goes on in our own dialect; it is of no use here then.

        Raises:
            UnreachableError: the connection is over.
        """
        self._check_open()
        self._reading.cancel()
        await asyncio.wait([self._reading])
        return self._reader, self._writer

    async def _converse(self, request: Request, encode: Callable[[], bytes], timeout_s: float) -> Answer:
        self._check_open()
        try:
            data = await beside_loop(encode, size_bytes=request_weight_bytes(request))
            await write_all(self._writer, (data,), timeout_s=timeout_s)
            return await self._next_answer(timeout_s)
        except TimeoutError as error:
            raise self._fail(unreachable(error, "recv", *self._peer)) from error
        except OSError as error:
            raise self._fail(unreachable(error, "send", *self._peer)) from error
        except asyncio.CancelledError:
            self._fail(
                UnreachableError("a question was broken off")
            )  # its answer would be taken for that of the next one
            raise

    def _check_open(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._reading.done():
            if not self._reading.cancelled():
                self._reading.result()  # a bug, which must not be swallowed
            raise UnreachableError("the connection is closed")

    async def _next_answer(self, timeout_s: float) -> Answer:
        self._pace.begin()
        while self._answers.empty():
            self._check_open()
            await self._pace.wait(self._next_blocks(), silence_s=timeout_s)
        return self._answers.get_nowait()

    async def _next_blocks(self) -> int:
        """Wait until something has come, or can't come any more; return how many bytes."""
        before_bytes = self._came_bytes
        self._has_moved.clear()
        await self._has_moved.wait()
        return self._came_bytes - before_bytes

    async def _read(self) -> None:
        try:
            while self._failure is None:
                block = await self._reader.read(_BLOCK_BYTES)
                self._came_bytes += len(block)
                await self._take(block)
                self._has_moved.set()
        except JsyncError as error:
            self._fail(error)
        except OSError as error:
            self._fail(unreachable(error, "recv", *self._peer))

    async def _take(self, block: bytes) -> None:
        if block:
            self._session.receive_data(block)
        else:
            self._session.receive_eof()
        # Only the end of an answer makes work, and that is a NUL.
        size_bytes = self._session.unread_bytes if b"\0" in block else 0
        while (event := await beside_loop(self._session.next_event, size_bytes=size_bytes)) is not NEED_DATA:
            size_bytes = 0
            if isinstance(event, AnswerReceived):
                self._answers.put_nowait(event.answer)
            elif isinstance(event, ConnectionClosed):
                self._fail(UnreachableError(f"the peer has closed the connection [{endpoint(*self._peer)}]"))
                return

    def _fail(self, failure: JsyncError) -> JsyncError:
        self._failure = self._failure or failure
        self._writer.transport.abort()
        return self._failure
