"""The end that answers: bytes in, requests out, answers in, bytes out (``docs/protocol-dialect.md``, Conversation)."""

from __future__ import annotations

from typing import TypeAlias

from sync_core.model.errors import LocalProtocolError, RemoteProtocolError
from sync_core.protocol.dialect.codec import decode_request, message_frame
from sync_core.protocol.dialect.events import Asked
from sync_core.protocol.dialect.frames import HEAD_BYTES, FrameKind, FrameReader, content_frames
from sync_core.protocol.dialect.limits import MAX_FRAME_BYTES
from sync_core.protocol.dialect.messages import Answer, Listing, announced_sizes
from sync_core.protocol.dialect.states import SERVER_TABLE, ServerMove, ServerState
from sync_core.protocol.events import NEED_DATA, Closed, NeedData
from sync_core.protocol.session import Session, step

__all__ = ["NEED_DATA", "Asked", "Closed", "DialectEvent", "DialectServer"]

DialectEvent: TypeAlias = Asked | Closed | NeedData

_MAX_UNREAD_BYTES = 2 * (MAX_FRAME_BYTES + HEAD_BYTES)


class DialectServer(Session[ServerState, ServerMove]):
    """One connection after the preface, as the end that answers sees it.

    Feed what was read to ``receive_data``, then call ``next_event`` until it says ``NEED_DATA`` or ``Closed``. After
    ``Asked`` an answer is due: send what ``answer`` returns, and after a message that announces contents what
    ``contents`` returns. Requests that the peer sends before that wait, best of all unread.

    Args:
        max_request_bytes: most bytes of one request, compressed or not.
    """

    def __init__(self, *, max_request_bytes: int = MAX_FRAME_BYTES) -> None:
        super().__init__(SERVER_TABLE, ServerState.IDLE, hang_up=ServerMove.HANG_UP)
        self._reader = FrameReader(max_bytes=max_request_bytes)
        self._due_bytes = 0

    @property
    def unread_bytes(self) -> int:
        """What was received and not looked at."""
        return self._reader.unread_bytes

    @property
    def is_partial(self) -> bool:
        """Whether a request has begun that is not complete."""
        return self._reader.unread_bytes > 0

    def receive_data(self, block: bytes) -> None:
        """Store what was read; call ``next_event`` next.

        ``LocalProtocolError``: the session is over, or two whole requests wait: read on when they are answered.
        """
        self._check_receiving()
        if self._reader.unread_bytes >= _MAX_UNREAD_BYTES:
            raise LocalProtocolError("more is read than can be answered")
        self._reader.feed(block)

    def next_event(self) -> DialectEvent:
        """Return what happened next; ``NEED_DATA`` also while an answer is due, ``Closed`` again and again.

        ``RemoteProtocolError``: the peer's bytes make no sense; the session is over.
        """
        if self._state not in {ServerState.IDLE, ServerState.CLOSED}:
            return NEED_DATA
        event = self._next_or_end(self._next_request)
        return Closed() if event is None else event

    def answer(self, message: Answer) -> bytes:
        """Return the bytes of an answer, or of one message of it.

        A ``Listing`` that is not the last, or a message that announces contents, is not all of it.
        ``LocalProtocolError``: no such message is due, or it is too long; nothing has moved.
        """
        due_bytes = sum(size for size in announced_sizes(message) if size > 0)
        if self._state is ServerState.LISTING and not isinstance(message, Listing):
            raise LocalProtocolError("a listing has begun and has no end")
        if isinstance(message, Listing) and not message.last:
            move = ServerMove.LISTING
        else:
            move = ServerMove.ANNOUNCE if due_bytes else ServerMove.END
        following = step(self._table, self._state, move)
        data = message_frame(message)
        self._state, self._due_bytes = following, due_bytes
        return data

    def contents(self, data: bytes, *, compresses: bool = True) -> bytes:
        """Return the next of the contents that were announced, in frames: all that is due, or some of it.

        ``LocalProtocolError``: so much is not due; nothing has moved.
        """
        if self._state is not ServerState.SENDING:
            raise LocalProtocolError(f"a session that is '{self._state}' can't send contents")
        if len(data) > self._due_bytes:
            raise LocalProtocolError(f"{len(data)} bytes of contents where {self._due_bytes} are due")
        self._move(ServerMove.END if len(data) == self._due_bytes else ServerMove.PART)
        self._due_bytes -= len(data)
        return content_frames(data, compresses=compresses)

    def answer_encoded(self, data: bytes) -> bytes:
        """Return a whole answer that was put into frames before, for several peers; it is not looked into.

        ``LocalProtocolError``: no answer is due, or one has begun.
        """
        if self._state is not ServerState.ANSWERING:
            raise LocalProtocolError(f"a session that is '{self._state}' can't send a whole answer")
        self._move(ServerMove.END)
        return data

    def _next_request(self) -> Asked | NeedData:
        frame = self._reader.next_frame()
        if frame is None:
            return NEED_DATA
        if frame.kind is not FrameKind.MESSAGE:
            raise RemoteProtocolError("the peer sent contents that nobody asked for")
        request = decode_request(frame.payload)
        self._move(ServerMove.REQUEST)
        return Asked(request=request)
