"""A pretend wire that joins the two ends of a conversation and may cut what it carries into pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.answers import answer_pieces, refusal_answer
from sync_core.protocol.client import NEED_DATA, AnswerReceived, ClientEvent, ClientSession, ConnectionClosed
from sync_core.protocol.messages import Answer, Request
from sync_core.protocol.requests import decode_request
from sync_core.protocol.server import Closed, RequestReceived, ServerEvent, ServerSession, TooLong

TIME = "2026-11-24 03:16:21.992"

Splitter = Callable[[bytes], Iterable[bytes]]


def encode_answer(answer: Answer, *, time: str, pretty: bool = False) -> bytes:
    """Return the bytes of an answer in one piece."""
    return b"".join(answer_pieces(answer, time=time, pretty=pretty))


def whole(data: bytes) -> list[bytes]:
    """Leave the bytes in one piece."""
    return [data] if data else []


def byte_by_byte(data: bytes) -> list[bytes]:
    """Cut the bytes into single ones."""
    return [data[n : n + 1] for n in range(len(data))]


def cut_at(places: Iterable[int]) -> Splitter:
    """Cut at these places, counted from the beginning; those beyond the end are passed over."""
    chosen = sorted(set(places))

    def split(data: bytes) -> list[bytes]:
        edges = [0, *(place for place in chosen if 0 < place < len(data)), len(data)]
        return [data[start:end] for start, end in pairwise(edges) if end > start]

    return split


def drain(session: ServerSession, answer: Callable[[Request], Answer], *, time: str = TIME) -> Served:
    """Answer everything that ``session`` has to say, as a driver would."""
    served = Served()
    while (event := session.next_event()) is not NEED_DATA:
        served.events.append(event)
        match event:
            case RequestReceived(document=document):
                said = answered(document, answer)
                served.answers.append(b"".join(session.send_answer(said, time=time)))
            case TooLong(error=error):
                served.answers.append(b"".join(session.send_answer(refusal_answer(error), time=time)))
            case Closed():
                break
    return served


def answered(document: bytes, answer: Callable[[Request], Answer]) -> Answer:
    """Return the answer to a request, which is a refusal where it makes no sense."""
    try:
        request = decode_request(document)
    except RemoteProtocolError as error:
        return refusal_answer(error)
    return answer(request)


@dataclass(slots=True)
class Served:
    """What one end that listens reported and sent."""

    events: list[ServerEvent] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)


class PretendWire:
    """Both ends, the listening one with a rule for its answers.

    Args:
        answer: what the listening end says to a request that makes sense.
        split: how the wire cuts what goes over it, in both directions.
    """

    def __init__(self, answer: Callable[[Request], Answer], *, split: Splitter = whole) -> None:
        self.client = ClientSession()
        self.server = ServerSession(max_request_bytes=1 << 20)
        self._answer = answer
        self._split = split

    def carry(self, data: bytes) -> list[ClientEvent]:
        """Carry a request over, and everything that comes back; return what the connecting end reports."""
        events: list[ClientEvent] = []
        for piece in self._split(data):
            self.server.receive_data(piece)
            for sent in drain(self.server, self._answer).answers:
                events += self._carry_back(sent)
        return events

    def exchange(self, data: bytes) -> Answer:
        """Carry a request over and return its answer, which must be the only thing that comes back."""
        (event,) = self.carry(data)
        assert isinstance(event, AnswerReceived)
        return event.answer

    def _carry_back(self, data: bytes) -> list[ClientEvent]:
        events: list[ClientEvent] = []
        for piece in self._split(data):
            self.client.receive_data(piece)
            while (event := self.client.next_event()) is not NEED_DATA:
                events.append(event)
                if isinstance(event, ConnectionClosed):
                    break
        return events
