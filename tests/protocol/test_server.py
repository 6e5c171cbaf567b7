from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.change import MakeDirectory
from sync_core.model.errors import LocalProtocolError, UnsafeNameError
from sync_core.model.path import RelPath
from sync_core.protocol.answers import refusal_answer
from sync_core.protocol.dialect.preface import PREFACE
from sync_core.protocol.messages import Answer, ChangesAnswer, ErrorAnswer, OkAnswer, Request
from sync_core.protocol.server import (
    NEED_DATA,
    Closed,
    DialectSeen,
    EmptyLine,
    HttpSeen,
    RequestReceived,
    ServerEvent,
    ServerSession,
    TooLong,
    raw_text,
)
from sync_core.protocol.states import SERVER_TABLE, ServerMove, ServerState
from tests.support.wire import TIME, byte_by_byte, cut_at, drain

CHECK = b"<check_folders/>"
CHECKED = RequestReceived(document=CHECK)
OK = OkAnswer()


def ok(_request: Request) -> OkAnswer:
    return OK


def session(*packets: bytes, max_request_bytes: int = 1000) -> ServerSession:
    made = ServerSession(max_request_bytes=max_request_bytes)
    for packet in packets:
        made.receive_data(packet)
    return made


def sent(made: ServerSession, answer: Answer) -> bytes:
    return b"".join(made.send_answer(answer, time=TIME))


def events(packets: Iterable[bytes]) -> list[ServerEvent]:
    made, found = session(), list[ServerEvent]()
    for packet in packets:
        made.receive_data(packet)
        found += drain(made, ok).events
    return found


def test_a_request_and_its_answer() -> None:
    made = session()
    assert (made.next_event(), made.state) == (NEED_DATA, ServerState.FRESH)
    made.receive_data(CHECK)
    assert made.next_event() == CHECKED
    assert (made.next_event(), made.state) == (NEED_DATA, ServerState.ANSWERING)
    assert sent(made, OK).endswith(b"<ok/></answer></spooler>\n\0")
    assert (made.next_event(), made.state) == (NEED_DATA, ServerState.IDLE)


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        ([CHECK, CHECK], [CHECKED, CHECKED]),
        ([b"<check_", b"folders/>"], [CHECKED]),
        ([b" ", CHECK], [CHECKED]),
        ([b"  <?xml version='1.0'?>\n", CHECK], [RequestReceived(document=b"<?xml version='1.0'?>\n" + CHECK)]),
        ([b"\0", CHECK, b"\0"], [CHECKED]),
        ([CHECK, b"\n"], [CHECKED, EmptyLine()]),
        ([b"\n"], [EmptyLine()]),
        ([b"\r\n", CHECK], [EmptyLine(), CHECKED]),
        ([b"\r", b"\n", CHECK], [EmptyLine(), CHECKED]),
        ([b"  \n"], [EmptyLine()]),
        ([b"check_folders\n"], [RequestReceived(document=b"check_folders\n")]),
        ([b"check_folders"], []),
        ([b"\x04"], [Closed()]),
        ([CHECK, b"\x04"], [CHECKED, Closed()]),
        ([b"<check", b"\x04", b"_folders/>"], [RequestReceived(document=b"<check\x04_folders/>")]),
        ([b"<", b"S/>"], [RequestReceived(document=b"<S/>")]),
        ([b"<a></b>"], [RequestReceived(document=b"<a></b>")]),
    ],
)
def test_packets_become_events(packets: list[bytes], expected: list[ServerEvent]) -> None:
    assert events(packets) == expected


@given(st.lists(st.integers(0, 200)))
def test_pieces_make_no_difference(places: list[int]) -> None:
    document = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<show_state what="jobs">\n</show_state>'
    assert events(cut_at(places)(document)) == events([document])


@pytest.mark.parametrize("first", [b"GET / HTTP/1.0\r\n\r\n", b"G", b"Z<s/>"])
def test_an_upper_case_letter_means_http(first: bytes) -> None:
    made = session(first, b"rest")
    assert made.next_event() == HttpSeen(data=first + b"rest")
    assert (made.next_event(), made.state) == (NEED_DATA, ServerState.HTTP)
    with pytest.raises(LocalProtocolError, match="takes no more bytes"):
        made.receive_data(b"x")
    made.receive_eof()
    assert (made.next_event(), made.state) == (Closed(), ServerState.CLOSED)


@pytest.mark.parametrize("before", [b"\n", b" ", b"\0", CHECK])
def test_only_the_very_first_byte_can_mean_http(before: bytes) -> None:
    made = session()
    made.receive_data(before)
    drain(made, ok)
    made.receive_data(b"GET\n")
    assert made.next_event() == RequestReceived(document=b"GET\n")


@pytest.mark.parametrize("packet", [b"<check_folders/>\r\n", b"\r\n", b"check_folders\r\n"])
def test_cr_lf_makes_all_answers_pretty(packet: bytes) -> None:
    made = session(packet)
    drain(made, ok)
    assert made.is_pretty
    made.receive_data(CHECK)
    (answer,) = drain(made, ok).answers
    assert b"\r\n    <ok/>\r\n" in answer


