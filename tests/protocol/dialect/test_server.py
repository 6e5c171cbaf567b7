from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import LocalProtocolError, RemoteProtocolError
from sync_core.protocol.dialect.codec import message_frame
from sync_core.protocol.dialect.frames import FrameKind, content_frames, frame
from sync_core.protocol.dialect.limits import MAX_FRAME_BYTES
from sync_core.protocol.dialect.messages import Bundle, Check, Delta, Error, Listing, Request, Same, Unknown
from sync_core.protocol.dialect.server import NEED_DATA, Asked, Closed, DialectServer
from sync_core.protocol.dialect.states import SERVER_TABLE, ServerMove, ServerState
from tests.protocol.dialect.strategies import requests

D = bytes(32)
CHECK = message_frame(Check())


def asked(data: bytes = CHECK) -> DialectServer:
    session = DialectServer()
    session.receive_data(data)
    assert isinstance(session.next_event(), Asked)
    return session


def moved(session: DialectServer, move: ServerMove) -> DialectServer:
    match move:
        case ServerMove.REQUEST:
            session.receive_data(CHECK)
            assert session.next_event() == Asked(request=Check())
        case ServerMove.LISTING:
            session.answer(Listing(parts=()))
        case ServerMove.ANNOUNCE:
            session.answer(Bundle(sizes=(-1, 2, 0, 3)))
        case ServerMove.PART:
            assert session.contents(b"123", compresses=False) == content_frames(b"123")
        case ServerMove.END if session.state is ServerState.SENDING:
            session.contents(b"12345")
        case ServerMove.END:
            session.answer(Listing(parts=(), last=True))
        case ServerMove.HANG_UP:
            session.receive_eof()
            assert session.next_event() == Closed()
    return session


WAYS: dict[ServerState, Callable[[], DialectServer]] = {
    ServerState.IDLE: DialectServer,
    ServerState.ANSWERING: asked,
    ServerState.LISTING: lambda: moved(asked(), ServerMove.LISTING),
    ServerState.SENDING: lambda: moved(asked(), ServerMove.ANNOUNCE),
    ServerState.CLOSED: lambda: moved(DialectServer(), ServerMove.HANG_UP),
}
_PAIRS = [(state, move) for state in ServerState for move in ServerMove]
_OURS = {ServerMove.LISTING, ServerMove.ANNOUNCE, ServerMove.END}


@pytest.mark.parametrize(("state", "move"), [pair for pair in _PAIRS if pair[1] in SERVER_TABLE[pair[0]]])
def test_moves_of_the_table_lead_where_it_says(state: ServerState, move: ServerMove) -> None:
    session = WAYS[state]()
    assert session.state is state
    assert moved(session, move).state is SERVER_TABLE[state][move]


@pytest.mark.parametrize(
    ("state", "move"), [pair for pair in _PAIRS if pair[1] in _OURS and pair[1] not in SERVER_TABLE[pair[0]]]
)
def test_other_moves_are_bugs_and_move_nothing(state: ServerState, move: ServerMove) -> None:
    session = WAYS[state]()
    with pytest.raises(LocalProtocolError):
        moved(session, move)
    assert session.state is state


def test_a_listing_ends_with_a_listing() -> None:
    session = WAYS[ServerState.LISTING]()
    with pytest.raises(LocalProtocolError, match="has no end"):
        session.answer(Error(code="x"))
    assert session.state is ServerState.LISTING


@pytest.mark.parametrize("state", [ServerState.IDLE, ServerState.ANSWERING, ServerState.LISTING, ServerState.CLOSED])
def test_contents_are_sent_where_some_were_announced(state: ServerState) -> None:
    session = WAYS[state]()
    with pytest.raises(LocalProtocolError):
        session.contents(b"")
    assert session.state is state


