from __future__ import annotations

import pytest

from sync_core.protocol.dialect.preface import OPENING, agrees
from sync_core.protocol.messages import Answer, ErrorAnswer, OkAnswer, OpenDialect
from sync_core.protocol.requests import encode_request
from tests.support.wire import encode_answer


def test_it_is_the_request_of_the_classic_dialect() -> None:
    assert encode_request(OpenDialect()) == OPENING


@pytest.mark.parametrize(
    ("answer", "is_agreed"),
    [
        (OkAnswer(jsync=2), True),
        (OkAnswer(jsync=3), True),
        (OkAnswer(jsync=1), False),
        (OkAnswer(), False),
        (ErrorAnswer(code="SCHEDULER-105", text='<ok jsync="2"/>'), False),
    ],
)
def test_only_one_answer_agrees(answer: Answer, is_agreed: bool) -> None:
    encoded = encode_answer(answer, time="2026-11-24 03:16:21.992")
    assert agrees(encoded) is is_agreed
    assert not agrees(encoded[:-1])
    assert not agrees(encoded + b"x")
