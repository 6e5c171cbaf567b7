from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.errors import LocalProtocolError, RemoteProtocolError
from sync_core.protocol.dialect.client import (
    Answered,
    ConnectionClosed,
    ContentReceived,
    DialectAnswer,
    DialectClient,
    Finished,
)
from sync_core.protocol.dialect.codec import message_frame
from sync_core.protocol.dialect.frames import FrameKind, content_frames, frame
from sync_core.protocol.dialect.limits import MAX_FRAME_BYTES
from sync_core.protocol.dialect.messages import (
    Answer,
    Bundle,
    Check,
    ContentAsked,
    Contents,
    Delta,
    Error,
    FileRecord,
    FolderEdit,
    Folders,
    Inline,
    Listing,
    Look,
    Request,
    Root,
    Same,
    Unknown,
)
from sync_core.protocol.dialect.states import CLIENT_TABLE, ClientMove, ClientState
from tests.support.dialect_wire import drain, joined

D = bytes(32)
RECORDS = tuple(FileRecord(b"%d" % n, D, bytes(16), 3, 1, 0o644) for n in range(3))
DELTA = Delta(base=D, to=D, edits=(FolderEdit(b"", files=RECORDS),), inline=(Inline(0, 3), Inline(2, 3)))
PIECES = Contents(files=tuple(ContentAsked(b"a", D, offset, 3) for offset in (0, 3, 6)))
CHECK, FOLDERS, LOOK = Check(), Folders(folders=()), Look()
REQUEST_FOR: dict[type[Answer], Request] = {
    Same: CHECK,
    Delta: CHECK,
    Root: LOOK,
    Listing: FOLDERS,
    Bundle: PIECES,
}


def asking(*requests: Request) -> DialectClient:
    session = DialectClient()
    for request in requests:
        assert session.ask(request) == message_frame(request)
    return session


def told(session: DialectClient, *messages: Answer, contents: bytes = b"") -> list[DialectAnswer]:
    session.receive_data(b"".join(map(message_frame, messages)) + content_frames(contents))
    return drain(session)


def moved(session: DialectClient, move: ClientMove) -> DialectClient:
    match move:
        case ClientMove.ASK:
            session.ask(FOLDERS)
        case ClientMove.LISTING:
            told(session, Listing(parts=()))
        case ClientMove.ANNOUNCE:
            told(session, DELTA)
        case ClientMove.PART:
            told(session, contents=b"0")
        case ClientMove.END:
            session.ask(FOLDERS)
            finished(session)
        case ClientMove.LAST_END:
            finished(session)
        case ClientMove.HANG_UP:
            session.receive_eof()
            assert isinstance(session.next_event(), ConnectionClosed)
    return session


def finished(session: DialectClient) -> None:
    if session.state is ClientState.RECEIVING:
        events = told(session, contents=b"012012")
    elif session.state is ClientState.LISTING:
        events = told(session, Listing(parts=(), last=True))
    else:
        events = told(session, Error(code="x"))
    assert isinstance(events[-1], Finished)


WAYS: dict[ClientState, Callable[[], DialectClient]] = {
    ClientState.IDLE: DialectClient,
    ClientState.WAITING: lambda: asking(CHECK),
    ClientState.LISTING: lambda: moved(asking(FOLDERS), ClientMove.LISTING),
    ClientState.RECEIVING: lambda: moved(asking(CHECK), ClientMove.ANNOUNCE),
    ClientState.CLOSED: lambda: moved(DialectClient(), ClientMove.HANG_UP),
}
_PAIRS = [(state, move) for state in ClientState for move in ClientMove if move in CLIENT_TABLE[state]]


@pytest.mark.parametrize(("state", "move"), _PAIRS)
def test_moves_of_the_table_lead_where_it_says(state: ClientState, move: ClientMove) -> None:
    session = WAYS[state]()
    assert session.state is state
    if (state, move) == (ClientState.WAITING, ClientMove.LISTING):
        session = asking(FOLDERS)
    assert moved(session, move).state is CLIENT_TABLE[state][move]


