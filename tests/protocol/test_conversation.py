"""Both ends together, over a wire that cuts at random places."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.folder import Folder
from sync_core.protocol.messages import Answer, ErrorAnswer, FetchUpdatedFiles, OkAnswer, Register, Request
from sync_core.protocol.states import ClientState
from tests.protocol.strategies import answers, requests, trees
from tests.support.wire import PretendWire, Splitter, cut_at

REGISTER = Register(scheduler_id="s", tcp_port=5000)
pieces = st.lists(st.integers(0, 400), max_size=20).map(cut_at)


def encoded(wire: PretendWire, request: Request) -> bytes:
    match request:
        case Register():
            return wire.client.ask(request)
        case FetchUpdatedFiles():
            return wire.client.ask(request)
    return wire.client.ask(request)


@given(requests, answers, pieces)
def test_any_question_gets_its_answer(request: Request, answer: Answer, split: Splitter) -> None:
    heard: list[Request] = []

    def told(asked: Request) -> Answer:
        heard.append(asked)
        return OkAnswer() if is_fetch and len(heard) == 1 else answer

    is_fetch = isinstance(request, FetchUpdatedFiles)
    wire = PretendWire(told, split=split)
    if is_fetch:
        wire.exchange(wire.client.ask(REGISTER))
    received = wire.exchange(encoded(wire, request))
    assert heard[-1] == request
    if isinstance(answer, ErrorAnswer) and not answer.time:
        assert isinstance(received, ErrorAnswer)
        assert received.text == answer.text
    else:
        assert received == answer


@given(st.lists(trees(), max_size=4), pieces)
def test_a_connection_lives_for_many_fetches(lists: list[Folder], split: Splitter) -> None:
    wire = PretendWire(lambda _request: OkAnswer(), split=split)
    wire.exchange(wire.client.ask(REGISTER))
    for listed in lists:
        assert wire.exchange(wire.client.ask(FetchUpdatedFiles(listed=listed))) == OkAnswer()
    assert wire.client.state is ClientState.REGISTERED
