from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sync_core.agent.shared_answers import Built, SharedAnswers
from tests.support.net import run


class Building:
    """What makes an answer, and how often it did."""

    def __init__(self, data: bytes = b"answer", *, is_lasting: bool = True) -> None:
        self.count = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._built = Built(data, is_lasting)

    async def __call__(self) -> Built:
        self.count += 1
        await self.gate.wait()
        return self._built


def failing(error: Exception) -> Callable[[], Coroutine[Any, Any, Built]]:
    async def fail() -> Built:
        raise error

    return fail


def test_what_many_ask_is_built_once() -> None:
    async def go() -> None:
        shared, building = SharedAnswers(), Building()
        building.gate.clear()
        asking = [asyncio.ensure_future(shared.get("key", building)) for _ in range(5)]
        await asyncio.sleep(0)
        building.gate.set()
        answers = await asyncio.gather(*asking)
        assert all(answer is answers[0] for answer in answers)
        assert await shared.get("key", building) is answers[0]
        assert building.count == 1
        await shared.get("another", building)
        assert building.count == 2

    run(go())


def test_what_will_not_last_is_everybodys_who_waits_and_is_not_kept() -> None:
    async def go() -> None:
        shared, building = SharedAnswers(), Building(is_lasting=False)
        assert await asyncio.gather(*(shared.get("key", building) for _ in range(2))) == [b"answer"] * 2
        assert building.count == 1
        await shared.get("key", building)
        assert building.count == 2

    run(go())


def test_an_error_is_everybodys_who_waits_and_is_not_kept() -> None:
    async def go() -> None:
        shared = SharedAnswers()
        fail = failing(ValueError("no"))
        outcomes = await asyncio.gather(*(shared.get("key", fail) for _ in range(2)), return_exceptions=True)
        assert [str(outcome) for outcome in outcomes] == ["no", "no"]
        with pytest.raises(ValueError, match="no"):
            await shared.get("key", fail)
        assert await shared.get("key", Building()) == b"answer"

    run(go())


def test_who_gives_up_waiting_takes_the_answer_from_nobody() -> None:
    async def go() -> None:
        shared, building = SharedAnswers(), Building()
        building.gate.clear()
        first, second = (asyncio.ensure_future(shared.get("key", building)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        building.gate.set()
        assert await second == b"answer"
        assert building.count == 1

    run(go())


def test_what_nobody_asked_for_longest_makes_room() -> None:
    async def go() -> None:
        shared = SharedAnswers(most_bytes=2 * 1029)
        building = {key: Building(key.encode() * 5) for key in "abc"}
        for key in "abac":  # b is the oldest when c comes
            await shared.get(key, building[key])
        assert [building[key].count for key in "abc"] == [1, 1, 1]
        for key in "acb":
            await shared.get(key, building[key])
        assert [building[key].count for key in "abc"] == [1, 2, 1]

    run(go())


def test_answers_of_few_bytes_do_not_pile_up() -> None:
    async def go() -> None:
        shared, building = SharedAnswers(most_bytes=1 << 20), Building(b"")
        for number in range(2000):
            await shared.get(number, building)
        await shared.get(0, building)
        assert building.count == 2001

    run(go())


def test_what_is_larger_than_all_room_is_given_and_not_kept() -> None:
    async def go() -> None:
        shared, large = SharedAnswers(most_bytes=3), Building(b"large")
        for _ in range(2):
            assert await shared.get("key", large) == b"large"
        assert large.count == 2

    run(go())
