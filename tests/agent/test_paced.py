from __future__ import annotations

import asyncio

from sync_core.agent.paced import Paced
from tests.support.net import eventually, run


def test_the_first_is_done_at_once_and_all_others_within_the_pause_are_one() -> None:
    async def scenario() -> None:
        done: list[float] = []
        paced = Paced(lambda: done.append(asyncio.get_running_loop().time()), pause_s=0.05)
        for _ in range(1000):
            paced()
        assert len(done) == 1
        await eventually(lambda: len(done) == 2)
        assert done[1] - done[0] >= 0.05
        paced()
        await eventually(lambda: len(done) == 3)
        assert done[2] - done[1] >= 0.05

    run(scenario())


def test_after_a_quiet_pause_the_next_is_done_at_once_again() -> None:
    async def scenario() -> None:
        done: list[int] = []
        paced = Paced(lambda: done.append(1), pause_s=0.01)
        paced()
        await asyncio.sleep(0.03)
        assert len(done) == 1
        paced()
        assert len(done) == 2

    run(scenario())
