"""The conversations of real peers, byte by byte: what they say is understood, and what we say is what they say."""

from __future__ import annotations

import re

import pytest

from sync_core.model.change import Changes, WriteFile
from sync_core.model.errors import RemoteProtocolError
from sync_core.model.path import name_bytes
from sync_core.protocol.answers import decode_answer, error_answer
from sync_core.protocol.client import AnswerReceived, ClientSession
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    ErrorAnswer,
    FetchUpdatedFiles,
    OkAnswer,
    OtherAnswer,
    Register,
    Request,
    ShowState,
    StateAnswer,
)
from sync_core.protocol.requests import decode_request, encode_request
from sync_core.protocol.server import HttpSeen, ServerEvent, ServerSession
from sync_core.protocol.states import ClientState, ServerState
from tests.support.captures import Message, Probe, ScriptedAnswers, conversation, probes, scripted_answers
from tests.support.wire import PretendWire, Splitter, byte_by_byte, drain, encode_answer, whole

RECORDINGS = [(name, message) for name in ("00-canonical", "04-lost-and-back") for message in conversation(name)]
REAL_REQUESTS = [message.data for _, message in RECORDINGS if message.is_request]
REAL_ANSWERS = [message.data for _, message in RECORDINGS if not message.is_request]
EXAMPLES = conversation("13-examples")
REGISTER = Register(scheduler_id="workload2", tcp_port=5001)

_TIME = re.compile(rb'<answer time="([^"]*)"')


def answer_time(document: bytes) -> str:
    found = _TIME.search(document)
    assert found is not None
    return found[1].decode()


@pytest.mark.parametrize("document", REAL_REQUESTS)
def test_real_requests_are_what_we_would_send(document: bytes) -> None:
    request = decode_request(document)
    written = encode_request(request)
    assert decode_request(written) == request
    if isinstance(request, ShowState):
        return  # typed by hand, without a prolog
    if isinstance(request, FetchUpdatedFiles):
        # A real slave lists as its file system does, we sort: the same elements, so the same number of bytes.
        assert sorted(re.findall(rb"<[^>]*>", written)) == sorted(re.findall(rb"<[^>]*>", document))
    else:
        assert written == document


@pytest.mark.parametrize("document", REAL_ANSWERS)
def test_real_answers_are_what_we_would_send(document: bytes) -> None:
    answer = decode_answer(document)
    written = encode_answer(answer, time=answer_time(document))
    if isinstance(answer, StateAnswer):
        # We leave the jobs and their like out; the rest is the same.
        pattern = rb"<state [^>]*>|<remote_schedulers.*</remote_schedulers>|<remote_schedulers[^>]*/>"
        assert re.findall(pattern, written) == re.findall(pattern, document)
    else:
        assert written == document


def test_a_real_state_shows_its_slaves() -> None:
    (state,) = [a for a in map(decode_answer, REAL_ANSWERS) if isinstance(a, StateAnswer) and a.remote_schedulers]
    assert state.attributes["state"] == "running"
    (slave,) = state.remote_schedulers
    assert slave.attributes["configuration_directory"] == "127.0.0.1#5000"
    assert slave.attributes["configuration_transfered_at"] == "2026-11-24T03:16:46.000Z"


@pytest.mark.parametrize("message", EXAMPLES)
def test_peers_from_1_6_on_are_understood(message: Message) -> None:
    if message.is_request:
        request = decode_request(message.data)
        # The same but for the newline that 1.3 puts behind the prolog, and for the order of the list.
        assert len(encode_request(request)) == len(message.data) + 1
        return
    answer = decode_answer(message.data)
    assert not isinstance(answer, OtherAnswer)
    written = encode_answer(answer, time=answer_time(message.data))
    assert decode_answer(written) == answer


def test_the_example_copies_a_tree() -> None:
    (full, change) = [
        answer.changes
        for answer in (decode_answer(m.data) for m in EXAMPLES if not m.is_request)
        if isinstance(answer, ChangesAnswer) and any(isinstance(c, WriteFile) for c in answer.changes)
    ]
    assert [c.path for c in full] == ["common.job_chain.xml", "empty.txt", "stresstest", "stresstest/a.job.xml"]
    assert [c.path for c in change] == ["empty.txt", "stresstest", "stresstest/a.job.xml"]
    assert sizes(full) == [13, 0, 111]
    assert sizes(change) == [117]


def sizes(changes: Changes) -> list[int]:
    return [len(change.content) for change in changes if isinstance(change, WriteFile)]


