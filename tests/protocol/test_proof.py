"""Wake-ups that prove who sends them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.protocol.proof import KEY_BYTES, PROVEN, WakeUpProof, proven_wake_up
from sync_core.protocol.requests import MAX_DATAGRAM_BYTES, is_wake_up

KEY = bytes(range(KEY_BYTES))
KEYS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


def a_proof(key: bytes = KEY) -> WakeUpProof:
    proof = WakeUpProof()
    proof.begin(key)
    return proof


def test_a_datagram_is_what_the_page_says() -> None:
    assert proven_wake_up(KEY, 1) == (b'<check_folders jsync="000000000000000180c4b6c44573052a0b0d07e76b9036a3"/>')


@given(KEYS, st.lists(st.integers(0, 2**64 - 1), unique=True, min_size=1, max_size=5))
def test_what_comes_in_order_is_accepted_once(key: bytes, numbers: list[int]) -> None:
    proof = a_proof(key)
    for number in sorted(numbers):
        datagram = proven_wake_up(key, number)
        assert len(datagram) <= MAX_DATAGRAM_BYTES
        assert proof.accepts(datagram)
        assert not proof.accepts(datagram)


def test_what_came_before_is_accepted_no_more() -> None:
    proof = a_proof()
    assert proof.accepts(proven_wake_up(KEY, 5))
    assert not proof.accepts(proven_wake_up(KEY, 4))
    assert proof.accepts(proven_wake_up(KEY, 6))


@given(
    st.binary(max_size=80)
    | st.integers(0, 200).map(lambda at: proven_wake_up(KEY, 9)[:at] + b"0" + proven_wake_up(KEY, 9)[at + 1 :])
)
def test_nothing_else_is_accepted(datagram: bytes) -> None:
    assert a_proof().accepts(datagram) is (datagram == proven_wake_up(KEY, 9))


def test_another_key_proves_nothing() -> None:
    proof = a_proof()
    assert not proof.accepts(proven_wake_up(KEY[::-1], 1))
    proof.begin(KEY[::-1])
    assert not proof.accepts(proven_wake_up(KEY, 1))
    assert proof.accepts(proven_wake_up(KEY[::-1], 1))


def test_before_a_key_was_said_nothing_is_proven() -> None:
    assert not WakeUpProof().accepts(proven_wake_up(KEY, 1))


@pytest.mark.parametrize("number", [0, 2**64 - 1])
def test_a_peer_that_does_not_know_it_takes_it_for_no_wake_up(number: int) -> None:
    datagram = proven_wake_up(KEY, number)
    assert datagram.startswith(PROVEN)
    assert not is_wake_up(datagram)
