from __future__ import annotations

import asyncio
import threading

import pytest

from sync_core.net.threads import in_thread
from tests.support.net import eventually, run


def test_results_and_errors_come_back() -> None:
    async def scenario() -> None:
        assert await in_thread(lambda: threading.current_thread().name, name="worker") == "worker"
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: 1 // 0, name="worker")

    run(scenario())


def test_what_nobody_waits_for_any_more_is_dropped() -> None:
    is_over, is_done = threading.Event(), threading.Event()

    def work() -> None:
        is_over.wait(20)
        is_done.set()

    async def scenario() -> None:
        task = asyncio.ensure_future(in_thread(work, name="worker"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        is_over.set()
        await asyncio.to_thread(is_done.wait, 20)

    run(scenario())


def test_a_loop_that_is_gone_is_no_trouble() -> None:
    is_over = threading.Event()
    workers: list[threading.Thread] = []

    def work() -> None:
        workers.append(threading.current_thread())
        is_over.wait(20)

    async def scenario() -> None:
        task = asyncio.ensure_future(in_thread(work, name="worker"))
        await eventually(lambda: bool(workers))
        task.cancel()

    run(scenario())
    is_over.set()
    workers[0].join(20)
    assert not workers[0].is_alive()
