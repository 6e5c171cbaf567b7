"""Real jsync agents in the test's own loop, beside the scripted peers of ``peer_slave`` and ``peer_supervisor``."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sync_core.agent.master_agent import MasterAgent
from sync_core.agent.slave_agent import SlaveAgent
from sync_core.model.inventory import Connection
from tests.support.agents import Pair, a_pair, running, state_of
from tests.support.digests import save_settled
from tests.support.net import RawPeer
from tests.support.peer_slave import RealSlave
from tests.support.site import tree

__all__ = ["a_master", "a_slave", "at", "is_copy", "show_state", "site_for", "write"]


def site_for(folder: Path, slave: RealSlave | None = None, *, port: int | None = None, **master: Any) -> Pair:
    """Return the inventory of a jsync master and one slave that is none of ours, with the master's folders."""
    number = slave.port if slave is not None else port or 5000
    return a_pair(
        folder,
        master=master,
        slave={"tcp_port": number, "udp_port": number, "connection": Connection.NONE, "scheduler_id": "workload"},
    )


@asynccontextmanager
async def a_master(pair: Pair, **options: Any) -> AsyncIterator[MasterAgent]:
    """Run the master of ``pair``; what its folder holds now has settled already, as after a restart."""
    state = state_of(pair.state, pair.master)
    if pair.remote.exists():
        save_settled(state.digests_path, pair.remote)
    agent = MasterAgent(pair.inventory, pair.master, state, **options)
    async with running(agent):
        yield agent


@asynccontextmanager
async def a_slave(pair: Pair) -> AsyncIterator[SlaveAgent]:
    """Run the slave of ``pair``."""
    agent = SlaveAgent(pair.inventory, pair.slave, state_of(pair.state, pair.slave))
    async with running(agent):
        yield agent


def write(path: Path, content: bytes, time: str | float | None = None) -> None:
    """Write a file as careful programs do, beside its place and renamed; ``time``: its last write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    if time is not None:
        seconds = at(time) if isinstance(time, str) else time
        os.utime(beside, (seconds, seconds))
    beside.replace(path)


def is_copy(copy: Path, original: Path) -> bool:
    """Whether both hold the same; a copy that is just being written to is none yet."""
    try:
        return tree(copy) == tree(original)
    except FileNotFoundError:
        return False


def at(text: str) -> float:
    """Return the seconds of a time as the wire has it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


async def show_state(port: int, request: bytes = b'<show_state what="remote_schedulers"/>') -> bytes:
    """Ask as an administrator's tool does."""
    peer = await RawPeer.connect(port)
    await peer.send(request)
    answer = await peer.answer()
    await peer.close()
    return answer
