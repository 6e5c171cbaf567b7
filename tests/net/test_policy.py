from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from sync_core.model.inventory import Host, Role
from sync_core.model.security import AllowedHost, Level
from sync_core.net.admission import Rank, Standing
from sync_core.net.policy import PolicyKeeper
from sync_core.net.resolve import KEEP_FAILURES_S, KEEP_S, Resolver
from tests.support.net import LOCALHOST, LOCALHOST6, Lines, ManualClock, a_host, ip, lookup_of, run

OWN = frozenset({LOCALHOST, LOCALHOST6, ip("10.0.0.1")})


def a_keeper(
    host: Host, *peers: Host, table: Mapping[str, Sequence[str]], clock: ManualClock | None = None
) -> PolicyKeeper:
    resolver = Resolver(lookup=lookup_of(table), clock=clock or ManualClock())
    return PolicyKeeper(host=host, peers=peers, resolver=resolver, own=lambda: OWN)


def test_before_the_first_refresh_nobody_may_do_anything() -> None:
    keeper = a_keeper(a_host("slave"), table={})
    assert keeper.level_of(LOCALHOST) is Level.NONE


def test_by_default_the_peers_and_this_machine_are_let_in() -> None:
    table = {"master.sos": ["10.0.0.90", "fd00::90"]}
    keeper = a_keeper(a_host("slave"), a_host("master", role=Role.MASTER, address="master.sos"), table=table)
    run(keeper.refresh())
    assert keeper.level_of(ip("10.0.0.90")) is Level.NO_ADD
    assert keeper.level_of(ip("fd00::90")) is Level.NO_ADD
    for own in OWN:
        assert keeper.level_of(own) is Level.ALL
    assert keeper.level_of(ip("127.0.0.2")) is Level.NONE
    assert keeper.level_of(ip("10.0.0.91")) is Level.NONE


def test_a_peer_on_this_machine_keeps_the_level_of_this_machine() -> None:
    keeper = a_keeper(a_host("slave"), a_host("master", role=Role.MASTER, address="127.0.0.1"), table={})
    run(keeper.refresh())
    assert keeper.level_of(LOCALHOST) is Level.ALL


def test_a_declared_list_stands_alone() -> None:
    entries = (AllowedHost(host="operator.sos", level=Level.INFO), AllowedHost(host="10.0.0.0", level=Level.SIGNAL))
    host = a_host("slave", allowed_hosts=entries)
    master = a_host("master", role=Role.MASTER, address="10.0.0.90")
    keeper = a_keeper(host, master, table={"operator.sos": ["192.168.1.5"]})
    run(keeper.refresh())
    assert keeper.level_of(ip("192.168.1.5")) is Level.INFO
    assert keeper.level_of(ip("10.0.0.90")) is Level.SIGNAL
    assert keeper.level_of(LOCALHOST) is Level.NONE


def test_an_empty_list_refuses_everybody() -> None:
    keeper = a_keeper(a_host("slave", allowed_hosts=()), table={})
    run(keeper.refresh())
    assert keeper.policy.levels == {}


def test_a_name_that_is_unknown_is_a_warning_once_and_keeps_what_it_had() -> None:
    clock = ManualClock()
    table: dict[str, Sequence[str]] = {"master.sos": ["10.0.0.90"]}
    master = a_host("master", role=Role.MASTER, address="master.sos")
    keeper = a_keeper(a_host("slave"), master, table=table, clock=clock)

    async def scenario() -> None:
        await keeper.refresh()
        table.clear()
        for _ in range(2):
            clock.now_s += KEEP_S
            await keeper.refresh()
        assert keeper.unresolved == ("master.sos",)
        assert keeper.level_of(ip("10.0.0.90")) is Level.NO_ADD
        table["master.sos"] = ["10.0.0.91"]
        clock.now_s += KEEP_S
        await keeper.refresh()

    with Lines.of() as lines:
        run(scenario())
    assert lines.messages("WARNING") == ["allowed_hosts: cannot resolve 'master.sos': Name or service not known"]
    assert keeper.unresolved == ()
    assert keeper.level_of(ip("10.0.0.90")) is Level.NONE
    assert keeper.level_of(ip("10.0.0.91")) is Level.NO_ADD