@pytest.mark.parametrize("packet", [CHECK, CHECK + b"\n", b"<check_folders\r/>"])
def test_other_line_ends_do_not(packet: bytes) -> None:
    made = session(packet)
    (answer,) = drain(made, ok).answers
    assert not made.is_pretty
    assert b"\r" not in answer


def test_what_comes_while_an_answer_is_due_waits() -> None:
    made = session(CHECK)
    assert made.next_event() == CHECKED
    made.receive_data(b"<show_")
    made.receive_data(b"state/>")
    assert made.next_event() is NEED_DATA
    made.send_answer(OK, time=TIME)
    assert made.next_event() == RequestReceived(document=b"<show_state/>")


def test_the_end_of_the_stream_comes_after_what_was_sent_before() -> None:
    made = session(CHECK)
    made.receive_eof()
    assert made.next_event() == CHECKED
    assert made.next_event() is NEED_DATA
    made.send_answer(OK, time=TIME)
    assert [made.next_event(), made.next_event()] == [Closed(), Closed()]
    with pytest.raises(LocalProtocolError, match="takes no more bytes"):
        made.receive_data(CHECK)


def test_half_a_request_gets_no_answer() -> None:
    made = session(b'<show_state what="bad"')
    made.receive_eof()
    assert (made.next_event(), made.state) == (Closed(), ServerState.CLOSED)


def test_malformed_requests_are_answered_and_the_connection_lives() -> None:
    made = session(b"<a></b>")
    (answer,) = drain(made, ok).answers
    assert b'<ERROR time="2026-11-24 03:16:21" code="XML-ERROR" text="XML-ERROR   [' in answer
    made.receive_data(CHECK)
    assert made.next_event() == CHECKED


def test_an_error_keeps_its_own_time() -> None:
    made = session(CHECK)
    made.next_event()
    answer = sent(made, ErrorAnswer(code="X-1", text="X-1  no", time="then"))
    assert b'<ERROR time="then" code="X-1"' in answer


@pytest.mark.parametrize(
    "packets",
    [
        [b"<a>" + b"x" * 20],
        [b"<a>" + b"x" * 10, b"x" * 10],
        [b"x" * 10, b"x" * 10],
        list(byte_by_byte(b"<a>" + b"x" * 20)),
    ],
)
def test_too_long_a_request_is_answered_and_ends_it_all(packets: list[bytes]) -> None:
    made = ServerSession(max_request_bytes=16)
    found: list[ServerEvent] = []
    for packet in packets:
        if found:
            break
        made.receive_data(packet)
        found += drain(made, ok).events
    event, closed = found
    assert isinstance(event, TooLong)
    assert event.error.answer_code == "XML-ERROR"
    assert "the request is longer than 16 bytes" in str(event.error)
    assert closed == Closed()


def test_a_request_of_just_the_limit_is_taken() -> None:
    assert ServerSession(max_request_bytes=len(CHECK)).max_request_bytes == 16
    assert session(CHECK, max_request_bytes=16).next_event() == CHECKED


def test_the_limit_may_grow() -> None:
    made = session(CHECK, max_request_bytes=16)
    drain(made, ok)
    made.max_request_bytes = 17
    made.receive_data(CHECK + b"\n")
    assert made.next_event() == RequestReceived(document=CHECK + b"\n")


def test_a_flood_while_an_answer_is_due_ends_it_all() -> None:
    made = session(CHECK, max_request_bytes=16)
    assert made.next_event() == CHECKED
    made.receive_data(b"x" * 10)
    made.receive_data(b"x" * 10)
    assert made.next_event() is NEED_DATA
    made.send_answer(OK, time=TIME)
    event = made.next_event()
    assert isinstance(event, TooLong)
    assert made.state is ServerState.LAST_ANSWER
    assert b'code="XML-ERROR"' in sent(made, refusal_answer(event.error))
    assert made.next_event() == Closed()


def test_an_answer_to_a_flood_is_waited_for() -> None:
    made = session(b"<" * 17, max_request_bytes=16)
    assert isinstance(made.next_event(), TooLong)
    assert made.next_event() is NEED_DATA
    made.send_answer(OK, time=TIME)
    assert made.next_event() == Closed()


def test_no_bytes_are_no_packet() -> None:
    made = session(b"")
    assert (made.next_event(), made.state) == (NEED_DATA, ServerState.FRESH)


def test_an_answer_that_cannot_travel_is_still_due() -> None:
    made = session(CHECK)
    made.next_event()
    with pytest.raises(UnsafeNameError):
        made.send_answer(ChangesAnswer(changes=(MakeDirectory(path=RelPath("a\x01b")),)), time=TIME)
    assert made.state is ServerState.ANSWERING
    made.send_answer(OK, time=TIME)


