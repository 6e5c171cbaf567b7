"""A slave, put together; `test_master_agent.py` has the story of a pair."""

from __future__ import annotations

from pathlib import Path

from sync_core.agent.slave_agent import SlaveAgent
from sync_core.net.client import CommandClient
from sync_core.protocol.messages import FileListAnswer, ListFiles, ShowState, StateAnswer
from sync_core.tree.memory import DigestCache
from sync_core.tree.temporaries import new_token
from tests.support.agents import Pair, a_pair, running, state_of
from tests.support.disk import read_tree, write_tree
from tests.support.folders import file_at
from tests.support.net import LOCALHOST, Lines, run


def a_slave(pair: Pair) -> SlaveAgent:
    return SlaveAgent(pair.inventory, pair.slave, state_of(pair.state, "slave"))


def test_while_no_master_is_there_it_answers_from_its_cache(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.cache, {"a": b"1", f".jsync-{new_token()}~": b"left"})

    async def go() -> None:
        async with running(a_slave(pair)):
            client = await CommandClient.connect(LOCALHOST, pair.slave.tcp_port, timeout_s=5)
            listed = await client.ask(ListFiles(), timeout_s=5)
            assert isinstance(listed, FileListAnswer)
            assert file_at(listed.tree, "a").md5 == "c4ca4238a0b923820dcc509a6f75849b"
            state = await client.ask(ShowState(), timeout_s=5)
            assert isinstance(state, StateAnswer)
            assert state.attributes["udp_port"] == str(pair.slave.udp_port)
            await client.close()
        assert read_tree(pair.cache) == {"a": b"1"}

    with Lines.of("sync_core.agent.slave_agent") as lines:
        run(go())
    assert [line.split()[0] for line in lines.messages("INFO")] == ["SCHEDULER-956", "SCHEDULER-956", "SCHEDULER-718"]


def test_what_it_knows_of_its_cache_is_there_after_a_restart(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.cache, {"a": b"1"})

    async def once() -> None:
        async with running(a_slave(pair)):
            client = await CommandClient.connect(LOCALHOST, pair.slave.tcp_port, timeout_s=5)
            await client.ask(ListFiles(), timeout_s=5)
            await client.close()

    run(once())
    cache = DigestCache(state_of(pair.state, "slave").digests_path)
    assert file_at(cache.load(), "a").stamp is not None
    cache.close()
