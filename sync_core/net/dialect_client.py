"""The connecting end of a conversation in our own dialect: drives a ``DialectClient`` over TCP.

A connection is classic until ``take_over``. Nobody imports this before it is needed,
because msgspec takes its time.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sync_core.model.errors import RemoteProtocolError, UnreachableError
from sync_core.model.security import IpAddress
from sync_core.net.addresses import LOOPBACK4, endpoint
from sync_core.net.failures import unreachable
from sync_core.net.opening import open_streams
from sync_core.net.own_socket import open_own
from sync_core.net.pace import SLOWEST, Pace, Slowest
from sync_core.net.streams import hang_up, write_all
from sync_core.net.tls import TlsTo
from sync_core.protocol.dialect.client import (
    NEED_DATA,
    Answered,
    ConnectionClosed,
    ContentReceived,
    DialectClient,
    Finished,
)
from sync_core.protocol.dialect.messages import Request
from sync_core.protocol.dialect.preface import MAX_OPENING_BYTES, OPENING, PREFACE, agrees

if TYPE_CHECKING:
    from sync_core.net.client import CommandClient

__all__ = ["AnswerPart", "DialectConnection"]

AnswerPart: TypeAlias = Answered | ContentReceived | Finished

_BLOCK_BYTES = 1 << 18


class DialectConnection:
    """One connection on which frames are spoken. Requests may be sent ahead, as long as ``can_ask`` says so.

    The end of a connection is an ``UnreachableError``, as for ``CommandClient``; after any error only ``close`` helps.

    Args:
        reader: an open stream, of which nothing is read that belongs to a classic answer.
        writer: the same stream's other half.
        peer: address and port.
        slowest: how slowly answers may come.
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
        self._session = DialectClient()
        self._unsent = PREFACE
        self._pace = Pace(slowest)

    @classmethod
    async def take_over(cls, client: CommandClient) -> DialectConnection:
        """Return the connection of a classic client whose peer has agreed to the dialect.

        Raises:
            UnreachableError: the connection is over.
        """
        return cls(*await client.hand_over(), client.peer)

    @classmethod
    async def connect(
        cls, address: IpAddress, port: int, *, timeout_s: float, tls: TlsTo | None = None
    ) -> DialectConnection:
        """Connect as one who does not register; ``begin`` must come next.

        Args:
            address: of the peer.
            port: its command port.
            timeout_s: until the connection stands.
            tls: how to speak TLS; ``None`` = in plain.

        Raises:
            UnreachableError: it does not.
            UntrustedError: the peer did not prove who it is.
        """
        return cls(*await open_streams(address, port, timeout_s=timeout_s, tls=tls), (address, port))

    @classmethod
    async def connect_own(cls, path: Path, port: int) -> DialectConnection:
        """Connect by an agent's own socket; ``begin`` must come next.

        Args:
            path: the socket.
            port: its command port, for messages.

        Raises:
            UnreachableError: nobody listens there.
        """
        return cls(*await open_own(path), (LOOPBACK4, port))

    async def begin(self, *, timeout_s: float) -> bool:
        """Ask whether the peer speaks our dialect; where it does not, only ``close`` helps.

        Args:
            timeout_s: the longest time in which no byte moves.

        Raises:
            UnreachableError: nothing moved for so long.
        """
        answer = b""
        try:
            await write_all(self._writer, (OPENING,), timeout_s=timeout_s)
            while b"\0" not in answer and len(answer) <= MAX_OPENING_BYTES:
                async with asyncio.timeout(timeout_s):
                    block = await self._reader.read(MAX_OPENING_BYTES)
                if not block:
                    return False
                answer += block
        except TimeoutError as error:
            raise unreachable(error, "recv", *self._peer) from error
        except OSError:
            return False  # it hangs up on what it does not know
        return agrees(answer)

    @property
    def can_ask(self) -> bool:
        """Whether another request may be sent before the answers that are due have come."""
        return self._session.can_ask

    async def send(self, request: Request, *, timeout_s: float) -> None:
        """Send a request; its answer comes from ``next_part``.

        Args:
            request: what is asked.
            timeout_s: the longest time in which no byte moves.

        Raises:
            UnreachableError: the connection broke, was closed, or nothing moved for so long.
            LocalProtocolError: the session does not allow it now.
        """
        data, self._unsent = self._unsent + self._session.ask(request), b""
        try:
            await write_all(self._writer, (data,), timeout_s=timeout_s)
        except OSError as error:  # TimeoutError is one
            raise unreachable(error, "send", *self._peer) from error

    async def next_part(self, *, timeout_s: float) -> AnswerPart:
        """Return what comes next of the answers that are due.

        Args:
            timeout_s: the longest time in which no byte moves.

        Raises:
            UnreachableError: the connection broke, was closed, nothing moved for so long, or the answer drips.
            RemoteProtocolError: the peer's bytes make no sense.
        """
        while True:
            event = self._session.next_event()
            if isinstance(event, ConnectionClosed):
                raise UnreachableError(f"the peer has closed the connection [{endpoint(*self._peer)}]")
            if event is not NEED_DATA:
                if isinstance(event, Finished):
                    self._pace.begin()
                return event
            try:
                await self._pace.wait(self._receive(), silence_s=timeout_s)
            except OSError as error:
                raise unreachable(error, "recv", *self._peer) from error

    async def wait_closed(self) -> None:
        """Wait until the connection is over while nothing is asked.

        Raises:
            UnreachableError: it is over.
            RemoteProtocolError: the peer sent something that nobody asked for.
        """
        try:
            await self._receive()
        except OSError as error:
            raise unreachable(error, "recv", *self._peer) from error
        event = self._session.next_event()
        if isinstance(event, ConnectionClosed):
            raise UnreachableError(f"the peer has closed the connection [{endpoint(*self._peer)}]")
        raise RemoteProtocolError("the peer sent something that nobody asked for")

    async def close(self) -> None:
        """Close the connection; may be called twice."""
        hang_up(self._writer)

    async def _receive(self) -> int:
        block = await self._reader.read(_BLOCK_BYTES)
        if block:
            self._session.receive_data(block)
        else:
            self._session.receive_eof()
        return len(block)
