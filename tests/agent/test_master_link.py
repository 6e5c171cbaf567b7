from __future__ import annotations

import pytest

from sync_core.agent.master_link import MasterLink
from sync_core.model.errors import PeerError, RemoteRefusalError, UnreachableError
from sync_core.model.inventory import Role
from sync_core.model.manifest import EMPTY_MANIFEST
from sync_core.protocol.messages import ErrorAnswer, OkAnswer, Register
from tests.support.agents import ScriptedPeer, a_raw_peer, a_resolver, wrapped
from tests.support.net import a_host, free_port, run

SLAVE = a_host("slave", udp_port=None)


def test_the_first_address_that_answers_is_taken() -> None:
    async def go() -> None:
        async with ScriptedPeer() as peer:
            master = a_host("m", role=Role.MASTER, address="m.example", tcp_port=peer.port)
            link = await MasterLink.connect(SLAVE, master, a_resolver(m_example=["127.0.0.9", "127.0.0.1"]))
            assert link.display == f"127.0.0.1/m.example:{peer.port}"
            await link.register(SLAVE)
            (request,) = peer.requests
            assert isinstance(request, Register)
            assert request.udp_port == 0
            await link.close()
            await link.close()

    run(go())


def test_none_that_answers_is_unreachable() -> None:
    async def go() -> None:
        master = a_host("m", role=Role.MASTER, tcp_port=free_port())
        with pytest.raises(UnreachableError, match="Connection refused"):
            await MasterLink.connect(SLAVE, master, a_resolver())
        with pytest.raises(UnreachableError, match="cannot resolve"):
            await MasterLink.connect(SLAVE, a_host("n", role=Role.MASTER, address="n.example"), a_resolver())

    run(go())


def test_an_error_answer_is_a_refusal() -> None:
    async def go() -> None:
        async with ScriptedPeer(lambda _: ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  no")) as peer:
            master = a_host("m", role=Role.MASTER, tcp_port=peer.port)
            link = await MasterLink.connect(SLAVE, master, a_resolver())
            with pytest.raises(RemoteRefusalError, match="SCHEDULER-121  no"):
                await link.register(SLAVE)
            await link.close()

    run(go())


def test_an_answer_without_a_directory_brings_nothing() -> None:
    async def go() -> None:
        async with a_raw_peer(wrapped("<ok/>"), wrapped("<ok/>")) as port:
            link = await MasterLink.connect(SLAVE, a_host("m", role=Role.MASTER, tcp_port=port), a_resolver())
            await link.register(SLAVE)
            assert await link.fetch(EMPTY_MANIFEST) == ()
            await link.close()

    run(go())


def test_the_end_of_the_connection_is_seen_while_nothing_is_asked() -> None:
    async def go() -> None:
        async with ScriptedPeer(lambda _: OkAnswer()) as peer:
            link = await MasterLink.connect(SLAVE, a_host("m", role=Role.MASTER, tcp_port=peer.port), a_resolver())
            await link.register(SLAVE)
            peer.drop_all()
            with pytest.raises((PeerError, UnreachableError)):
                await link.wait_closed()
            await link.close()

    run(go())