def test_no_more_is_sent_than_was_announced() -> None:
    session = WAYS[ServerState.SENDING]()
    with pytest.raises(LocalProtocolError, match="6 bytes of contents where 5 are due"):
        session.contents(b"123456")
    session.contents(b"1234")
    with pytest.raises(LocalProtocolError, match="2 bytes of contents where 1 are due"):
        session.contents(b"56")
    session.contents(b"5")
    assert session.state is ServerState.IDLE


def test_an_announcement_of_nothing_is_a_whole_answer() -> None:
    for answer in (Bundle(sizes=(-1, 0)), Delta(base=D, to=D, edits=())):
        session = asked()
        session.answer(answer)
        assert session.state is ServerState.IDLE


def test_an_answer_too_long_is_still_due() -> None:
    session = asked()
    with pytest.raises(LocalProtocolError):
        session.answer(Error(code="x", text="x" * MAX_FRAME_BYTES))
    assert session.answer(Same()) == message_frame(Same())


def test_an_answer_that_was_encoded_before_is_a_whole_one() -> None:
    data = message_frame(Same())
    session = asked()
    assert session.answer_encoded(data) is data
    assert session.state is ServerState.IDLE
    with pytest.raises(LocalProtocolError, match="can't send a whole answer"):
        session.answer_encoded(data)


@given(st.lists(requests, max_size=4), st.lists(st.integers(0, 400), max_size=10))
def test_requests_are_given_out_one_by_one_however_they_are_cut(asks: list[Request], places: list[int]) -> None:
    data = b"".join(map(message_frame, asks))
    edges = [0, *sorted(place for place in places if place < len(data)), len(data)]
    session, found = DialectServer(), []
    for start, end in itertools.pairwise(edges):
        session.receive_data(data[start:end])
        while isinstance(event := session.next_event(), Asked):
            assert session.next_event() is NEED_DATA
            session.answer(Same())
            found.append(event.request)
    assert found == asks
    session.receive_eof()
    assert session.next_event() == Closed()


def test_what_was_asked_before_the_end_is_still_answered() -> None:
    session = DialectServer()
    session.receive_data(CHECK + CHECK)
    session.receive_eof()
    for _ in range(2):
        assert session.next_event() == Asked(request=Check())
        session.answer(Same())
    assert session.next_event() == Closed() == session.next_event()
    with pytest.raises(LocalProtocolError, match="takes no more bytes"):
        session.receive_data(CHECK)


def test_an_unknown_request_is_answered_and_ends_nothing() -> None:
    session = DialectServer()
    session.receive_data(message_frame(Same()) + CHECK)  # an answer is none of the requests
    event = session.next_event()
    assert event == Asked(request=Unknown(what="same"))
    session.answer(Unknown(what="same"))
    assert session.next_event() == Asked(request=Check())


@pytest.mark.parametrize(
    "data", [content_frames(b"x"), frame(FrameKind.MESSAGE, b"\xc1"), b"<spooler/>", b"\xff\xff\xff\xff\x01"]
)
def test_nonsense_ends_it_all(data: bytes) -> None:
    session = DialectServer()
    session.receive_data(data)
    with pytest.raises(RemoteProtocolError):
        session.next_event()
    assert session.next_event() == Closed()


def test_whoever_reads_on_without_an_answer_is_stopped() -> None:
    session = asked(CHECK + bytes(MAX_FRAME_BYTES))
    session.receive_data(bytes(MAX_FRAME_BYTES))
    session.receive_data(b"x" * 20)
    with pytest.raises(LocalProtocolError, match="more is read than can be answered"):
        session.receive_data(b"x")


@given(st.lists(st.binary(min_size=1, max_size=30) | st.just(CHECK), max_size=8))
def test_any_bytes_are_requests_or_a_protocol_error(blocks: list[bytes]) -> None:
    session = DialectServer()
    try:
        for block in blocks:
            session.receive_data(block)
            while isinstance(session.next_event(), Asked):
                session.answer(Same())
    except RemoteProtocolError:
        assert session.state is ServerState.CLOSED
