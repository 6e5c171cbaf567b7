from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sync_core.agent.master_agent import MasterAgent
from sync_core.agent.slave_agent import SlaveAgent
from sync_core.net.client import CommandClient
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    FetchUpdatedFiles,
    OkAnswer,
    Request,
    ShowState,
    StateAnswer,
)
from tests.support.agents import Pair, a_pair, a_registration, running, state_of
from tests.support.digests import save_settled
from tests.support.disk import write_tree
from tests.support.masters import put
from tests.support.net import LOCALHOST, Lines, eventually, free_port, run


def settled(pair: Pair) -> None:
    """Let the remote folder count as settled, as after a restart."""
    save_settled(state_of(pair.state, "master").digests_path, pair.remote)


def copy_of(pair: Pair) -> dict[str, bytes | None]:
    """Return what is in the cache, without the temporaries of an update; one of them may go while this looks."""
    found: dict[str, bytes | None] = {}
    for place in sorted(pair.cache.rglob("*")):
        name = str(place.relative_to(pair.cache))
        if not place.name.startswith("."):
            found[name] = None if place.is_dir() else place.read_bytes()
    return found


@asynccontextmanager
async def a_client(pair: Pair) -> AsyncIterator[CommandClient]:
    client = await CommandClient.connect(LOCALHOST, pair.master.tcp_port, timeout_s=5)
    try:
        yield client
    finally:
        await client.close()


async def ask(pair: Pair, request: Request) -> Answer:
    async with a_client(pair) as client:
        return await client.ask(request, timeout_s=5)


def a_master(pair: Pair) -> MasterAgent:
    return MasterAgent(pair.inventory, pair.master, state_of(pair.state, "master"))


def a_slave(pair: Pair) -> SlaveAgent:
    return SlaveAgent(pair.inventory, pair.slave, state_of(pair.state, "slave"))


