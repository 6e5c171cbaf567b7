"""An outpost on this machine, and one that a hostile host pretends to be."""

from __future__ import annotations

import asyncio
import sys

import pytest

from sync_core.model.errors import HostError, UnreachableError
from sync_core.model.probe import Outcome, Protocol
from sync_core.net.outpost import Outpost, a_probe
from sync_core.net.runner import LocalRunner, Process
from tests.support.net import LOCALHOST, free_port, listening, run


async def here() -> Outpost:
    return await Outpost.open(LocalRunner(), python=sys.executable, deadline_s=60)


def test_it_knows_itself() -> None:
    async def scenario() -> None:
        one, other = await here(), await here()
        assert LOCALHOST in one.addresses
        assert one.machine == other.machine
        assert await one.interface_to(LOCALHOST) == "lo"
        assert LOCALHOST in await one.resolve("localhost")
        with pytest.raises(UnreachableError, match=r"cannot resolve 'no-such-name\.invalid'"):
            await one.resolve("no-such-name.invalid")
        await asyncio.gather(one.close(), other.close())
        await one.close()

    run(scenario())


def test_it_looks_probes_and_listens() -> None:
    async def scenario() -> None:
        outpost, port, probe = await here(), free_port(), a_probe()
        assert await outpost.look(Protocol.UDP, LOCALHOST, port) == ((), False)
        async with outpost.listening(Protocol.UDP, LOCALHOST, port, datagram=probe) as arrivals:
            (listener,), is_held = await outpost.look(Protocol.UDP, LOCALHOST, port)
            assert (listener.address, is_held) == (LOCALHOST, True)
            result = await outpost.probe_udp(LOCALHOST, port, timeout_s=10, datagram=probe)
        assert result.outcome is Outcome.HEARD
        assert arrivals is not None
        assert arrivals.senders == ((LOCALHOST, result.source_port),)
        assert arrivals.addresses == (LOCALHOST,)
        assert (await outpost.probe_tcp(LOCALHOST, port, timeout_s=10)).outcome is Outcome.REFUSED
        await outpost.close()

    run(scenario())


def test_a_held_port_is_left_alone_and_watched() -> None:
    async def scenario() -> None:
        outpost = await here()
        with listening() as port:
            async with outpost.listening(Protocol.TCP, LOCALHOST, port) as none:
                assert none is None
            async with outpost.watching(LOCALHOST, port) as arrivals:
                result = await outpost.probe_tcp(LOCALHOST, port, timeout_s=10)
        assert arrivals is not None
        assert (LOCALHOST, result.source_port) in arrivals.senders
        await outpost.close()

    run(scenario())


def test_it_counts_and_reads_firewalls_once() -> None:
    async def scenario() -> None:
        outpost = await here()
        counts = await outpost.count(LOCALHOST, 5000)
        assert counts is not None
        assert counts.read >= 0
        first, second = await asyncio.gather(outpost.firewalls(), outpost.firewalls())
        assert first is second
        await outpost.close()

    run(scenario())


def test_closing_ends_what_is_under_way() -> None:
    async def scenario() -> None:
        outpost = await here()
        task = asyncio.create_task(outpost.firewalls())
        await asyncio.sleep(0)
        await outpost.close()
        with pytest.raises((asyncio.CancelledError, UnreachableError)):
            await task

    run(scenario())


class Refusing:
    """A host that starts nothing."""

    def __init__(self) -> None:
        self.is_closed = False

    async def connect(self) -> None:
        pass

    async def start(self, command: object, *, deadline_s: float | None = None) -> Process:
        raise HostError("no")

    async def close(self) -> None:
        self.is_closed = True


def test_a_host_that_refuses_is_let_go() -> None:
    runner = Refusing()
    with pytest.raises(HostError, match="no"):
        run(Outpost.open(runner, python="python3", deadline_s=60))
    assert runner.is_closed


def test_a_host_where_the_program_ends_at_once_is_let_go() -> None:
    with pytest.raises(HostError, match="the probe program ended"):
        run(Outpost.open(LocalRunner(), python="false", deadline_s=60))
