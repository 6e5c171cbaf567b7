from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator

import pytest

from sync_core.fleet.foreground.lifeline import BEAT, BEAT_S, SILENCE_S, until_alone


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    for handle in (read, write):
        with contextlib.suppress(OSError):
            os.close(handle)


def test_silence_ends_it(pipe: tuple[int, int]) -> None:
    asyncio.run(until_alone(pipe[0], silence_s=0.01))


def test_silence_after_a_beat_ends_it_too(pipe: tuple[int, int]) -> None:
    async def beaten_once() -> None:
        alone = asyncio.ensure_future(until_alone(pipe[0], silence_s=0.2))
        os.write(pipe[1], BEAT)
        async with asyncio.timeout(30.0):
            await alone

    asyncio.run(beaten_once())


def test_the_end_of_the_other_side_ends_it(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], BEAT)
    os.close(pipe[1])
    asyncio.run(until_alone(pipe[0], silence_s=3600))  # longer than a test may take: silence can't have ended it


def test_beats_keep_it_alive(pipe: tuple[int, int]) -> None:
    async def beaten() -> tuple[int, bool]:
        alone = asyncio.ensure_future(until_alone(pipe[0], silence_s=3.0))
        beats, until_s = 0, asyncio.get_running_loop().time() + 4.0
        while asyncio.get_running_loop().time() < until_s and not alone.done():
            beats += os.write(pipe[1], BEAT)
            await asyncio.wait({alone}, timeout=0.1)
        was_alive = not alone.done()
        os.close(pipe[1])
        await alone
        return beats, was_alive

    beats, was_alive = asyncio.run(beaten())
    assert was_alive
    assert beats > 10


def test_several_beats_may_be_lost() -> None:
    assert SILENCE_S > 4 * BEAT_S