@pytest.mark.parametrize(
    ("document", "raw"),
    [
        (b'<?xml version="1.0"?>\n<s x="1"/>\r\n\0', '<s x="1"/>'),
        ("<sü/>".encode(), "<sü/>"),
        (b"<s \xe4/>", "<s \udce4/>"),
        (b"<s>" + b"x" * 5000 + b"</s>", "<s>" + "x" * 2045),
    ],
)
def test_the_log_gets_the_beginning_of_a_request(document: bytes, raw: str) -> None:
    assert raw_text(document) == raw


# For every state, packets that lead there from the start.
WAYS: dict[ServerState, list[bytes]] = {
    ServerState.FRESH: [],
    ServerState.IDLE: [b" "],
    ServerState.RECEIVING: [b"<a"],
    ServerState.ANSWERING: [CHECK],
    ServerState.LAST_ANSWER: [b"<" * 1001],
    ServerState.HTTP: [b"GET"],
    ServerState.DIALECT: [CHECK, PREFACE],
    ServerState.CLOSED: [b"\x04"],
}


@pytest.mark.parametrize("state", ServerState)
def test_answers_are_sent_when_they_are_due_and_only_then(state: ServerState) -> None:
    made = session()
    for packet in WAYS[state]:
        made.receive_data(packet)
        if made.next_event() == CHECKED and packet is not WAYS[state][-1]:
            made.send_answer(OkAnswer(jsync=2), time=TIME)
    made.next_event()
    assert made.state is state
    following = SERVER_TABLE[state].get(ServerMove.ANSWER)
    if following is not None:
        made.send_answer(OK, time=TIME)
        assert made.state is following
        return
    with pytest.raises(LocalProtocolError, match="can't do 'answer sent'"):
        made.send_answer(OK, time=TIME)
    assert made.state is state


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=8), st.booleans())
def test_any_bytes_are_events(packets: list[bytes], is_eof: bool) -> None:
    made = ServerSession(max_request_bytes=60)
    for packet in packets:
        try:
            made.receive_data(packet)
        except LocalProtocolError:
            assert made.state in {ServerState.HTTP, ServerState.CLOSED}
            break
        drain(made, ok)
    if is_eof:
        made.receive_eof()
        drain(made, ok)
        assert made.state is ServerState.CLOSED


def knowing_dialect() -> ServerSession:
    """Return a session in which we have said that we know our own dialect."""
    made = session(CHECK)
    made.next_event()
    made.send_answer(OkAnswer(jsync=2), time=TIME)
    return made


@pytest.mark.parametrize("packets", [[PREFACE + b"data"], [PREFACE, b"data"], list(byte_by_byte(PREFACE + b"data"))])
@pytest.mark.parametrize("before", [b"", b" ", b"\0"])
def test_the_preface_begins_our_own_dialect(packets: list[bytes], before: bytes) -> None:
    made = knowing_dialect()
    made.receive_data(before)
    data, event = b"", made.next_event()
    for packet in packets:
        if made.state is ServerState.DIALECT:
            data += packet
            continue
        made.receive_data(packet)
        event = made.next_event()
    assert isinstance(event, DialectSeen)
    assert event.data + data == b"data"
    with pytest.raises(LocalProtocolError, match="takes no more bytes"):
        made.receive_data(b"x")
    made.receive_eof()
    assert made.next_event() == Closed()


def test_the_preface_may_wait_for_the_answer() -> None:
    made = session(CHECK)
    assert made.next_event() == CHECKED
    made.receive_data(PREFACE)
    made.receive_data(b"data")
    assert made.next_event() is NEED_DATA
    made.send_answer(OkAnswer(jsync=2), time=TIME)
    assert made.next_event() == DialectSeen(data=b"data")


def test_tls_where_it_is_not_spoken_is_refused_at_once() -> None:
    made = session()
    made.receive_data(b'\x16\x03\x01\x02\x00\x01<"')
    refused = made.next_event()
    assert isinstance(refused, TooLong)
    assert "TLS is not spoken here" in str(refused.error)


@pytest.mark.parametrize("answer", [OkAnswer(), OkAnswer(jsync=1), None])
def test_without_that_answer_the_preface_is_nonsense(answer: Answer | None) -> None:
    made = session()
    if answer is not None:
        made.receive_data(CHECK)
        made.next_event()
        made.send_answer(answer, time=TIME)
    made.receive_data(PREFACE)
    assert made.next_event() == RequestReceived(document=PREFACE)


@pytest.mark.parametrize("packet", [b"\x16jsync/3\n", b"\x16\n", PREFACE[1:]])
def test_what_only_looks_like_the_preface_is_a_request(packet: bytes) -> None:
    made = knowing_dialect()
    made.receive_data(packet)
    assert made.next_event() == RequestReceived(document=packet)


def test_a_classic_conversation_may_go_on_too() -> None:
    made = knowing_dialect()
    made.receive_data(CHECK)
    assert made.next_event() == CHECKED


def test_half_a_preface_is_nothing() -> None:
    made = knowing_dialect()
    made.receive_data(PREFACE[:3])
    assert made.next_event() is NEED_DATA
    made.receive_eof()
    assert made.next_event() == Closed()
