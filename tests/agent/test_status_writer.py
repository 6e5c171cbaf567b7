from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from sync_core.agent.status_writer import StatusWriter
from tests.support.net import eventually, run


def test_the_first_is_written_at_once_and_of_those_that_come_meanwhile_the_newest() -> None:
    written: list[int] = []
    gate = threading.Event()

    def write(values: Mapping[str, Any]) -> None:
        written.append(values["n"])
        gate.wait(20)

    async def go() -> None:
        writer = StatusWriter(write, pause_s=1000)
        writer.put({"n": 0})
        await eventually(lambda: written == [0])
        for n in range(1, 5):
            writer.put({"n": n})
        gate.set()
        await writer.close()
        assert written == [0, 4]

    run(go())


def test_what_is_changed_after_it_was_put_is_not_written() -> None:
    written: list[Mapping[str, Any]] = []

    async def go() -> None:
        writer = StatusWriter(written.append, pause_s=1000)
        values = {"n": 1}
        writer.put(values)
        values["n"] = 2
        await writer.close()
        assert written == [{"n": 1}]

    run(go())


def test_to_close_one_that_was_never_used_is_harmless() -> None:
    run(StatusWriter(lambda _: None).close())
