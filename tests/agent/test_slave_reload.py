"""A check loop whose settings change, or that is about to end."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sync_core.model.change import WriteFile
from sync_core.model.inventory import Host, Role
from sync_core.model.path import RelPath
from sync_core.protocol.messages import Answer, ChangesAnswer, FetchUpdatedFiles, OkAnswer, Request
from tests.support.agents import ScriptedPeer
from tests.support.check_loops import LoopingSlave
from tests.support.disk import TIME, read_tree
from tests.support.net import a_host, eventually, run


def a_master(name: str, peer: ScriptedPeer) -> Host:
    return a_host(name, role=Role.MASTER, tcp_port=peer.port)


def test_a_master_that_stays_is_not_left_and_one_that_is_gone_is(tmp_path: Path) -> None:
    async def go() -> None:
        async with ScriptedPeer() as first, ScriptedPeer() as second, ScriptedPeer() as third:
            one, two, three = a_master("1", first), a_master("2", second), a_master("3", third)
            slave = LoopingSlave(tmp_path / "c", one, two)
            async with slave.running():
                await slave.in_sync()
                slave.loop.take(a_host("slave", interval_s=60.0), (three, one))
                await eventually(lambda: first.fetches == 2)
                assert len(first.requests) == 3  # the registration is still the first one
                slave.loop.take(a_host("slave", interval_s=60.0), (three, two))
                await eventually(lambda: third.fetches > 0)
                await eventually(lambda: slave.status["master"] == "3")
                assert second.requests == []

    run(go())


def test_another_interval_counts_from_now_on(tmp_path: Path) -> None:
    async def go() -> None:
        async with ScriptedPeer() as peer:
            slave = LoopingSlave(tmp_path / "c", a_master("1", peer), interval_s=3600.0)
            async with slave.running():
                await slave.in_sync()
                slave.loop.take(a_host("slave", interval_s=0.05), (a_master("1", peer),))
                await eventually(lambda: peer.fetches > 5)

    run(go())


def test_the_end_waits_for_an_update_and_for_nothing_else(tmp_path: Path) -> None:
    write = WriteFile(path=RelPath("a"), last_write_time=TIME, content=b"1")
    asked = asyncio.Event()

    async def answer(request: Request) -> Answer:
        if not isinstance(request, FetchUpdatedFiles):
            return OkAnswer()
        if request.listed.children:
            asked.set()
            await asyncio.Event().wait()
        return ChangesAnswer(changes=(write,))

    async def go() -> None:
        async with ScriptedPeer(answer) as peer:
            slave = LoopingSlave(tmp_path / "c", a_master("1", peer))
            async with slave.running():
                await slave.in_sync()
                slave.loop.wake_up()
                await asked.wait()
                await asyncio.wait_for(slave.loop.finish(), 20)  # a check that waits for its master shows nothing yet
        assert read_tree(slave.cache.root) == {"a": b"1"}

    run(go())
