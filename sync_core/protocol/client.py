"""The connecting end of a conversation: requests out, answers in (``protocol.md`` sections 1.3 and 7)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.answers import decode_answer
from sync_core.protocol.events import NEED_DATA, AnswerReceived, ConnectionClosed, NeedData
from sync_core.protocol.framing import AnswerReader
from sync_core.protocol.messages import ErrorAnswer, FetchUpdatedFiles, Register, Request
from sync_core.protocol.requests import encode_request
from sync_core.protocol.session import Session, step
from sync_core.protocol.states import CLIENT_TABLE, ClientMove, ClientState
from sync_core.protocol.texts import one_line
from sync_core.protocol.xml import MAX_DOCUMENT_BYTES

__all__ = ["NEED_DATA", "AnswerReceived", "ClientEvent", "ClientSession", "ConnectionClosed"]

ClientEvent: TypeAlias = AnswerReceived | ConnectionClosed | NeedData


_MOVES: Mapping[type, ClientMove] = MappingProxyType(
    {Register: ClientMove.REGISTER, FetchUpdatedFiles: ClientMove.FETCH}
)


class ClientSession(Session[ClientState, ClientMove]):
    """One connection as the end that opened it sees it.

    ``ask`` returns bytes to send in one write; feed what comes back to ``receive_data``
    and call ``next_event`` until it says ``NEED_DATA``. One question at a time.

    Args:
        max_answer_bytes: most bytes of one answer.
    """

    def __init__(self, *, max_answer_bytes: int = MAX_DOCUMENT_BYTES) -> None:
        super().__init__(CLIENT_TABLE, ClientState.CONNECTED, hang_up=ClientMove.HANG_UP)
        self._reader = AnswerReader(max_bytes=max_answer_bytes)
        self._is_answer_due = False

    @property
    def unread_bytes(self) -> int:
        """How many bytes of an answer have come so far."""
        return self._reader.unread_bytes

    def ask(self, request: Request) -> bytes:
        """Return the bytes of a request.

        Raises:
            LocalProtocolError: an answer is due, the session is over, or it is a fetch before we are registered.
            UnsafeNameError: a listed name can't travel; the error names it, and the session stays as it was.
        """
        move = _MOVES.get(type(request), ClientMove.ASK)
        following = step(self._table, self._state, move)
        data = encode_request(request)
        self._state = following
        return data

    def receive_data(self, block: bytes) -> None:
        """Store what was read; call ``next_event`` next; ``LocalProtocolError``: the session is over."""
        self._check_receiving()
        self._reader.feed(block)

    def next_event(self) -> ClientEvent:
        """Return what happened next; ``ConnectionClosed`` again and again.

        ``RemoteProtocolError``: the peer's bytes make no sense, are too many, or were not asked for; the session is
        over.
        """
        if self._state is not ClientState.CLOSED:
            self._is_answer_due = ClientMove.ANSWER in CLIENT_TABLE[self._state]
        event = self._next_or_end(self._next_answer if self._is_answer_due else self._nothing)
        return ConnectionClosed(is_answer_due=self._is_answer_due) if event is None else event

    def _next_answer(self) -> AnswerReceived | NeedData:
        document = self._reader.next_document()
        if document is None:
            return NEED_DATA
        answer = decode_answer(document)
        self._move(ClientMove.ERROR if isinstance(answer, ErrorAnswer) else ClientMove.ANSWER)
        return AnswerReceived(answer=answer)

    def _nothing(self) -> NeedData:
        """Pass over blanks; anything else that comes between two answers would be taken for the next one."""
        unasked = self._reader.skip_blanks()
        if unasked:
            beginning = one_line(unasked[:40].decode("latin-1"))
            raise RemoteProtocolError(f"the peer sent something that nobody asked for: '{beginning}'")
        return NEED_DATA
