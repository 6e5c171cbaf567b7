from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from sync_core.agent.reload import Reloads
from sync_core.agent.run_record import RunRecord
from sync_core.agent.settings import settings_md5
from sync_core.model.errors import InventoryError, Problem, StateError
from sync_core.model.inventory import Host, Inventory
from tests.support.agents import Pair, a_pair, in_background
from tests.support.net import Lines, an_inventory, eventually, run


class Reloading:
    """An agent that only notes what it takes over, and everything that it is told and tells."""

    def __init__(self, pair: Pair) -> None:
        self.inventory: Inventory | Exception = pair.inventory
        self.taken: list[tuple[Inventory, Host]] = []
        self.records: list[RunRecord] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.write_error: StateError | None = None
        record = pair.write_record(pair.slave, settings_md5="old")
        self.reloads = Reloads(self, pair.slave, record, read=self._read, write=self._write)

    def _read(self) -> Inventory:
        if isinstance(self.inventory, Exception):
            raise self.inventory
        return self.inventory

    def _write(self, record: RunRecord) -> None:
        self.records.append(record)
        if self.write_error is not None:
            raise self.write_error

    async def take(self, inventory: Inventory, host: Host) -> None:
        self.taken.append((inventory, host))
        self.meanwhile()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with in_background(self.reloads.run()):
            yield

    async def after(self, reloads: int) -> RunRecord:
        """Reload, and return what the record says then."""
        self.reloads.want()
        await eventually(lambda: len(self.records) == reloads)
        return self.records[-1]


def test_what_is_taken_over_stands_in_the_record(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)

    async def go() -> None:
        agent = Reloading(pair)
        async with agent.running():
            slave = replace(pair.slave, interval_s=5.0)
            agent.inventory = an_inventory(pair.master, slave)
            record = await agent.after(1)
            assert agent.taken == [(agent.inventory, slave)]
            assert record.settings_md5 == settings_md5(agent.inventory, slave)
            assert (record.reloads, record.reload_error) == (1, None)
            assert record.reloaded_at is not None

            agent.inventory = InventoryError(
                tuple(Problem(file="i", line=n, column=1, message=f"wrong {n}") for n in (1, 2))
            )
            refused = await agent.after(2)
            assert refused.reload_error == "i:1:1: wrong 1\ni:2:1: wrong 2"
            assert replace(refused, reload_error=None, reloads=1) == record
            assert len(agent.taken) == 1

            agent.inventory = an_inventory(pair.master, slave)
            assert (await agent.after(3)).reload_error is None

    with Lines.of("sync_core.agent.reload") as lines:
        run(go())
    assert lines.messages("ERROR") == ["not reloaded: i:1:1: wrong 1", "not reloaded: i:2:1: wrong 2"]


def test_what_needs_a_restart_is_refused_as_a_whole(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)

    async def go() -> None:
        agent = Reloading(pair)
        async with agent.running():
            agent.inventory = an_inventory(pair.master, replace(pair.slave, tcp_port=1, udp_port=None, interval_s=5.0))
            error = (await agent.after(1)).reload_error
            assert error == "another tcp_port, udp_port need a restart (`jsync up -d slave`)"
            agent.inventory = an_inventory(pair.master)
            error = (await agent.after(2)).reload_error
            assert error == "the inventory has no host slave any more (`jsync down` stops its agent)"
        assert agent.taken == []

    run(go())


def test_what_was_wanted_meanwhile_is_done_before_anybody_is_told(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)

    async def go() -> None:
        agent = Reloading(pair)
        later = an_inventory(pair.master, replace(pair.slave, interval_s=7.0))

        def want_another() -> None:
            agent.meanwhile = lambda: None
            agent.inventory = later
            agent.reloads.want()

        agent.meanwhile = want_another
        async with agent.running():
            record = await agent.after(1)
            assert len(agent.taken) == 2
            assert record.settings_md5 == settings_md5(later, later.hosts["slave"])

    run(go())


def test_a_record_that_can_t_be_written_does_not_end_the_agent(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)

    async def go() -> None:
        agent = Reloading(pair)
        agent.write_error = StateError("the disk is full")
        async with agent.running():
            await agent.after(1)
            await agent.after(2)
            await asyncio.sleep(0)

    with Lines.of("sync_core.agent.reload") as lines:
        run(go())
    assert lines.messages("ERROR") == ["the disk is full"] * 2
