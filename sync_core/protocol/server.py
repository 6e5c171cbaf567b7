"""The listening end of a conversation: packets in, requests out (``protocol.md`` sections 1.1, 1.2 and 17)."""

from __future__ import annotations

import re
from collections import deque
from typing import TypeAlias

from sync_core.protocol.answers import Pieces, answer_pieces
from sync_core.protocol.dialect.preface import DIALECT_VERSION, PREFACE, begins_preface
from sync_core.protocol.events import (
    NEED_DATA,
    Closed,
    DialectSeen,
    EmptyLine,
    HttpSeen,
    NeedData,
    RequestReceived,
    TooLong,
)
from sync_core.protocol.framing import BLANKS, RequestScanner
from sync_core.protocol.messages import Answer, ErrorAnswer, OkAnswer
from sync_core.protocol.schema import refusal
from sync_core.protocol.session import Session, step
from sync_core.protocol.states import SERVER_TABLE, ServerMove, ServerState

__all__ = [
    "NEED_DATA",
    "Closed",
    "DialectSeen",
    "EmptyLine",
    "HttpSeen",
    "RequestReceived",
    "ServerEvent",
    "ServerSession",
    "TooLong",
    "raw_text",
]

ServerEvent: TypeAlias = RequestReceived | TooLong | EmptyLine | HttpSeen | DialectSeen | Closed | NeedData


_CTRL_D = b"\x04"
_TLS = b"\x16\x03"
_CARRIAGE_RETURN = 0x0D
_RAW_BYTES = 2048
_PROLOG = re.compile(rb"\s*<\?xml[^>]*>\s*")


class ServerSession(Session[ServerState, ServerMove]):
    """One connection as the end that listens sees it.

    Feed every block that was read to ``receive_data``, then call ``next_event`` until it says ``NEED_DATA`` or
    ``Closed``. After ``RequestReceived`` and ``TooLong`` an answer is due: send the bytes that ``send_answer`` returns,
    the last piece in one write. What the peer sends before that waits. Any thread may call it, one at a time.

    Args:
        max_request_bytes: most bytes of one request; the attribute may be changed between requests.
    """

    def __init__(self, *, max_request_bytes: int) -> None:
        super().__init__(SERVER_TABLE, ServerState.FRESH, hang_up=ServerMove.HANG_UP)
        self.max_request_bytes = max_request_bytes
        self._packets: deque[bytes] = deque()
        self._is_flooded = False
        self._is_pretty = False
        self._is_dialect_open = False
        self._document = bytearray()
        self._scanner = RequestScanner()

    @property
    def unread_bytes(self) -> int:
        """How many bytes were received that ``next_event`` has not looked at."""
        return sum(map(len, self._packets))

    @property
    def is_pretty(self) -> bool:
        """Whether the peer ends its lines with CR LF and so gets indented answers."""
        return self._is_pretty

    def receive_data(self, packet: bytes) -> None:
        """Store a block as it was read: some rules are about what came alone in a packet. Call ``next_event`` next.

        Raises:
            LocalProtocolError: the session takes no more bytes, because it is over or because they are HTTP's.
        """
        self._check_receiving(is_taking=self._state not in {ServerState.HTTP, ServerState.DIALECT})
        if not packet:
            return
        self._packets.append(packet)
        if self.unread_bytes > self.max_request_bytes:
            self._is_flooded = True
            self._packets.clear()

    def next_event(self) -> ServerEvent:
        """Return what happened next; ``NEED_DATA`` also while an answer is due, ``Closed`` again and again."""
        if self._state in {ServerState.ANSWERING, ServerState.LAST_ANSWER}:
            return NEED_DATA
        if self._state is ServerState.CLOSED:
            return Closed()
        if self._is_flooded:
            return self._too_long()
        while self._packets:
            event = self._take(self._packets.popleft())
            if event is not None:
                return event
        if not self._is_eof:
            return NEED_DATA
        self._move(ServerMove.HANG_UP)
        return Closed()

    def send_answer(self, answer: Answer, *, time: str) -> Pieces:
        """Return the bytes of the answer that is due; call ``next_event`` next.

        ``time`` is as ``times.format_answer_time`` writes it; an ERROR without a time of its own gets it too.

        Raises:
            LocalProtocolError: no answer is due.
            UnsafeNameError: a name in it can't travel; the answer is still due.
        """
        following = step(self._table, self._state, ServerMove.ANSWER)
        if isinstance(answer, ErrorAnswer) and not answer.time:
            answer = ErrorAnswer(code=answer.code, text=answer.text, time=time.partition(".")[0])
        pieces = answer_pieces(answer, time=time, pretty=self._is_pretty)
        self._is_dialect_open |= isinstance(answer, OkAnswer) and answer.jsync >= DIALECT_VERSION
        self._state = following
        return pieces

    def _take(self, packet: bytes) -> ServerEvent | None:
        if len(packet) >= 2 and packet[-2] == _CARRIAGE_RETURN:
            self._is_pretty = True
        if self._state is ServerState.FRESH and packet[:1].isupper():
            self._move(ServerMove.HTTP)
            data = b"".join([packet, *self._packets])
            self._packets.clear()
            return HttpSeen(data=data)
        if self._state is ServerState.FRESH and packet[:2] == _TLS:
            return self._refuse("TLS is not spoken here")  # at once, so that the peer knows; it may wait for ever else
        if self._state is not ServerState.RECEIVING:
            if self._is_dialect_open and packet[:1] == PREFACE[:1]:
                return self._preface(packet)
            if packet == _CTRL_D:
                self._move(ServerMove.HANG_UP)
                return Closed()
            # Keep-alive blanks (section 1.5) and late NULs belong to no request.
            packet = packet.lstrip(b" \0")
            if not packet:
                self._move(ServerMove.BLANK)
                return None
        return self._collect(packet)

    def _preface(self, packet: bytes) -> ServerEvent | None:
        data = b"".join([packet, *self._packets])
        self._packets.clear()
        match begins_preface(data):
            case True:
                self._move(ServerMove.DIALECT)
                return DialectSeen(data=data.removeprefix(PREFACE))
            case False:
                return self._collect(data)
        if self._is_eof:
            return None
        self._packets.append(data)
        return NEED_DATA

    def _collect(self, packet: bytes) -> ServerEvent | None:
        if len(self._document) + len(packet) > self.max_request_bytes:
            return self._too_long()
        self._document += packet
        if self._scanner.feed(packet) is None:
            self._move(ServerMove.PART)
            return None
        document = bytes(self._document)
        self._document, self._scanner = bytearray(), RequestScanner()
        if not document.strip(BLANKS):
            self._move(ServerMove.BLANK)
            return EmptyLine()
        self._move(ServerMove.REQUEST)
        return RequestReceived(document=document)

    def _too_long(self) -> TooLong:
        return self._refuse(f"the request is longer than {self.max_request_bytes} bytes")

    def _refuse(self, text: str) -> TooLong:
        """Refuse what would fill the memory, or is not ours: nobody knows where it ends, so this answer is the last."""
        self._move(ServerMove.TOO_LONG)
        self._document.clear()
        return TooLong(error=refusal("XML-ERROR", text))


def raw_text(document: bytes) -> str:
    """Return the beginning of a request for the log; bytes that are no UTF-8 become surrogates, as in names."""
    beginning = document[:_RAW_BYTES]
    prolog = _PROLOG.match(beginning)
    return beginning[prolog.end() if prolog else 0 :].strip(BLANKS).decode("utf-8", "surrogateescape")
