"""What sessions report to the program that drives them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.messages import Answer, Request

__all__ = [
    "NEED_DATA",
    "AnswerReceived",
    "Closed",
    "ConnectionClosed",
    "EmptyLine",
    "HttpSeen",
    "Malformed",
    "NeedData",
    "RequestReceived",
]


class NeedData(Enum):
    """The type of ``NEED_DATA``."""

    NEED_DATA = "need data"


NEED_DATA: Final = NeedData.NEED_DATA
"""Nothing can be said before more bytes come or, at the listening end, before the answer due has been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReceived:
    """A request; its answer is due.

    Attributes:
        request: what is asked.
        raw: the beginning of its text without prolog, for the log (SCHEDULER-965); ``texts.text`` makes it safe.
    """

    request: Request
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A request that can't be understood; an ERROR answer is due, and the connection goes on unless it was too long.

    Attributes:
        error: why; ``answers.refusal_answer(error)`` is the answer, ``str(error)`` its whole text, code included.
        raw: as in ``RequestReceived``.
    """

    error: RemoteProtocolError
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyLine:
    """A lone line end: no answer is due; a slave takes it as a reason to check (section 1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSeen:
    """The first byte says that this is HTTP (section 1.1); the session takes no more bytes.

    Attributes:
        data: everything that was received so far.
    """

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The connection is over: the peer said so, or its last answer has been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReceived:
    """The answer to the request that was sent last; an ``ErrorAnswer`` too."""

    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionClosed:
    """The peer closed the connection.

    Attributes:
        is_answer_due: it did so instead of answering.
    """

    is_answer_due: bool
