"""The end that asks: requests in, bytes out, bytes in, answers and contents out (``docs/protocol-dialect.md``)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from sync_core.model.errors import LocalProtocolError, RemoteProtocolError
from sync_core.protocol.dialect.codec import decode_answer, message_frame
from sync_core.protocol.dialect.events import Answered, ContentReceived, Finished
from sync_core.protocol.dialect.frames import FrameKind, FrameReader
from sync_core.protocol.dialect.limits import MAX_WAITING
from sync_core.protocol.dialect.messages import (
    Bundle,
    Check,
    Contents,
    Delta,
    Error,
    Folders,
    Listing,
    Look,
    Request,
    Root,
    Same,
    Unknown,
    announced_sizes,
)
from sync_core.protocol.dialect.states import CLIENT_TABLE, ClientMove, ClientState
from sync_core.protocol.events import NEED_DATA, ConnectionClosed, NeedData
from sync_core.protocol.session import Session, step

__all__ = [
    "NEED_DATA",
    "Answered",
    "ConnectionClosed",
    "ContentReceived",
    "DialectAnswer",
    "DialectClient",
    "Finished",
]

DialectAnswer: TypeAlias = Answered | ContentReceived | Finished | ConnectionClosed | NeedData

_ANSWERS: Mapping[type, tuple[type, ...]] = MappingProxyType(
    {
        Check: (Same, Delta, Root, Error, Unknown),
        Look: (Root, Error, Unknown),
        Folders: (Listing, Error, Unknown),
        Contents: (Bundle, Error, Unknown),
    }
)


class DialectClient(Session[ClientState, ClientMove]):
    """One connection after the preface, as the end that asks sees it.

    ``ask`` returns bytes to send; feed what comes back to ``receive_data`` and call ``next_event`` until it says
    ``NEED_DATA``. Answers come in the order of the requests, each ends with ``Finished``. Contents are given out as
    they come: never more than a frame is held.
    """

    def __init__(self) -> None:
        super().__init__(CLIENT_TABLE, ClientState.IDLE, hang_up=ClientMove.HANG_UP)
        self._reader = FrameReader()
        self._waiting: deque[Request] = deque()
        self._contents = _Announced(())
        self._is_complete = False

    @property
    def can_ask(self) -> bool:
        """Whether another request may be sent now."""
        return self._state is not ClientState.CLOSED and len(self._waiting) < MAX_WAITING

    def ask(self, request: Request) -> bytes:
        """Return the bytes of a request.

        ``LocalProtocolError``: the session is over, too many answers are due (``can_ask``), or it is too long.
        """
        following = step(self._table, self._state, ClientMove.ASK)
        if not self.can_ask:
            raise LocalProtocolError(f"{len(self._waiting)} answers are due already")
        data = message_frame(request)
        self._state = following
        self._waiting.append(request)
        return data

    def receive_data(self, block: bytes) -> None:
        """Store what was read; call ``next_event`` next; ``LocalProtocolError``: the session is over."""
        self._check_receiving()
        self._reader.feed(block)

    def next_event(self) -> DialectAnswer:
        """Return what happened next; ``ConnectionClosed`` again and again.

        ``RemoteProtocolError``: the peer's bytes make no sense, or were not asked for; the session is over.
        """
        event = self._next_or_end(self._next_part)
        return ConnectionClosed(is_answer_due=bool(self._waiting)) if event is None else event

    def _next_part(self) -> Answered | ContentReceived | Finished | NeedData:
        """Return the next message or its end, or contents: one event for each file in what the reader gave."""
        if self._is_complete:
            self._is_complete = False
            self._move(ClientMove.END if len(self._waiting) > 1 else ClientMove.LAST_END)
            return Finished(request=self._waiting.popleft())
        piece = self._contents.next_piece()
        while piece is None:
            frame = self._reader.next_frame()
            if frame is None:
                return NEED_DATA
            if frame.kind is FrameKind.MESSAGE:
                return self._answered(frame.payload)
            self._contents.feed(frame.payload)
            piece = self._contents.next_piece()
        index, at, data, is_last = piece
        request = self._waiting[0]
        offset = at + (request.files[index].offset if isinstance(request, Contents) else 0)
        if self._contents.is_complete:
            self._is_complete = True
        else:
            self._move(ClientMove.PART)
        return ContentReceived(request=request, index=index, offset=offset, data=data, is_last=is_last)

    def _answered(self, payload: bytes) -> Answered:
        if self._state not in {ClientState.WAITING, ClientState.LISTING}:
            raise RemoteProtocolError("the peer sent a message that nobody asked for")
        request, answer = self._waiting[0], decode_answer(payload)
        if not isinstance(answer, _ANSWERS[type(request)]) or (
            self._state is ClientState.LISTING and not isinstance(answer, Listing)
        ):
            raise RemoteProtocolError(f"{type(answer).__name__} is no answer to {type(request).__name__} here")
        sizes = announced_sizes(answer)
        if isinstance(request, Contents) and isinstance(answer, Bundle):
            lengths = [asked.length for asked in request.files]
            if len(sizes) != len(lengths) or any(size > most for size, most in zip(sizes, lengths, strict=True)):
                raise RemoteProtocolError("the contents that are announced are not those that were asked for")
        self._contents = _Announced(sizes)
        if isinstance(answer, Listing) and not answer.last:
            self._move(ClientMove.LISTING)
        elif self._contents.is_complete:
            self._is_complete = True
        else:
            self._move(ClientMove.ANNOUNCE)
        return Answered(request=request, answer=answer)


class _Announced:
    """The contents that are to come: cuts what comes where one ends and the next begins."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self._sizes = sizes
        self._index = -1
        self._at = 0
        self._block = b""
        self._block_at = 0
        self._due_bytes = sum(size for size in sizes if size > 0)
        self._go_on()

    @property
    def is_complete(self) -> bool:
        """Whether every content was given out."""
        return self._index >= len(self._sizes)

    def feed(self, block: bytes) -> None:
        """Take what came; give it out by ``next_piece``; ``RemoteProtocolError``: it is more than was announced."""
        if len(block) > self._due_bytes:
            raise RemoteProtocolError("the peer sent more contents than it announced")
        self._due_bytes -= len(block)
        self._block, self._block_at = block, 0

    def next_piece(self) -> tuple[int, int, bytes, bool] | None:
        """Return index, offset, bytes and whether they are the last of a content; ``None``: more must come."""
        if self.is_complete:
            return None
        size, index, at = self._sizes[self._index], self._index, self._at
        length = min(size - at, len(self._block) - self._block_at)
        if length == 0 < size:
            return None
        data = self._block[self._block_at : self._block_at + length]
        self._block_at += length
        self._at += length
        is_last = self._at == size
        if is_last:
            self._go_on()
        return index, at, data, is_last

    def _go_on(self) -> None:
        self._index, self._at = self._index + 1, 0
        while self._index < len(self._sizes) and self._sizes[self._index] < 0:
            self._index += 1