def test_the_story_of_a_pair(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1", "_all/b": b"2"})
    put(pair.own, "b", b"own")
    settled(pair)
    masters, slaves = state_of(pair.state, "master"), state_of(pair.state, "slave")

    async def go() -> None:
        async with running(a_master(pair)), running(a_slave(pair)):
            await eventually(lambda: slaves.status().get("in_sync") is True)
            assert copy_of(pair) == {"a": b"1", "b": b"own"}
            await eventually(lambda: masters.status().get("slaves_in_sync") == 1)
            put(pair.remote / "_all", "c", b"3")  # the wake-up brings it
            await eventually(lambda: copy_of(pair).get("c") == b"3")
            await eventually(lambda: slaves.status().get("files") == 3)
            (entry,) = masters.status()["slaves"]
            assert entry["slave"] == "slave"
            state = await ask(pair, ShowState(what=frozenset({"remote_schedulers"})))
            assert isinstance(state, StateAnswer)
            (remote,) = state.remote_schedulers
            assert remote.attributes["configuration_directory"] == pair.own.name
            assert state.connected == 1

    with Lines.of("sync_core") as lines:
        run(go())
    info = lines.messages("INFO")
    assert f"sending UDP command check_folders to 127.0.0.1:{pair.slave.tcp_port}" in info
    assert "SCHEDULER-955  UDP message from 127.0.0.1: <check_folders/>" in info
    assert any(
        line.startswith('SCHEDULER-965  Executing command: <register_remote_scheduler scheduler_id="slave"')
        for line in info
    )


def test_a_remote_folder_that_vanishes_shows_in_the_status_at_once(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, master={"interval_s": 0.05})
    write_tree(pair.remote, {"_all/a": b"1"})
    settled(pair)
    state = state_of(pair.state, "master")

    async def go() -> None:
        async with running(a_master(pair)):
            await eventually(lambda: "last_error" in state.status())
            pair.remote.rename(tmp_path / "away")
            await eventually(lambda: state.status()["last_error"] is not None)
            (tmp_path / "away").rename(pair.remote)
            await eventually(lambda: state.status()["last_error"] is None)

    run(go())


def test_a_slave_of_nobodys_inventory_is_served_too_and_signalled(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1"})
    settled(pair)
    state = state_of(pair.state, "master")
    udp = free_port()

    async def go() -> None:
        async with running(a_master(pair)), a_client(pair) as client:
            message = a_registration(tcp_port=1, udp_port=udp)
            assert isinstance(await client.register(message, timeout_s=5), OkAnswer)
            answer = await client.fetch(FetchUpdatedFiles(), timeout_s=5)
            assert isinstance(answer, ChangesAnswer)
            await eventually(lambda: state.status().get("slaves_in_sync") == 1)
            put(pair.remote / "_all", "b", b"2")
            await eventually(lambda: state.status()["slaves"][0]["pending_since"] is not None)
            assert state.status()["slaves"][0]["slave"] is None
            assert state.status()["slaves_in_sync"] == 0
            await eventually(lambda: f"sending UDP command check_folders to 127.0.0.1:{udp}" in lines.messages("INFO"))

    with Lines.of("sync_core.agent.signals") as lines:
        run(go())


def test_the_newer_of_two_connections_wins_over_the_wire(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)

    async def go() -> None:
        async with running(a_master(pair)), a_client(pair) as old, a_client(pair) as new:
            for client in (old, new):
                assert isinstance(await client.register(a_registration(), timeout_s=5), OkAnswer)
            await eventually(lambda: old.is_closed)
            assert isinstance(await new.fetch(FetchUpdatedFiles(), timeout_s=5), ChangesAnswer)

    with Lines.of("sync_core.agent.signals") as lines:
        run(go())
    assert lines.messages("WARNING")[0].startswith("SCHEDULER-714  ")


def test_a_slave_without_a_wake_up_port_says_so_and_works(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, slave={"udp_port": None})
    write_tree(pair.remote, {"_all/a": b"1"})
    settled(pair)
    masters = state_of(pair.state, "master")

    async def go() -> None:
        async with running(a_master(pair)), running(a_slave(pair)):
            await eventually(lambda: masters.status().get("slaves_in_sync") == 1)  # else its check may bring it, too
            put(pair.remote / "_all", "b", b"2")  # by TCP
            await eventually(lambda: len(copy_of(pair)) == 2)
            client = await CommandClient.connect(LOCALHOST, pair.slave.tcp_port, timeout_s=5)
            state = await client.ask(ShowState(), timeout_s=5)
            assert isinstance(state, StateAnswer)
            assert state.attributes["udp_port"] == "0"
            await client.close()

    with Lines.of("sync_core.agent") as lines:
        run(go())
    assert any(line.startswith("SCHEDULER-899  ") for line in lines.messages("WARNING"))
    assert any("sending TCP command check_folders" in line for line in lines.messages("INFO"))


def test_registrations_that_come_and_go_while_nobody_looks_are_no_trouble(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)

    async def one(number: int) -> None:
        async with a_client(pair) as client:
            await client.register(a_registration(tcp_port=number % 3 + 1), timeout_s=5)

    async def go() -> None:
        async with running(a_master(pair)):
            await asyncio.gather(*(one(number) for number in range(20)), return_exceptions=True)
            state = await ask(pair, ShowState(what=frozenset({"all"})))
            assert isinstance(state, StateAnswer)
            assert len(state.remote_schedulers) == 3
            await eventually(lambda: state_of(pair.state, "master").status().get("slaves_registered") == 0)

    run(go())


def test_a_folder_that_can_be_no_slaves_is_told_of(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1", "127.0.0.1#abc/a": b"1"})
    settled(pair)

    async def go() -> None:
        with Lines.of("sync_core.agent.folder_names") as lines:
            async with running(a_master(pair)):
                await eventually(lambda: bool(lines.messages("WARNING")))
            assert [line.split()[0] for line in lines.messages("WARNING")] == ["127.0.0.1#abc"]

    run(go())
