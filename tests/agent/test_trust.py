"""A master with TLS: a proven name decides, and nobody gets in plain what is of a host that has TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from sync_core.agent.trust import Trust
from sync_core.model.errors import UntrustedError
from sync_core.model.folder import EMPTY_FOLDER
from sync_core.model.inventory import Host, Role, TlsFiles
from sync_core.model.path import RelPath
from sync_core.model.security import AllowedHost, Level
from sync_core.net.connection import Connection
from sync_core.protocol.messages import (
    ChangesAnswer,
    ErrorAnswer,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    FileListAnswer,
    ListFiles,
    OkAnswer,
    Register,
)
from sync_core.version import WIRE_VERSION
from tests.support.connections import FakeConnection, a_connection
from tests.support.masters import CommandedMaster, a_commanded_master, put
from tests.support.net import a_host, ip, run

FILES = TlsFiles(cert=Path("c"), key=Path("k"), ca=Path("ca"))
MASTER = a_host("m", role=Role.MASTER, tls=FILES)
A = a_host("a", address="10.0.0.1", tcp_port=5000, tls=FILES)
B = a_host("b", address="10.0.0.2", tcp_port=5000, tls=FILES, scheduler_id="id-b", folder="of-b")
REAL = a_host("real", address="10.0.0.3", tcp_port=5000)

Story = Callable[[CommandedMaster], Coroutine[Any, Any, None]]


def connection(address: str, *names: str, port: int = 50001) -> FakeConnection:
    """Return a connection; with names it speaks TLS."""
    one = a_connection(level=Level.NO_ADD, ip=ip(address), port=port)
    one.names = frozenset(names) or None
    return one


def registration(**values: Any) -> Register:
    return Register(**{"scheduler_id": "x", "tcp_port": 5000, "udp_port": 0, "version": WIRE_VERSION, **values})


def at_a_master(folder: Path, story: Story, *, own: Host = MASTER) -> None:
    for name in ("a", "of-b", "real"):
        put(folder, f"{name}/{name}.xml", b"secret")
    put(folder, "10.0.0.2#5000/old.xml", b"secret")

    async def scenario() -> None:
        async with a_commanded_master(folder, A, B, REAL, own=own) as master:
            await story(master)

    run(scenario())


async def fetched(master: CommandedMaster, peer: Connection) -> set[RelPath] | str:
    """Return the paths that a fetch brings, or the text of the refusal."""
    answer = await master.ask(FetchUpdatedFiles(listed=EMPTY_FOLDER), peer)
    return answer.text if isinstance(answer, ErrorAnswer) else paths(answer)


def paths(answer: object) -> set[RelPath]:
    assert isinstance(answer, ChangesAnswer)
    return {change.path for change in answer.changes}


def refused(answer: object) -> str:
    assert isinstance(answer, ErrorAnswer)
    assert answer.code == "untrusted"
    return answer.text


def test_the_name_decides_wherever_it_comes_from_and_whatever_it_says(tmp_path: Path) -> None:
    async def story(master: CommandedMaster) -> None:
        peer = connection("10.0.0.2", "a", "elsewhere")
        said = registration(scheduler_id="id-b", is_cluster_member=True)
        assert isinstance(await master.ask(said, peer), OkAnswer)
        assert await fetched(master, peer) == {"a.xml"}
        (slave,) = master.register
        assert master.names.host_of(slave) == A

    at_a_master(tmp_path, story)


@pytest.mark.parametrize("version", [WIRE_VERSION, "1.13.2 (2016-12-09)"])
def test_a_slave_that_has_tls_is_not_registered_in_plain(tmp_path: Path, version: str) -> None:
    async def story(master: CommandedMaster) -> None:
        peer = connection("10.0.0.1")
        assert "a has TLS, and is not served in plain" in refused(await master.ask(registration(version=version), peer))
        assert "SCHEDULER-457" in str(await fetched(master, peer))
        assert not tuple(master.register)

    at_a_master(tmp_path, story)


def test_a_slave_without_tls_goes_on_in_plain(tmp_path: Path) -> None:
    async def story(master: CommandedMaster) -> None:
        peer = connection("10.0.0.3")
        assert isinstance(await master.ask(registration(version="1.13.2"), peer), OkAnswer)
        assert await fetched(master, peer) == set()  # only jsync gets a folder of the inventory's name

    at_a_master(tmp_path, story)


def test_nobody_takes_the_folder_of_another_by_its_id_in_plain(tmp_path: Path) -> None:
    async def story(master: CommandedMaster) -> None:
        peer = connection("10.0.0.3", port=1)
        said = registration(scheduler_id="of-b", tcp_port=4711, version="1.13.2", is_cluster_member=True)
        own = await master.ask(said, peer)
        assert isinstance(own, OkAnswer)
        assert "is of a host with another address than 10.0.0.3" in str(await fetched(master, peer))
        by_http = FetchConfiguration(scheduler_id="of-b", udp_port=0, ip="", version="1.13.2", listed=EMPTY_FOLDER)
        assert refused(await master.ask(by_http, peer))

    listed = (AllowedHost(host="10.0.0.3", level=Level.NO_ADD),)
    at_a_master(tmp_path, story, own=a_host("m", role=Role.MASTER, tls=FILES, allowed_hosts=listed))


def test_a_stranger_is_served_in_plain_only_where_it_is_let_in_by_name(tmp_path: Path) -> None:
    async def story(master: CommandedMaster) -> None:
        assert "`allowed_hosts`" in refused(await master.ask(registration(), connection("10.0.0.9")))

    async def declared(master: CommandedMaster) -> None:
        assert isinstance(await master.ask(registration(), connection("10.0.0.9")), OkAnswer)

    at_a_master(tmp_path, story)
    listed = (AllowedHost(host="10.0.0.9", level=Level.NO_ADD),)
    at_a_master(tmp_path, declared, own=a_host("m", role=Role.MASTER, tls=FILES, allowed_hosts=listed))


def test_a_certificate_of_nobody_here_registers_nobody(tmp_path: Path) -> None:
    async def story(master: CommandedMaster) -> None:
        for names in (("m",), ("stranger", "other"), ("",)):
            answer = await master.ask(registration(), connection("10.0.0.1", *names))
            assert "is no slave of m" in refused(answer)

    at_a_master(tmp_path, story)


def test_a_proven_one_is_displaced_by_nobody_but_itself(tmp_path: Path) -> None:
    async def story(master: CommandedMaster) -> None:
        first, plain, other, again = (
            connection("10.0.0.9", "a", port=1),
            connection("10.0.0.9", port=2),
            connection("10.0.0.9", "b", port=3),
            connection("10.0.0.9", "a", port=4),
        )
        for peer in (first, plain, other):
            assert isinstance(await master.ask(registration(), peer), OkAnswer)
        was_closed = first.was_closed
        assert await fetched(master, first) == {"a.xml"}
        assert isinstance(await master.ask(registration(), again), OkAnswer)
        assert (was_closed, first.was_closed, plain.was_closed) == (False, True, False)

    listed = (AllowedHost(host="10.0.0.9", level=Level.NO_ADD),)
    at_a_master(tmp_path, story, own=a_host("m", role=Role.MASTER, tls=FILES, allowed_hosts=listed))


def test_a_slave_looks_at_its_own_and_the_master_itself_at_all(tmp_path: Path) -> None:
    async def story(master: CommandedMaster) -> None:
        for asker, shown, may in (
            (connection("10.0.0.1", "a"), "a", True),
            (connection("10.0.0.2", "a"), "b", False),
            (connection("10.0.0.9", "m"), "b", True),
            (connection("10.0.0.1"), "a", False),
            (connection("10.0.0.1"), "real", True),
        ):
            listing = await master.ask(ListFiles(slave=shown), asker)
            differences = await master.ask(FetchDifferences(slave=shown, listed=EMPTY_FOLDER), asker)
            if may:
                assert isinstance(listing, FileListAnswer)
                assert isinstance(differences, ChangesAnswer)
                await master.offers.look(asker, shown)
                continue
            assert refused(listing)
            assert refused(differences)
            with pytest.raises(UntrustedError):
                await master.offers.look(asker, shown)

    at_a_master(tmp_path, story)


def test_without_tls_all_is_as_ever(tmp_path: Path) -> None:
    async def story(master: CommandedMaster) -> None:
        peer = connection("10.0.0.1")
        assert isinstance(await master.ask(registration(), peer), OkAnswer)
        assert isinstance(await master.ask(ListFiles(slave="b"), connection("10.0.0.1")), FileListAnswer)
        await asyncio.sleep(0)

    at_a_master(tmp_path, story, own=a_host("m", role=Role.MASTER))


def test_who_was_proven_to_be_a_slave_that_left_is_cut_off(tmp_path: Path) -> None:
    async def story(master: CommandedMaster) -> None:
        gone, kept = connection("10.0.0.1", "a"), connection("10.0.0.2", "b", port=50002)
        for peer in (gone, kept):
            assert isinstance(await master.ask(registration(), peer), OkAnswer)
        master.commands.take_slaves({"b": B, "real": REAL})
        assert (gone.was_closed, kept.was_closed) == (True, False)

    at_a_master(tmp_path, story)


def test_another_inventory_is_believed_as_a_whole() -> None:
    trust = Trust(MASTER, [A], named_level_of=lambda _: Level.NO_ADD)
    trust.take(MASTER, [B])
    with pytest.raises(UntrustedError, match="no slave of m"):
        trust.slave_of(connection("10.0.0.1", "a"))
    assert trust.slave_of(connection("10.0.0.1", "b")) == "b"


def test_who_proves_a_name_keeps_its_place_against_one_who_does_not(tmp_path: Path) -> None:
    async def story(master: CommandedMaster) -> None:
        proven, thief = connection("10.0.0.1", "a", port=1), connection("10.0.0.1", port=2)
        assert isinstance(await master.ask(registration(), proven), OkAnswer)
        assert refused(await master.ask(registration(), thief))
        assert master.slave.connection is proven
        assert master.slave.displaced == 0

    at_a_master(tmp_path, story)
