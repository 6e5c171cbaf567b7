from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.edit import tree_of
from sync_core.model.errors import LocalProtocolError, RemoteProtocolError, UnsafeNameError
from sync_core.model.file import File
from sync_core.model.path import RelPath
from sync_core.protocol.client import NEED_DATA, AnswerReceived, ClientSession, ConnectionClosed
from sync_core.protocol.messages import (
    Answer,
    CheckFolders,
    ErrorAnswer,
    FetchUpdatedFiles,
    OkAnswer,
    OtherAnswer,
    Register,
)
from sync_core.protocol.requests import encode_request
from sync_core.protocol.states import CLIENT_TABLE, ClientMove, ClientState

REGISTER = Register(scheduler_id="s", tcp_port=5000)
OK = b"<spooler><answer><ok/></answer></spooler>\n\0"
ERROR = b'<spooler><answer><ERROR code="X-1" text="X-1  no"/></answer></spooler>\n\0'


def answered(session: ClientSession, document: bytes = OK) -> Answer:
    session.receive_data(document)
    event = session.next_event()
    assert isinstance(event, AnswerReceived)
    return event.answer


def registered() -> ClientSession:
    session = ClientSession()
    assert session.ask(REGISTER) == encode_request(REGISTER)
    assert answered(session) == OkAnswer()
    return session


def closed() -> ClientSession:
    session = ClientSession()
    session.receive_eof()
    session.next_event()
    return session


# For every state, how to get there.
WAYS: dict[ClientState, Callable[[], ClientSession]] = {
    ClientState.CONNECTED: ClientSession,
    ClientState.ASKING: lambda: moved(ClientSession(), ClientMove.ASK),
    ClientState.REGISTERING: lambda: moved(ClientSession(), ClientMove.REGISTER),
    ClientState.REGISTERED: registered,
    ClientState.FETCHING: lambda: moved(registered(), ClientMove.FETCH),
    ClientState.REGISTERED_ASKING: lambda: moved(registered(), ClientMove.ASK),
    ClientState.CLOSED: closed,
}


def moved(session: ClientSession, move: ClientMove) -> ClientSession:
    match move:
        case ClientMove.REGISTER:
            session.ask(REGISTER)
        case ClientMove.FETCH:
            session.ask(FetchUpdatedFiles())
        case ClientMove.ASK:
            session.ask(CheckFolders())
        case ClientMove.ANSWER:
            assert answered(session) == OkAnswer()
        case ClientMove.ERROR:
            assert answered(session, ERROR) == ErrorAnswer(code="X-1", text="X-1  no")
        case ClientMove.HANG_UP:
            session.receive_eof()
            assert isinstance(session.next_event(), ConnectionClosed)
    return session


_PAIRS = [(state, move) for state in ClientState for move in ClientMove]


@pytest.mark.parametrize(("state", "move"), [pair for pair in _PAIRS if pair[1] in CLIENT_TABLE[pair[0]]])
def test_moves_of_the_table_lead_where_it_says(state: ClientState, move: ClientMove) -> None:
    session = WAYS[state]()
    assert session.state is state
    assert moved(session, move).state is CLIENT_TABLE[state][move]


@pytest.mark.parametrize(
    ("state", "move"),
    [
        pair
        for pair in _PAIRS
        if pair[1] in {ClientMove.REGISTER, ClientMove.FETCH, ClientMove.ASK} and pair[1] not in CLIENT_TABLE[pair[0]]
    ],
)
def test_other_moves_are_bugs_and_move_nothing(state: ClientState, move: ClientMove) -> None:
    session = WAYS[state]()
    with pytest.raises(LocalProtocolError, match="can't do"):
        moved(session, move)
    assert session.state is state


def test_a_list_that_cannot_travel_moves_nothing() -> None:
    session = registered()
    with pytest.raises(UnsafeNameError):
        session.ask(FetchUpdatedFiles(listed=tree_of([(RelPath("a\x01b"), File())])))
    assert session.state is ClientState.REGISTERED


def test_any_document_without_error_is_a_registration() -> None:
    session = ClientSession()
    session.ask(REGISTER)
    assert answered(session, b"<foo/>\0") == OtherAnswer(element="foo")
    assert session.state is ClientState.REGISTERED


@pytest.mark.parametrize("late", [b"\0", b"\n", b"\n\0", b" \r\n\0", b""])
@pytest.mark.parametrize("is_asked_before", [False, True])
def test_a_late_end_of_an_answer_is_passed_over(late: bytes, is_asked_before: bool) -> None:
    session = ClientSession()
    session.ask(REGISTER)
    answered(session, OK.rstrip(b"\n\0"))
    if not is_asked_before:
        session.receive_data(late)
        assert session.next_event() is NEED_DATA
    session.ask(FetchUpdatedFiles())
    if is_asked_before:
        session.receive_data(late)
        assert session.next_event() is NEED_DATA
    assert answered(session) == OkAnswer()


@pytest.mark.parametrize("state", [ClientState.CONNECTED, ClientState.REGISTERED])
def test_what_nobody_asked_for_ends_it_all(state: ClientState) -> None:
    session = WAYS[state]()
    session.receive_data(b"\n<x>\x1b")
    with pytest.raises(RemoteProtocolError, match=r"something that nobody asked for: '<x>\\x1b'"):
        session.next_event()
    assert session.next_event() == ConnectionClosed(is_answer_due=False)


def test_a_second_answer_was_not_asked_for() -> None:
    session = ClientSession()
    session.ask(REGISTER)
    answered(session, OK + OK)
    with pytest.raises(RemoteProtocolError, match="nobody asked for"):
        session.next_event()


@pytest.mark.parametrize(
    "document",
    [b"<spooler><answer></spooler>\0", b"no xml", b"<a>" + b"x" * 100, b"<configuration.directory name='x'/>\0"],
)
def test_nonsense_ends_it_all(document: bytes) -> None:
    session = ClientSession(max_answer_bytes=100)
    session.ask(CheckFolders())
    session.receive_data(document)
    with pytest.raises(RemoteProtocolError):
        session.next_event()
    assert session.state is ClientState.CLOSED
    assert session.next_event() == ConnectionClosed(is_answer_due=True)
    with pytest.raises(LocalProtocolError, match="takes no more bytes"):
        session.receive_data(OK)


@pytest.mark.parametrize(("begun", "is_answer_due"), [(None, False), (b"", True), (b"<spooler>", True)])
def test_a_peer_that_leaves(begun: bytes | None, is_answer_due: bool) -> None:
    session = ClientSession()
    if begun is not None:
        session.ask(CheckFolders())
        session.receive_data(begun)
    session.receive_eof()
    assert [session.next_event(), session.next_event()] == [ConnectionClosed(is_answer_due=is_answer_due)] * 2
    with pytest.raises(LocalProtocolError, match="takes no more bytes"):
        session.receive_data(OK)


def test_an_answer_before_the_end_of_the_stream_counts() -> None:
    session = ClientSession()
    session.ask(CheckFolders())
    session.receive_data(OK.rstrip(b"\n\0"))
    session.receive_eof()
    assert session.next_event() == AnswerReceived(answer=OkAnswer())
    assert session.next_event() == ConnectionClosed(is_answer_due=False)


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=8))
def test_any_bytes_are_events_or_a_protocol_error(blocks: list[bytes]) -> None:
    session = ClientSession()
    session.ask(REGISTER)
    try:
        for block in blocks:
            session.receive_data(block)
            session.next_event()
    except RemoteProtocolError:
        assert session.state is ClientState.CLOSED