def test_a_closed_session_asks_nothing() -> None:
    session = WAYS[ClientState.CLOSED]()
    assert not session.can_ask
    with pytest.raises(LocalProtocolError, match="can't do 'request'"):
        session.ask(CHECK)
    with pytest.raises(LocalProtocolError, match="takes no more bytes"):
        session.receive_data(b"x")


def test_few_requests_wait_for_their_answers() -> None:
    assert asking(CHECK, CHECK, CHECK).can_ask
    session = asking(CHECK, CHECK, CHECK, CHECK)
    assert not session.can_ask
    with pytest.raises(LocalProtocolError, match="4 answers are due"):
        session.ask(CHECK)
    told(session, Same())
    session.ask(CHECK)


def test_a_request_too_long_is_not_asked() -> None:
    session = DialectClient()
    with pytest.raises(LocalProtocolError):
        session.ask(Look(slave="x" * (MAX_FRAME_BYTES + 1)))
    assert session.state is ClientState.IDLE


def test_answers_belong_to_requests_in_their_order() -> None:
    session = asking(CHECK, FOLDERS, LOOK)
    root = Root(digest=D)
    assert told(session, Same(), Listing(parts=()), Listing(parts=(), last=True), root) == [
        Answered(request=CHECK, answer=Same()),
        Finished(request=CHECK),
        Answered(request=FOLDERS, answer=Listing(parts=())),
        Answered(request=FOLDERS, answer=Listing(parts=(), last=True)),
        Finished(request=FOLDERS),
        Answered(request=LOOK, answer=root),
        Finished(request=LOOK),
    ]
    assert session.state is ClientState.IDLE


def received(request: Request, index: int, offset: int, data: bytes) -> ContentReceived:
    return ContentReceived(request=request, index=index, offset=offset, data=data, is_last=True)


def test_contents_are_cut_into_files() -> None:
    session = asking(PIECES, CHECK)
    bundle = Bundle(sizes=(3, -1, 2))
    assert told(session, bundle, contents=b"abcde") == [
        Answered(request=PIECES, answer=bundle),
        received(PIECES, 0, 0, b"abc"),
        received(PIECES, 2, 6, b"de"),
        Finished(request=PIECES),
    ]
    assert told(session, DELTA, contents=b"abcdef") == [
        Answered(request=CHECK, answer=DELTA),
        received(CHECK, 0, 0, b"abc"),
        received(CHECK, 1, 0, b"def"),
        Finished(request=CHECK),
    ]


def test_empty_contents_are_contents() -> None:
    session = asking(PIECES)
    assert told(session, Bundle(sizes=(0, 1, 0)), contents=b"x")[1:] == [
        received(PIECES, 0, 0, b""),
        received(PIECES, 1, 3, b"x"),
        received(PIECES, 2, 6, b""),
        Finished(request=PIECES),
    ]
    session = asking(PIECES)
    assert told(session, Bundle(sizes=(-1, 0, -1)))[1:] == [received(PIECES, 1, 3, b""), Finished(request=PIECES)]
    session = asking(PIECES)
    assert told(session, Bundle(sizes=(-1, -1, -1)))[1:] == [Finished(request=PIECES)]


@given(st.lists(st.integers(0, 60), max_size=8), st.lists(st.integers(1, 3), max_size=4), st.booleans())
def test_any_cut_gives_the_same_events(places: list[int], lengths: list[int], small: bool) -> None:
    content = b"abcdefgh"
    edges = [0, *(sum(lengths[:n]) for n in range(1, len(lengths) + 1)), len(content)]
    frames = [content[a:b] for a, b in itertools.pairwise(edges) if a < b <= len(content)]
    whole = message_frame(Bundle(sizes=(3, 2, 3))) + content_frames(content) + message_frame(Same())
    if b"".join(frames) == content:
        data = message_frame(Bundle(sizes=(3, 2, 3))) + b"".join(map(content_frames, frames)) + message_frame(Same())
    else:
        data = whole
    cuts = [0, *sorted(place for place in places if place < len(data)), len(data)]
    session, events = asking(PIECES, CHECK), list[DialectAnswer]()
    for start, end in itertools.pairwise(cuts):
        session.receive_data(data[start:end])
        events += drain(session)
    plain = asking(PIECES, CHECK)
    plain.receive_data(whole)
    assert joined(events) == drain(plain)


