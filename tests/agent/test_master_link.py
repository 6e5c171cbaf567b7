from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sync_core.agent.master_link import MasterLink
from sync_core.model.errors import PeerError, RemoteRefusalError, UnreachableError
from sync_core.model.inventory import Role
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    ErrorAnswer,
    FetchUpdatedFiles,
    OkAnswer,
    Register,
    Request,
)
from tests.support.agents import ScriptedPeer, a_raw_peer, a_resolver, wrapped
from tests.support.check_loops import LoopingSlave
from tests.support.disk import read_tree, write_tree
from tests.support.net import a_host, free_port, run
from tests.support.offering import OfferingAgent

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


def test_an_answer_without_a_directory_brings_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        async with a_raw_peer(wrapped("<ok/>"), wrapped("<ok/>")) as port:
            link = await MasterLink.connect(SLAVE, a_host("m", role=Role.MASTER, tcp_port=port), a_resolver())
            await link.register(SLAVE)
            cache = LoopingSlave(write_tree(tmp_path / "c", {"a": b"1"})).cache
            checked = await link.check(cache, looks=True, wake=asyncio.Event())
            assert checked.tree is await cache.known()
            assert all(applied.is_empty for applied in checked.applied)
            assert read_tree(tmp_path / "c") == {"a": b"1"}
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


def test_who_answers_that_it_knows_our_own_dialect_is_asked_in_it(tmp_path: Path) -> None:
    async def go() -> None:
        async with OfferingAgent({"a": b"1"}).running() as agent:
            link = await MasterLink.connect(SLAVE, a_host("m", role=Role.MASTER, tcp_port=agent.port), a_resolver())
            await link.register(SLAVE)
            slave = LoopingSlave(tmp_path / "c")
            checked = await link.check(slave.cache, looks=True, wake=asyncio.Event())
            assert read_tree(tmp_path / "c") == {"a": b"1"}
            assert checked.tree.digest == agent.tree.digest == agent.has[-1]
            agent.drop_all()
            with pytest.raises(UnreachableError):
                await link.wait_closed()
            await link.close()

    run(go())


@pytest.mark.parametrize(("jsync", "listed"), [(0, ["plain"]), (1, ["plain", "Ä€"])])
def test_odd_names_are_listed_to_jsync_only(tmp_path: Path, jsync: int, listed: list[str]) -> None:
    def answer(request: Request) -> Answer:
        return ChangesAnswer(changes=()) if isinstance(request, FetchUpdatedFiles) else OkAnswer(jsync=jsync)

    async def go() -> None:
        async with ScriptedPeer(answer) as peer:
            link = await MasterLink.connect(SLAVE, a_host("m", role=Role.MASTER, tcp_port=peer.port), a_resolver())
            await link.register(SLAVE)
            slave = LoopingSlave(write_tree(tmp_path / "c", {"plain": b"1", "Ä€": b"2"}))
            await link.check(slave.cache, looks=True, wake=asyncio.Event())
            fetch = peer.requests[-1]
            assert isinstance(fetch, FetchUpdatedFiles)
            assert list(fetch.listed.children) == listed
            await link.close()

    run(go())