class EnoughError(Exception):
    """Ends an endless loop."""


def test_it_refreshes_sooner_as_long_as_a_name_is_unknown() -> None:
    slept: list[float] = []
    clock = ManualClock()
    table: dict[str, Sequence[str]] = {}
    master = a_host("master", role=Role.MASTER, address="master.sos")

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now_s += seconds
        if len(slept) == 2:
            table["master.sos"] = ["10.0.0.90"]
        if len(slept) == 3:
            raise EnoughError

    resolver = Resolver(lookup=lookup_of(table), clock=clock)
    keeper = PolicyKeeper(host=a_host("slave"), peers=(master,), resolver=resolver, own=lambda: OWN, sleep=sleep)

    async def scenario() -> None:
        await keeper.refresh()
        await keeper.run()

    with pytest.raises(EnoughError):
        run(scenario())
    assert slept == [KEEP_FAILURES_S, KEEP_FAILURES_S, KEEP_S]
    assert keeper.level_of(ip("10.0.0.90")) is Level.NO_ADD


@pytest.mark.parametrize("wide", ["0.0.0.0", "::", "10.0.0.0", "172.16.0.0", "192.168.7.0", "::ffff:0.0.0.0"])
@pytest.mark.parametrize("stranger", ["10.9.8.7", "172.16.9.9", "192.168.7.7", "203.0.113.5", "fd00::5"])
def test_a_name_that_means_a_network_lets_nobody_in(wide: str, stranger: str) -> None:
    master = a_host("master", role=Role.MASTER, address="master.sos")
    declared = (AllowedHost(host="master.sos", level=Level.ALL),)
    for host in (a_host("slave"), a_host("slave", allowed_hosts=declared)):
        keeper = a_keeper(host, master, table={"master.sos": [wide, "203.0.113.90"]})
        with Lines.of() as lines:
            run(keeper.refresh())
        assert keeper.level_of(ip(stranger)) is Level.NONE
        assert keeper.level_of(ip("203.0.113.90")) >= Level.NO_ADD
        assert len(lines.messages("WARNING")) == 1
        assert keeper.unresolved == ("master.sos",)


def test_a_name_that_means_nothing_but_a_network_keeps_what_it_had() -> None:
    clock = ManualClock()
    table: dict[str, Sequence[str]] = {"master.sos": ["10.0.0.90"]}
    keeper = a_keeper(
        a_host("slave"), a_host("master", role=Role.MASTER, address="master.sos"), table=table, clock=clock
    )

    async def scenario() -> None:
        await keeper.refresh()
        table["master.sos"] = ["0.0.0.0"]
        for _ in range(2):
            clock.now_s += KEEP_S
            await keeper.refresh()

    with Lines.of() as lines:
        run(scenario())
    assert keeper.level_of(ip("10.0.0.90")) is Level.NO_ADD
    assert keeper.level_of(ip("10.0.0.91")) is Level.NONE
    assert lines.messages("WARNING") == [
        "allowed_hosts: 'master.sos' resolves to 0.0.0.0, which would let in more than one machine: it is passed over"
    ]


def test_a_peer_is_one_machine_however_its_address_is_written() -> None:
    keeper = a_keeper(a_host("slave"), a_host("master", role=Role.MASTER, address="0.0.0.0"), table={})
    run(keeper.refresh())
    assert keeper.level_of(ip("203.0.113.5")) is Level.NONE


def test_a_network_that_the_inventory_writes_counts() -> None:
    entries = (AllowedHost(host="10.0.0.0", level=Level.INFO), AllowedHost(host="0.0.0.0", level=Level.SIGNAL))
    keeper = a_keeper(a_host("slave", allowed_hosts=entries), table={})
    run(keeper.refresh())
    assert keeper.level_of(ip("10.9.8.7")) is Level.INFO
    assert keeper.level_of(ip("203.0.113.5")) is Level.SIGNAL


