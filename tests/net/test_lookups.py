"""Names are looked up by few threads, and a name that hangs holds up nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from sync_core.net import lookups
from sync_core.net.lookups import Lookups, Rank
from tests.support.net import eventually, run


class NameService:
    """Answers at once, except for names with ``dead`` in them: these hang until the end of the test."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.running = self.most_running = 0
        self._gate = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, name: str) -> Sequence[str]:
        with self._lock:
            self.asked.append(name)
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        if "dead" in name:
            assert self._gate.wait(30)
        with self._lock:
            self.running -= 1
        if "nobody" in name:
            raise OSError("no such name")
        return [name]

    def let_go(self) -> None:
        self._gate.set()


@contextmanager
def a_service() -> Iterator[NameService]:
    service = NameService()
    try:
        yield service
    finally:
        service.let_go()


def begin(pool: Lookups, names: Sequence[str], rank: Rank = Rank.NEW) -> list[asyncio.Task[Sequence[str]]]:
    return [asyncio.ensure_future(pool.look_up(name, rank=rank)) for name in names]


async def stop(tasks: list[asyncio.Task[Sequence[str]]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def scenario(test: Callable[[NameService, Lookups], object]) -> None:
    with a_service() as service:
        run(test(service, Lookups(service)))  # type: ignore[arg-type]


def test_many_names_are_answered_by_few_threads() -> None:
    async def go(service: NameService, pool: Lookups) -> None:
        names = [f"host-{n}" for n in range(200)]
        assert await asyncio.gather(*begin(pool, names)) == [[name] for name in names]
        assert service.most_running <= 6
        with pytest.raises(OSError, match="no such name"):
            await pool.look_up("nobody")

    scenario(go)


def test_dead_names_leave_places_to_those_that_answered_before() -> None:
    async def go(service: NameService, pool: Lookups) -> None:
        dead = begin(pool, [f"dead-{n}" for n in range(100)])
        await eventually(lambda: service.running == 6)
        assert await pool.look_up("good", rank=Rank.ANSWERED) == ["good"]
        more = begin(pool, [f"dead too-{n}" for n in range(9)], Rank.ANSWERED)
        await eventually(lambda: service.running == 8)
        await stop(dead + more)
        assert service.most_running == 8

    scenario(go)


def test_there_are_never_more_than_all_places() -> None:
    async def go(service: NameService, pool: Lookups) -> None:
        dead = begin(pool, [f"dead-{n}" for n in range(8)], Rank.ANSWERED)
        await eventually(lambda: service.running == 8)
        new = begin(pool, ["new"])
        await asyncio.sleep(0)
        assert sum(pool._running.values()) == 8
        service.let_go()
        await asyncio.gather(*dead, *new)
        assert service.most_running == 8

    scenario(go)


def test_who_answered_in_time_is_not_given_up_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "LOOKUP_TIMEOUT_S", 0.05)

    async def go(_: NameService, pool: Lookups) -> None:
        assert await pool.look_up("good") == ["good"]
        with pytest.raises(TimeoutError):
            await pool.look_up("dead")  # by then the time of the first one is over too
        assert (sum(pool._running.values()), pool._stuck) == (0, 1)

    scenario(go)


def test_names_that_hung_leave_most_places_to_new_ones() -> None:
    async def go(service: NameService, pool: Lookups) -> None:
        dead = begin(pool, [f"dead-{n}" for n in range(100)], Rank.HUNG)
        await eventually(lambda: service.running == 2)
        assert await asyncio.gather(*begin(pool, ["new", "newer"])) == [["new"], ["newer"]]
        assert service.most_running <= 4
        await stop(dead)

    scenario(go)


def test_a_name_that_hangs_loses_its_place_in_time_and_its_thread_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookups, "LOOKUP_TIMEOUT_S", 0.05)

    async def go(service: NameService, pool: Lookups) -> None:
        dead = begin(pool, [f"dead-{n}" for n in range(12)])
        last = begin(pool, ["last"])
        assert await last[0] == ["last"]
        for task in dead:
            with pytest.raises(TimeoutError):
                await task
        assert service.running == 12
        service.let_go()
        await eventually(lambda: pool._stuck == 0)
        assert sum(pool._running.values()) == 0
        assert await pool.look_up("after") == ["after"]

    scenario(go)


def test_threads_that_hang_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "LOOKUP_TIMEOUT_S", 0.01)
    monkeypatch.setattr(lookups, "_MOST_STUCK", 3)

    async def go(service: NameService, pool: Lookups) -> None:
        dead = begin(pool, [f"dead-{n}" for n in range(100)])
        await eventually(lambda: sum(task.done() for task in dead) >= 9)
        waiting = begin(pool, ["good"])
        await asyncio.sleep(0)
        assert service.most_running <= 3 + 8
        service.let_go()
        assert await waiting[0] == ["good"]
        await asyncio.gather(*dead, return_exceptions=True)
        assert service.most_running <= 3 + 8

    scenario(go)


def test_who_gave_up_before_its_turn_is_not_asked_for() -> None:
    async def go(service: NameService, pool: Lookups) -> None:
        dead = begin(pool, [f"dead-{n}" for n in range(6)])
        waiting = begin(pool, ["never asked", "asked"])
        await eventually(lambda: service.running == 6)
        await stop(waiting[:1])
        service.let_go()
        assert await waiting[1] == ["asked"]
        assert "never asked" not in service.asked
        await asyncio.gather(*dead)

    scenario(go)


def test_an_answer_that_nobody_waits_for_any_more_is_dropped() -> None:
    async def go(service: NameService, pool: Lookups) -> None:
        dead = begin(pool, ["dead"])
        await eventually(lambda: service.running == 1)
        await stop(dead)
        service.let_go()
        await eventually(lambda: sum(pool._running.values()) == 0)

    scenario(go)


def test_an_answer_after_the_end_of_the_loop_is_no_trouble() -> None:
    with a_service() as service:

        async def go() -> None:
            begin(Lookups(service), ["dead"])
            await eventually(lambda: service.running == 1)

        run(go())
        service.let_go()
        (thread,) = [one for one in threading.enumerate() if one.name == "resolve 'dead'"] or [threading.Thread()]
        if thread.ident is not None:
            thread.join(20)
        assert not thread.is_alive()
