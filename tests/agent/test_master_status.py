"""The status of a master on the disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sync_core.agent.master_status import MasterStatus, pause_s
from tests.support.net import run
from tests.support.peers import eventually


def test_what_changes_after_a_write_that_took_long_is_not_old_for_long() -> None:
    """Busy disks and a burst of fetches make a write slow; they are no reason to be silent many times as long."""

    async def story() -> None:
        written: list[Mapping[str, Any]] = []

        def write(values: Mapping[str, Any]) -> None:
            if not written:
                time.sleep(1.0)
            written.append(values)

        number = 0
        status = MasterStatus([], name_of=lambda _: None, facts=lambda _: {"number": number}, write=write)
        running = asyncio.create_task(status.run())
        try:
            await eventually(lambda: written, "the first")
            number = 1
            status.changed()
            await eventually(lambda: written[-1]["number"] == 1, "the second", timeout_s=15)
        finally:
            running.cancel()

    run(story())


def test_what_changes_while_it_is_written_is_written_next() -> None:
    async def story() -> None:
        written: list[int] = []
        status: MasterStatus
        number = 0

        def facts(_: Sequence[str]) -> dict[str, Any]:
            nonlocal number
            taken = number
            if number == 0:
                number = 1
                status.changed()
            return {"number": taken}

        status = MasterStatus(
            [], name_of=lambda _: None, facts=facts, write=lambda values: written.append(values["number"])
        )
        running = asyncio.create_task(status.run())
        try:
            await eventually(lambda: written == [0, 1], "both")
        finally:
            running.cancel()

    run(story())


@pytest.mark.parametrize(("cpu_s", "expected_s"), [(0.0, 0.2), (0.004, 0.2), (0.05, 2.5), (0.1, 5.0), (60.0, 5.0)])
def test_the_pause_follows_the_cost_and_has_an_end(cpu_s: float, expected_s: float) -> None:
    assert pause_s(cpu_s) == pytest.approx(expected_s)