def test_standing_is_told_by_addresses_of_peers_whatever_the_list_says() -> None:
    host = a_host("slave", allowed_hosts=(AllowedHost(host="0.0.0.0", level=Level.INFO),))
    masters = [a_host(f"m{n}", role=Role.MASTER, address="master.sos") for n in range(3)]
    masters += [a_host("m4", role=Role.MASTER, address="127.0.0.1"), a_host("m5", role=Role.MASTER, address="gone.sos")]
    keeper = a_keeper(host, *masters, table={"master.sos": ["10.0.0.90"]})
    with Lines.of() as lines:
        run(keeper.refresh())
    assert lines.messages("WARNING") == []
    assert keeper.standing_of(ip("10.0.0.90")) == Standing(Rank.PEER, 3)
    assert keeper.standing_of(ip("10.0.0.91")) == Standing(Rank.STRANGER)
    assert {keeper.standing_of(own).rank for own in OWN} == {Rank.THIS_MACHINE}
    assert keeper.standing_of(ip("127.0.0.7")).rank is Rank.STRANGER  # as for levels


def test_another_inventory_counts_once_its_names_are_resolved_and_keeps_what_is_known() -> None:
    table = {"one.sos": ["10.0.0.7"], "two.sos": ["10.0.0.8"], "three.sos": ["10.0.0.9"]}
    clock = ManualClock()
    one, two, three = (a_host(name, address=f"{name}.sos") for name in ("one", "two", "three"))
    keeper = a_keeper(a_host("master", role=Role.MASTER), one, two, table=table, clock=clock)
    run(keeper.refresh())
    clock.now_s += KEEP_S + 1
    del table["two.sos"]  # the name service is away for this one
    run(keeper.take(host=a_host("master", role=Role.MASTER), peers=(two, three)))
    assert [keeper.level_of(ip(f"10.0.0.{n}")) for n in (7, 8, 9)] == [Level.NONE, Level.NO_ADD, Level.NO_ADD]
    declared = a_host("master", role=Role.MASTER, allowed_hosts=(AllowedHost(host="10.0.0.7", level=Level.INFO),))
    run(keeper.take(host=declared, peers=(two, three)))
    assert [keeper.level_of(ip(f"10.0.0.{n}")) for n in (7, 8, 9)] == [Level.INFO, Level.NONE, Level.NONE]
    assert keeper.level_of(LOCALHOST) is Level.NONE


def test_a_refresh_under_way_does_not_bring_the_old_inventory_back() -> None:
    async def scenario() -> None:
        asked, gate = asyncio.Event(), asyncio.Event()

        async def lookup(name: str) -> Sequence[str]:
            asked.set()
            await gate.wait()
            return {"one.sos": ["10.0.0.7"], "two.sos": ["10.0.0.8"]}[name]

        one, two = (a_host(name, address=f"{name}.sos") for name in ("one", "two"))
        host = a_host("master", role=Role.MASTER)
        keeper = PolicyKeeper(host=host, peers=(one,), resolver=Resolver(lookup=lookup), own=lambda: OWN)
        before = asyncio.ensure_future(keeper.refresh())
        await asked.wait()
        after = asyncio.ensure_future(keeper.take(host=host, peers=(two,)))
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(before, after)
        assert [keeper.level_of(ip(f"10.0.0.{n}")) for n in (7, 8)] == [Level.NONE, Level.NO_ADD]
        assert keeper.standing_of(ip("10.0.0.7")).rank is Rank.STRANGER

    run(scenario())


def test_what_the_inventory_itself_says_of_this_machine_is_not_its_default() -> None:
    stranger = a_keeper(a_host("m", role=Role.MASTER), a_host("s", address="10.0.0.9"), table={})
    run(stranger.refresh())
    assert stranger.named_level_of(LOCALHOST) is Level.NONE
    assert stranger.named_level_of(ip("10.0.0.9")) is Level.NO_ADD
    named = a_keeper(a_host("m", role=Role.MASTER), a_host("s", address="10.0.0.1"), table={})
    run(named.refresh())
    assert {named.named_level_of(own) for own in OWN} == {Level.NO_ADD}
    entries = (AllowedHost(host="127.0.0.1", level=Level.ALL),)
    declared = a_keeper(a_host("m", role=Role.MASTER, allowed_hosts=entries), table={})
    run(declared.refresh())
    assert {declared.named_level_of(own) for own in OWN} == {Level.ALL}