@pytest.mark.parametrize("request_", [CHECK, FOLDERS, LOOK, PIECES])
@pytest.mark.parametrize(
    "answer", [Same(), DELTA, Root(digest=D), Listing(parts=(), last=True), Bundle(sizes=(-1, -1, -1))]
)
def test_only_answers_to_the_question_are_taken(request_: Request, answer: Answer) -> None:
    is_answer = REQUEST_FOR[type(answer)] is request_ or (request_ is CHECK and isinstance(answer, Root))
    session = asking(request_)
    if is_answer:
        assert told(session, answer)[0] == Answered(request=request_, answer=answer)
        return
    with pytest.raises(RemoteProtocolError, match="is no answer to"):
        told(session, answer)


@pytest.mark.parametrize("request_", [CHECK, FOLDERS, LOOK, PIECES])
@pytest.mark.parametrize("answer", [Error(code="x", text="y"), Unknown(what="check")])
def test_every_request_may_be_refused(request_: Request, answer: Answer) -> None:
    assert told(asking(request_), answer) == [Answered(request=request_, answer=answer), Finished(request=request_)]


NONSENSE: list[tuple[tuple[Request, ...], bytes]] = [
    ((), message_frame(Same())),
    ((), content_frames(b"x")),
    ((CHECK,), content_frames(b"x")),
    ((CHECK,), message_frame(Same()) * 2),
    ((FOLDERS,), message_frame(Listing(parts=())) + message_frame(Error(code="x"))),
    ((FOLDERS,), message_frame(Listing(parts=())) + content_frames(b"x")),
    ((PIECES,), message_frame(Bundle(sizes=(3, 3)))),
    ((PIECES,), message_frame(Bundle(sizes=(3, 3, 3, 3)))),
    ((PIECES,), message_frame(Bundle(sizes=(3, 4, 3)))),
    ((PIECES,), message_frame(Bundle(sizes=(3, 3, 3))) + content_frames(b"x" * 10)),
    ((PIECES,), message_frame(Bundle(sizes=(3, 3, 3))) + message_frame(Same())),
    ((CHECK,), frame(FrameKind.MESSAGE, b"\xc1")),
    ((CHECK,), b"<spooler><answer/></spooler>\0"),
]


@pytest.mark.parametrize(("requests", "data"), NONSENSE)
def test_nonsense_ends_it_all(requests: tuple[Request, ...], data: bytes) -> None:
    session = asking(*requests)
    session.receive_data(data)
    with pytest.raises(RemoteProtocolError):
        drain(session)
    assert session.state is ClientState.CLOSED
    assert isinstance(session.next_event(), ConnectionClosed)


@pytest.mark.parametrize(
    ("requests", "data", "is_answer_due"),
    [
        ((), b"", False),
        ((CHECK,), b"", True),
        ((CHECK,), message_frame(Same()), False),
        ((CHECK,), message_frame(Same())[:-1], True),
        ((PIECES,), message_frame(Bundle(sizes=(3, 3, 3))) + content_frames(b"12345678"), True),
    ],
)
def test_the_end_is_told(requests: tuple[Request, ...], data: bytes, is_answer_due: bool) -> None:
    session = asking(*requests)
    if data:
        session.receive_data(data)
    session.receive_eof()
    events = drain(session)
    assert events[-1] == ConnectionClosed(is_answer_due=is_answer_due) == session.next_event()


@given(st.lists(st.binary(min_size=1, max_size=30) | st.just(message_frame(Same())), max_size=8))
def test_any_bytes_are_events_or_a_protocol_error(blocks: list[bytes]) -> None:
    session = asking(CHECK, FOLDERS, PIECES, LOOK)
    try:
        for block in blocks:
            session.receive_data(block)
            drain(session)
    except RemoteProtocolError:
        assert session.state is ClientState.CLOSED
