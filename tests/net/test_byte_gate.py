"""How many bytes are in memory at once, whoever wants them and whenever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.net.byte_gate import ByteGate, Permit
from tests.support.net import run


async def turns() -> None:
    """Let everybody go on who can."""
    for _ in range(5):
        await asyncio.sleep(0)


def growing(permit: Permit, to_bytes: int) -> asyncio.Task[None]:
    return asyncio.create_task(permit.grow(to_bytes))


def test_who_comes_first_goes_first() -> None:
    async def scenario() -> None:
        gate = ByteGate(10)
        permits = [gate.permit() for _ in range(4)]
        tasks = [growing(permit, size) for permit, size in zip(permits, (8, 6, 2, 4), strict=True)]
        await turns()
        assert [task.done() for task in tasks] == [True, False, False, False]  # 2 would fit, but 6 was there before
        assert (gate.in_flight_bytes, gate.is_crowded) == (8, True)
        permits[0].set(0)
        await turns()
        assert [task.done() for task in tasks] == [True, True, True, False]
        permits[1].set(4)
        await turns()
        assert all(task.done() for task in tasks)
        assert (gate.in_flight_bytes, gate.is_crowded) == (10, False)

    run(scenario())


def test_what_is_larger_than_the_gate_passes_alone() -> None:
    async def scenario() -> None:
        gate = ByteGate(10)
        small, large, next_one = gate.permit(), gate.permit(), gate.permit()
        await small.grow(1)
        passing, following = growing(large, 100), growing(next_one, 1)
        await turns()
        assert not passing.done()
        small.set(0)
        await turns()
        assert passing.done()
        assert not following.done()
        large.set(0)
        await following

    run(scenario())


def test_those_who_hold_something_never_wait_for_each_other() -> None:
    async def scenario() -> None:
        gate = ByteGate(10)
        one, other, third = gate.permit(), gate.permit(), gate.permit()
        for permit, size in ((one, 4), (other, 3), (third, 3)):
            await permit.grow(size)
        first, second = growing(one, 8), growing(other, 9)
        await turns()
        assert first.done()
        assert not second.done()
        await one.grow(20)  # who exceeds it already is not stopped half-way
        one.set(0)
        await second  # it exceeds the gate in its turn
        assert gate.in_flight_bytes == 12

    run(scenario())


def test_who_gives_up_lets_the_next_one_pass() -> None:
    async def scenario() -> None:
        gate = ByteGate(10)
        holder, impatient, patient = gate.permit(), gate.permit(), gate.permit()
        await holder.grow(8)
        leaving, staying = growing(impatient, 10), growing(patient, 2)
        await turns()
        leaving.cancel()
        await staying
        assert (gate.in_flight_bytes, impatient.size_bytes) == (10, 0)

    run(scenario())


def test_who_gives_up_in_the_very_moment_gives_it_back() -> None:
    async def scenario() -> None:
        gate = ByteGate(10)
        holder, impatient = gate.permit(), gate.permit()
        await holder.grow(10)
        leaving = growing(impatient, 10)
        await turns()
        holder.set(0)  # lets the other one in, who has not heard of it yet
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert gate.in_flight_bytes == 0

    run(scenario())


def test_all_may_give_up_at_once() -> None:
    async def hold(gate: ByteGate, to_bytes: int) -> None:
        permit = gate.permit()
        try:
            await permit.grow(to_bytes)
            await asyncio.Event().wait()
        finally:
            permit.set(0)

    async def scenario() -> None:
        gate = ByteGate(10)
        tasks = [asyncio.create_task(hold(gate, size)) for size in (5, 5, 7, 3, 20, 1)]
        await turns()
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, asyncio.CancelledError)
        assert (gate.in_flight_bytes, gate.is_crowded) == (0, False)

    run(scenario())


def test_what_is_there_already_is_counted_without_waiting() -> None:
    gate = ByteGate(10)
    permit = gate.permit()
    permit.set(100)
    assert gate.in_flight_bytes == 100
    permit.set(3)
    assert gate.in_flight_bytes == 3


def test_a_body_for_many_counts_once_until_the_last_has_it() -> None:
    async def scenario() -> None:
        gate, body = ByteGate(100), bytes(50)
        permits = [gate.permit() for _ in range(3)]
        for permit in permits:
            await permit.grow(20)  # as each of them asked for before it was built
            gate.share(body, permit)
            assert gate.in_flight_bytes == 50
        for left_bytes in (50, 50, 0):
            gate.unshare(body)
            assert gate.in_flight_bytes == left_bytes

    run(scenario())


@given(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=4).map(sorted), max_size=8))
def test_never_more_than_the_gate_and_one_and_nobody_is_forgotten(wishes: Sequence[Sequence[int]]) -> None:
    most: list[int] = []

    async def one(gate: ByteGate, sizes: Sequence[int]) -> None:
        permit = gate.permit()
        for size in sizes:
            await permit.grow(size)
            most.append(gate.in_flight_bytes)
            await asyncio.sleep(0)
        permit.set(0)

    async def scenario() -> None:
        gate = ByteGate(20)
        await asyncio.gather(*(one(gate, sizes) for sizes in wishes))
        assert (gate.in_flight_bytes, gate.is_crowded) == (0, False)

    run(scenario())
    assert max(most, default=0) <= 20 + 30