class Supervisor:
    """Answers as the real one did when capture 02 was taken: by the recording, where the answer is a tree."""

    def __init__(self, probe: Probe) -> None:
        self._trees = iter(answer for answer in probe.answers if b"<configuration.directory>" in answer)
        self._is_registered = False
        self._tree: Answer = ChangesAnswer()

    def __call__(self, request: Request) -> Answer:
        if isinstance(request, FetchUpdatedFiles):
            return self._fetched() if self._is_registered else error_answer("SCHEDULER-457", 1)
        self._is_registered |= isinstance(request, Register)
        return OkAnswer()

    def _fetched(self) -> Answer:
        tree = next(self._trees)
        if tree.endswith(b"\0"):  # else the recorder cut the answer off, and it is the same as the one before
            self._tree = decode_answer(tree)
        return self._tree


def without_what_may_differ(document: bytes) -> bytes:
    """Leave out the times and the wording of refusals; codes stay."""
    plain = re.sub(rb'time="[^"]*"', b"", document, count=2)
    is_worded = re.search(rb'code="(LIBXML2-007|XML-ERROR)"', plain)
    return re.sub(rb'text="[^"]*"', b"", plain) if is_worded else plain


def is_same(ours: bytes, recorded: bytes) -> bool:
    expected = without_what_may_differ(recorded)
    shown = without_what_may_differ(ours)
    return shown == expected if recorded.endswith(b"\0") else shown.startswith(expected)


@pytest.mark.parametrize("probe", probes(), ids=lambda probe: probe.title)
def test_odd_requests_get_the_answers_of_the_real_supervisor(probe: Probe) -> None:
    session, supervisor = ServerSession(max_request_bytes=10_000), Supervisor(probe)
    answers, events = list[bytes](), list[ServerEvent]()
    for packet in probe.packets:
        session.receive_data(packet)
        served = drain(session, supervisor)
        answers += served.answers
        events += served.events
    if probe.title == "HTTP":
        assert events == [HttpSeen(data=probe.packets[0])]
        return  # the answer is the business of whoever speaks HTTP
    if not probe.is_open:
        session.receive_eof()
        drain(session, supervisor)
    assert len(answers) == len(probe.answers)
    for ours, recorded in zip(answers, probe.answers, strict=True):
        assert is_same(ours, recorded)
    assert (session.state is ServerState.CLOSED) is not probe.is_open


# Where we differ from the real slave, on purpose: it loses a connection to a late NUL, waits for ever for the end of
# what is malformed, and takes what it can't remove for the end of the world; the latter is the tree's affair here.
BETTER = {
    "NUL arrives 0.5 s after the document",
    "malformed answer on registration",
    "removed file that is not there",
    "removed dir that is not there",
}


@pytest.mark.parametrize("case", scripted_answers(), ids=lambda case: case.title)
@pytest.mark.parametrize("split", [whole, byte_by_byte])
def test_answers_are_taken_as_the_real_slave_takes_them(case: ScriptedAnswers, split: Splitter) -> None:
    session, answers, goes_on = ClientSession(), list[Answer](), True
    for pieces in case.answers:
        if session.state is ClientState.CONNECTED:
            session.ask(REGISTER)
        else:
            session.ask(FetchUpdatedFiles())
        for piece in pieces:
            for block in split(piece):
                session.receive_data(block)
                try:
                    event = session.next_event()
                except RemoteProtocolError:
                    goes_on = False
                    break
                if isinstance(event, AnswerReceived):
                    answers.append(event.answer)
    if case.title in BETTER:
        assert goes_on is (case.title != "malformed answer on registration")
        return
    assert goes_on is (case.goes_on or isinstance(answers[-1], ErrorAnswer))
    if case.cached is not None:
        (change,) = answers[-1].changes if isinstance(answers[-1], ChangesAnswer) else ()
        assert isinstance(change, WriteFile)
        assert change.content == case.cached
        assert name_bytes(change.path) in {b"f.lock.xml", b"a b\xe4.lock.xml"}


def conversations() -> list[list[tuple[Request, Answer]]]:
    """Return the recorded connections of real slaves: each request with the answer that it got."""
    messages = iter(message for _, message in RECORDINGS)
    found: list[list[tuple[Request, Answer]]] = []
    for asked, told in zip(messages, messages, strict=True):
        request = decode_request(asked.data)
        if isinstance(request, Register):
            found.append([])
        if not isinstance(request, ShowState):
            found[-1].append((request, decode_answer(told.data)))
    return found


@pytest.mark.parametrize("pairs", conversations())
@pytest.mark.parametrize("split", [whole, byte_by_byte])
def test_recorded_conversations_run_between_our_ends(pairs: list[tuple[Request, Answer]], split: Splitter) -> None:
    asked: list[Request] = []
    answers = iter([answer for _, answer in pairs])

    def answer(request: Request) -> Answer:
        asked.append(request)
        return next(answers)

    wire = PretendWire(answer, split=split)
    for request, told in pairs:
        match request:
            case Register():
                assert wire.exchange(wire.client.ask(request)) == told
            case FetchUpdatedFiles():
                assert wire.exchange(wire.client.ask(request)) == told
    assert asked == [request for request, _ in pairs]
