"""Agents that speak our own dialect, looked at by ``diff`` and ``files``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.agent.master_agent import MasterAgent
from sync_core.agent.slave_agent import SlaveAgent
from sync_core.fleet.diff import SlaveDiff, diff_slaves
from sync_core.fleet.file_list import Source
from sync_core.fleet.files import list_files
from sync_core.model.errors import RootVanishedError
from sync_core.model.file import Layer
from sync_core.model.inventory import Connection
from sync_core.tree.memory import DigestCache
from sync_core.tree.scan import scan
from tests.support.agents import Pair, a_pair, in_thread, running, state_of
from tests.support.disk import a_link, write_tree


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Two agents' folders; only their ports can be reached, and the master's agent is another one than the slave's."""
    pair = a_pair(tmp_path, master={"connection": Connection.NONE}, slave={"connection": Connection.NONE})
    write_tree(pair.remote, {"_all/same/a": b"1", "_all/d/b": b"2", "_all/d/c": b"3"})
    write_tree(pair.own, {"d/c": b"own"})
    return pair


@asynccontextmanager
async def agents(pair: Pair, *, is_slave_there: bool = True) -> AsyncIterator[None]:
    """Run both agents; the slave has no master to fetch from, so its cache stays as it is."""
    state = state_of(pair.state, "master")
    remembered = DigestCache(state.digests_path)
    remembered.save(scan(pair.remote).root)
    remembered.close()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(running(MasterAgent(pair.inventory, pair.master, state)))
        if is_slave_there:
            agent = SlaveAgent(pair.inventory, pair.slave, state_of(pair.state, "slave"))
            for part in await agent.start():
                part.close()
            stack.push_async_callback(agent.close)
        yield


def diff(pair: Pair, *, with_contents: bool = False) -> SlaveDiff:
    (slave,) = diff_slaves(pair.inventory, [pair.slave], with_contents=with_contents).slaves
    return slave


def same(pair: Pair) -> None:
    write_tree(pair.cache, {"same/a": b"1", "d/b": b"2", "d/c": b"own"})


def with_other_times(pair: Pair) -> None:
    write_tree(pair.cache, {"same/a": b"1", "d/b": b"2", "d/c": b"own"}, time=1_400_000_000)


@pytest.mark.parametrize("fill", [same, with_other_times])
def test_in_sync(pair: Pair, fill: Callable[[Pair], None]) -> None:
    fill(pair)
    with in_thread(agents(pair)):
        found = diff(pair, with_contents=True)
    assert (found.error, found.in_sync) == (None, True)
    assert (found.master_source, found.slave_source) == (Source.AGENT, Source.AGENT)
    assert found.diff is not None
    assert found.diff.counts.same == 3


def test_what_differs_with_its_lines(pair: Pair) -> None:
    write_tree(pair.cache, {"same/a": b"1", "d/c": b"3", "extra/x": b"x"})
    with in_thread(agents(pair)):
        found = diff(pair, with_contents=True)
    assert found.diff is not None
    assert [(entry.path, str(entry.state), entry.layer) for entry in found.diff.entries] == [
        ("d/b", "missing", Layer.ALL),
        ("d/c", "changed", Layer.OWN),
        ("extra", "extra", None),
        ("extra/x", "extra", None),
    ]
    assert found.diff.counts.same == 1
    assert {pair.entry.path: (pair.master, pair.slave, pair.trouble) for pair in found.contents} == {
        "d/b": (b"2", None, None),
        "d/c": (b"own", b"3", None),
        "extra": (None, None, None),
        "extra/x": (None, b"x", None),
    }


def test_what_cannot_be_read_is_told_though_digests_say_nothing_of_it(pair: Pair) -> None:
    same(pair)
    a_link(pair.cache / "out", "/etc/passwd")
    with in_thread(agents(pair)):
        found = diff(pair)
    assert str(found.error) == "slave can't read out"
    assert found.diff is not None
    assert found.diff.counts.same == 3


def test_one_agent_alone_gives_its_whole_list(pair: Pair) -> None:
    same(pair)
    pair.slave = replace(pair.slave, connection=Connection.LOCAL)
    with in_thread(agents(pair, is_slave_there=False)):
        found = diff(pair)
    assert (found.master_source, found.slave_source, found.in_sync) == (Source.AGENT, Source.LOCAL, True)


def test_files(pair: Pair) -> None:
    same(pair)
    with in_thread(agents(pair)):
        ours = list_files(pair.inventory, pair.master, slave=pair.slave)
        theirs = list_files(pair.inventory, pair.slave, slave=None)
    assert [(path, layer) for path, _, layer in ours.entries()] == [
        ("d", Layer.OWN),
        ("d/b", Layer.ALL),
        ("d/c", Layer.OWN),
        ("same", Layer.ALL),
        ("same/a", Layer.ALL),
    ]
    assert {layer for _, _, layer in theirs.entries()} == {None}
    assert (ours.source, theirs.source) == (Source.AGENT, Source.AGENT)
    assert ours.tree == theirs.tree


def test_a_folder_that_vanished_is_told_by_its_agent(pair: Pair) -> None:
    same(pair)
    with in_thread(agents(pair)):
        pair.remote.rename(pair.folder / "away")
        with pytest.raises(RootVanishedError):
            list_files(pair.inventory, pair.master, slave=pair.slave)
