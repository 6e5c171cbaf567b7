"""What sessions report to the program that drives them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from sync_core.model.errors import RemoteProtocolError

if TYPE_CHECKING:  # our own dialect shares some events, and does without the classic messages
    from sync_core.protocol.messages import Answer

__all__ = [
    "NEED_DATA",
    "AnswerReceived",
    "Closed",
    "ConnectionClosed",
    "DialectSeen",
    "EmptyLine",
    "HttpSeen",
    "NeedData",
    "RequestReceived",
    "TooLong",
]


class NeedData(Enum):
    """The type of ``NEED_DATA``."""

    NEED_DATA = "need data"


NEED_DATA: Final = NeedData.NEED_DATA
"""Nothing can be said before more bytes come or, at the listening end, before the answer due has been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReceived:
    """A whole request; its answer is due.

    Attributes:
        document: its bytes, for ``requests.decode_request``. That may take long, so it is left to the program that
            drives the session. What can't be understood is answered with an ERROR, and the connection goes on.
    """

    document: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLong:
    """A request that would fill the memory; an ERROR (``answers.refusal_answer``) is due, and is the last answer."""

    error: RemoteProtocolError


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyLine:
    """A lone line end: no answer is due; a slave takes it as a reason to check (section 1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSeen:
    """The first byte of ``data``, all that came so far, says HTTP (section 1.1); the session takes no more bytes."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectSeen:
    """The preface of our own dialect has come, and ``data`` behind it; the session takes no more bytes."""

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
    """The peer closed the connection; ``is_answer_due``: it did so instead of answering."""

    is_answer_due: bool
