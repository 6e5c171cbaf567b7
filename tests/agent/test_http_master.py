"""A master whose slaves fetch by HTTP, over real sockets and a real folder."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sync_core.agent.master_agent import MasterAgent
from sync_core.agent.slave_agent import SlaveAgent
from sync_core.model.change import WriteFile
from sync_core.model.inventory import Dialect
from sync_core.net.client import CommandClient
from sync_core.protocol.http import decode_http_answer
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    ErrorAnswer,
    FetchConfiguration,
    Request,
    ShowState,
    StateAnswer,
)
from sync_core.protocol.requests import encode_request
from tests.support.agents import Pair, a_pair, running, state_of
from tests.support.digests import save_settled
from tests.support.disk import read_tree, write_tree
from tests.support.http import ENGINE, get, read_response
from tests.support.net import LOCALHOST, Lines, RawPeer, eventually, run


def a_fetch(**changes: Any) -> FetchConfiguration:
    values = {"scheduler_id": "slave1", "version": "1.8.2", "interval_s": 900}
    return FetchConfiguration(**{**values, **changes})


def settled(pair: Pair) -> None:
    """Let the remote folder count as settled, as after a restart."""
    save_settled(state_of(pair.state, "master").digests_path, pair.remote)


def put(path: Path, content: bytes) -> None:
    temporary = path.with_name(".new")
    temporary.write_bytes(content)
    temporary.replace(path)


def a_master(pair: Pair) -> MasterAgent:
    return MasterAgent(pair.inventory, pair.master, state_of(pair.state, "master"))


async def ask(pair: Pair, request: Request) -> Answer:
    url = f"http://127.0.0.1:{pair.master.tcp_port}{ENGINE}"
    async with (
        aiohttp.ClientSession() as client,
        client.post(url, data=encode_request(request), headers={"Content-Type": "application/xml"}) as response,
    ):
        assert response.status == 200
        return decode_http_answer(await response.read(), charset=response.charset)


async def fetched(pair: Pair, request: FetchConfiguration) -> dict[str, bytes]:
    answer = await ask(pair, request)
    assert isinstance(answer, ChangesAnswer), answer
    return {str(change.path): change.content for change in answer.changes if isinstance(change, WriteFile)}


@asynccontextmanager
async def a_wake_up_port() -> AsyncIterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        yield sock


def test_the_folder_is_that_of_the_scheduler_id(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/common": b"c", "_all/both": b"all", "slave1/new": b"n", "slave1/both": b"own"})
    settled(pair)

    async def scenario() -> None:
        async with running(a_master(pair)):
            assert await fetched(pair, a_fetch()) == {"common": b"c", "new": b"n", "both": b"own"}
            assert await fetched(pair, a_fetch(scheduler_id="other")) == {"common": b"c", "both": b"all"}
            assert await fetched(pair, a_fetch(scheduler_id="../slave1")) == {"common": b"c", "both": b"all"}

    run(scenario())


def test_the_folder_of_the_scheduler_id_goes_before_that_of_the_host(tmp_path: Path) -> None:
    """As in capture 10."""
    pair = a_pair(tmp_path, slave={"scheduler_id": "slave1"})
    write_tree(pair.remote, {"slave1/id": b"i"})
    put(pair.own / "host", b"h")
    settled(pair)

    async def scenario() -> None:
        async with running(a_master(pair)):
            assert await fetched(pair, a_fetch()) == {"id": b"i"}

    run(scenario())


def test_a_slave_of_the_inventory_may_have_a_folder_by_its_host_too(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, slave={"scheduler_id": "slave1"})
    put(pair.own / "host", b"h")
    settled(pair)

    async def scenario() -> None:
        async with running(a_master(pair)):
            assert await fetched(pair, a_fetch()) == {"host": b"h"}
            assert await fetched(pair, a_fetch(scheduler_id="stranger")) == {}

    run(scenario())


def test_the_wake_up_goes_where_the_slave_wants_it_until_it_fetches(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1"})
    settled(pair)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        masters = state_of(pair.state, "master")
        async with running(a_master(pair)), a_wake_up_port() as sock:
            port = sock.getsockname()[1]
            request = a_fetch(udp_port=port, ip="127.0.0.1")
            await fetched(pair, request)
            await eventually(lambda: masters.status().get("slaves_in_sync") == 1)
            put(pair.remote / "_all" / "b", b"2")
            assert await loop.sock_recv(sock, 100) == b"<check_folders/>"
            state = await ask(pair, ShowState(what=frozenset({"remote_schedulers"})))
            assert isinstance(state, StateAnswer)
            (remote,) = state.remote_schedulers
            values = remote.attributes
            assert values["configuration_changed"] == "yes"
            assert (values["active"], values["connected"], values["ip"]) == ("yes", "no", "127.0.0.1")
            assert (values["udp_port"], values["scheduler_id"], values["version"]) == (str(port), "slave1", "1.8.2")
            assert "deactivate_at" in values
            assert not {"tcp_port", "connected_at", "disconnected_at"} & values.keys()
            assert await fetched(pair, request) == {"a": b"1", "b": b"2"}
            await eventually(lambda: masters.status()["slaves"][0]["pending_since"] is None)
            (entry,) = masters.status()["slaves"]
            assert (entry["identity"], entry["is_active"]) == (f"slave1,127.0.0.1:{port}", True)

    with Lines.of("sync_core.agent") as lines:
        run(scenario())
    assert any("sending UDP command check_folders to 127.0.0.1:" in message for message in lines.messages("INFO"))
    assert not [message for message in lines.messages("INFO") if "TCP command" in message]


def test_a_slave_without_a_wake_up_port_is_not_signalled(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1"})
    settled(pair)

    async def scenario() -> None:
        masters = state_of(pair.state, "master")
        async with running(a_master(pair)):
            await fetched(pair, a_fetch())
            await eventually(lambda: masters.status().get("slaves_in_sync") == 1)
            put(pair.remote / "_all" / "b", b"2")
            await eventually(lambda: masters.status()["slaves"][0]["pending_since"] is not None)

    with Lines.of("sync_core.agent") as lines:
        run(scenario())
    assert not [message for message in lines.messages("INFO") if "command check_folders" in message]


def test_who_stays_away_counts_no_more(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    settled(pair)

    async def scenario() -> None:
        masters = state_of(pair.state, "master")
        async with running(a_master(pair)):
            await ask(pair, a_fetch(interval_s=1))
            await eventually(lambda: masters.status().get("slaves_registered") == 1)
            await eventually(lambda: masters.status().get("slaves_registered") == 0)

    with Lines.of("sync_core.agent") as lines:
        run(scenario())
    assert [message for message in lines.messages("INFO") if "SCHEDULER-458" in message]


def test_by_raw_tcp_the_request_is_taken_too(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"slave1/a": b"1"})
    settled(pair)

    async def scenario() -> None:
        async with running(a_master(pair)):
            client = await CommandClient.connect(LOCALHOST, pair.master.tcp_port, timeout_s=5)
            answer = await client.ask(a_fetch(), timeout_s=5)
            await client.close()
            assert isinstance(answer, ChangesAnswer)
            assert [change.path for change in answer.changes] == ["a"]

    run(scenario())


def test_a_remote_folder_that_vanished_is_an_error_with_status_200(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    (pair.remote / "_all").rmdir()
    pair.remote.rmdir()

    async def scenario() -> None:
        async with running(a_master(pair)):
            answer = await ask(pair, a_fetch())
            assert isinstance(answer, ErrorAnswer)
            assert answer.code == "SCHEDULER-882"

    run(scenario())


def test_a_browser_may_look_but_not_touch(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)

    async def scenario() -> None:
        async with running(a_master(pair)):
            peer = await RawPeer.connect(pair.master.tcp_port)
            await peer.send(get('/%3Cshow_state%20what="all"/%3E'))
            response = await read_response(peer.reader)
            assert b"<state " in response.body
            await peer.send(get("/<check_folders/>"))
            assert (await read_response(peer.reader)).status == 403
            await peer.close()

    run(scenario())


@pytest.mark.parametrize("end", ["master", "slave"])
def test_a_jsync_pair_by_http(tmp_path: Path, end: str) -> None:
    http = {"dialect": Dialect.HTTP}
    pair = a_pair(tmp_path, master=http if end == "master" else {}, slave=http if end == "slave" else {})
    write_tree(pair.remote, {"_all/a": b"1", "_all/Ä": b"odd", "slave/b": b"own"})
    settled(pair)

    async def scenario() -> None:
        masters, slaves = state_of(pair.state, "master"), state_of(pair.state, "slave")
        agent = SlaveAgent(pair.inventory, pair.slave, slaves)
        async with running(a_master(pair)), running(agent):
            await eventually(lambda: slaves.status().get("in_sync") is True)
            assert read_tree(pair.cache) == {"a": b"1", "Ä": b"odd", "b": b"own"}
            await eventually(lambda: masters.status().get("slaves_in_sync") == 1)
            put(pair.remote / "_all" / "c", b"3")  # the wake-up brings it
            await eventually(lambda: read_tree(pair.cache).get("c") == b"3")
            await eventually(lambda: masters.status()["slaves"][0]["pending_since"] is None)
            (entry,) = masters.status()["slaves"]
            assert entry["slave"] == "slave"

    run(scenario())
