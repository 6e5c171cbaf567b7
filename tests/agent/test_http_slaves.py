"""Slaves that fetch by HTTP: identity, activity, and where their wake-ups go."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from sync_core.agent import register as register_module
from sync_core.agent.http_slaves import HttpSlaves
from sync_core.agent.register import FORGET_AFTER_S, MOST_BY_HTTP, Registrations
from sync_core.agent.registration import HttpIdentity, Identity, Slave
from sync_core.model.manifest import EMPTY_MANIFEST, Entry, Manifest
from sync_core.model.path import RelPath
from sync_core.model.security import IpAddress, Level
from sync_core.protocol.messages import FetchConfiguration
from tests.support.agents import a_registration, a_resolver, in_background
from tests.support.net import LOCALHOST, Lines, eventually, ip, run

FRIEND, STRANGER = ip("10.0.0.7"), ip("192.0.2.1")


def a_fetch(**changes: Any) -> FetchConfiguration:
    values = {"scheduler_id": "slave1", "udp_port": 4441, "version": "1.8.2", "interval_s": 900}
    return FetchConfiguration(**{**values, **changes})


def arrive(register: Registrations, name: str = "s", *, now: float = 1.0, active_s: float = 10.0) -> Slave:
    identity = HttpIdentity(name, LOCALHOST, 5000)
    return register.activate(identity, a_fetch(scheduler_id=name), active_s=active_s, now=now, monotonic=now)


class Desk:
    """The slaves of a master that lets in ``FRIEND`` and loopback."""

    def __init__(self, **names: list[str]) -> None:
        self.register = Registrations()
        self.changes = 0
        self.slaves = HttpSlaves(self.register, a_resolver(**names), level_of=self._level_of, on_change=self._count)

    @staticmethod
    def _level_of(address: IpAddress) -> Level:
        return Level.NO_ADD if address in {FRIEND, LOCALHOST} else Level.SIGNAL

    def _count(self) -> None:
        self.changes += 1


def test_the_identity_is_that_of_the_documented_conversation() -> None:
    desk = Desk()
    slave = run(desk.slaves.arrive(a_fetch(ip="10.0.0.7"), LOCALHOST))
    assert str(slave.identity) == "slave1,10.0.0.7:4441"
    assert slave.deactivate_at is not None
    assert slave.deactivate_at - time.time() == pytest.approx(1800, abs=60)
    assert (slave.is_active, slave.is_connected, slave.tcp_port, slave.connected_at) == (True, False, None, None)


def test_a_member_of_a_cluster_is_its_own() -> None:
    desk = Desk()
    first = run(desk.slaves.arrive(a_fetch(cluster_member_id="slave1/a:4444"), LOCALHOST))
    second = run(desk.slaves.arrive(a_fetch(cluster_member_id="slave1/b:4444"), LOCALHOST))
    assert [str(slave.identity) for slave in (first, second)] == [
        "slave1/a:4444,127.0.0.1:4441",
        "slave1/b:4444,127.0.0.1:4441",
    ]
    assert len(desk.register) == 2


def test_what_a_slave_lists_is_not_kept() -> None:
    desk = Desk()
    listed = Manifest([Entry(path=RelPath("a"))])
    slave = run(desk.slaves.arrive(a_fetch(listed=listed), LOCALHOST))
    assert isinstance(slave.message, FetchConfiguration)
    assert slave.message.listed == EMPTY_MANIFEST


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", LOCALHOST),
        ("10.0.0.7", FRIEND),
        ("dialin.sos", FRIEND),
        ("both.sos", FRIEND),
        ("127.0.0.1", LOCALHOST),
        ("192.0.2.1", LOCALHOST),
        ("stranger.sos", LOCALHOST),
        ("unknown.sos", LOCALHOST),
        ("x" * 300, LOCALHOST),
        ("\x1b[2J", LOCALHOST),
    ],
)
def test_wake_ups_go_only_where_the_policy_lets_in(wanted: str, expected: IpAddress) -> None:
    desk = Desk(dialin_sos=["10.0.0.7"], stranger_sos=["192.0.2.1"], both_sos=["192.0.2.1", "10.0.0.7"])
    with Lines.of("sync_core.agent") as lines:
        for _ in range(2):
            slave = run(desk.slaves.arrive(a_fetch(ip=wanted), LOCALHOST))
            assert slave.identity.ip == expected
    believed = wanted == "" or expected is FRIEND or wanted == "127.0.0.1"
    assert len(lines.messages("WARNING")) == (0 if believed else 1)


@pytest.mark.parametrize("address", ["224.0.0.1", "0.0.0.0", "ff02::1", "::"])
def test_nobody_is_everybody(address: str) -> None:
    """Even where everybody is let in, groups of hosts are no address of a slave."""
    slaves = HttpSlaves(Registrations(), a_resolver(), level_of=lambda _: Level.ALL, on_change=lambda: None)
    assert run(slaves.arrive(a_fetch(ip=address), LOCALHOST)).identity.ip == LOCALHOST


def test_warnings_are_remembered_but_not_for_ever() -> None:
    desk = Desk()

    async def scenario() -> None:
        for n in range(1001):
            await desk.slaves.arrive(a_fetch(ip=f"198.51.{n >> 8}.{n & 255}"), LOCALHOST)
        await desk.slaves.arrive(a_fetch(ip="198.51.0.0"), LOCALHOST)

    with Lines.of("sync_core.agent") as lines:
        run(scenario())
    assert len(lines.messages("WARNING")) == 1002


def test_who_stays_away_is_taken_for_gone_and_comes_back_with_the_next_fetch() -> None:
    async def scenario() -> None:
        desk = Desk()
        async with in_background(desk.slaves.run()):
            await desk.slaves.arrive(a_fetch(scheduler_id="late", interval_s=900), LOCALHOST)
            await asyncio.sleep(0)
            slave = await desk.slaves.arrive(a_fetch(interval_s=0), LOCALHOST)  # counts as 1 s: two seconds of activity
            await eventually(lambda: desk.changes == 1)
            gone = desk.register.get(slave.identity)
            assert gone is not None
            assert not gone.is_active
            assert gone.disconnected_at is not None
            assert sum(one.is_active for one in desk.register) == 1
            back = await desk.slaves.arrive(a_fetch(), LOCALHOST)
            assert back.is_active
            assert back.identity == slave.identity
            assert back.disconnected_at is None

    with Lines.of("sync_core.agent") as lines:
        run(scenario())
    assert lines.lines == [
        (
            "INFO",
            "Remote_scheduler slave1,127.0.0.1:4441",
            "SCHEDULER-458  Remote scheduler has not sent a notification for 2s and has been deregistered",
        )
    ]


def test_each_fetch_puts_the_end_of_the_activity_off() -> None:
    register = Registrations()
    assert register.next_deactivation() is None
    slave = arrive(register, now=1.0)
    assert register.next_deactivation() == 11.0
    arrive(register, now=8.0)
    assert register.next_deactivation() == 18.0
    assert register.deactivate(now=17.9, monotonic=17.9) == ()
    assert [one.identity for one in register.deactivate(now=18.0, monotonic=18.0)] == [slave.identity]
    assert register.next_deactivation() is None
    assert register.deactivate(now=99.0, monotonic=99.0) == ()


def test_who_is_gone_is_not_signalled_and_forgotten_after_a_day() -> None:
    register = Registrations()
    slave = arrive(register)
    register.put(replace(slave, reminder=slave.reminder.changed(2.0)))
    assert register.next_deadline() == 2.0
    register.deactivate(now=11.0, monotonic=11.0)
    assert register.next_deadline() is None
    arrive(register, "other", now=11.0 + FORGET_AFTER_S - 1)
    assert len(register) == 2
    arrive(register, "third", now=11.0 + FORGET_AFTER_S)
    assert slave.identity not in {one.identity for one in register}


def test_a_classic_registration_is_not_touched_by_one_by_http() -> None:
    register = Registrations()
    classic = Identity(LOCALHOST, 5000)
    register.register(classic, a_registration(), "c", now=1.0, monotonic=1.0)
    arrive(register)
    register.deactivate(now=100.0, monotonic=100.0)
    found = register.get(classic)
    assert found is not None
    assert found.is_connected
    assert found.can_be_told


def test_made_up_identities_make_room_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_module, "MOST_BY_HTTP", 3)
    register = Registrations()
    for n in range(5):
        arrive(register, f"s{n}", now=float(n))
        arrive(register, "faithful", now=float(n))
    assert sorted(slave.message.scheduler_id for slave in register) == ["faithful", "s3", "s4"]
    assert len(register.deactivate(now=1000.0, monotonic=1000.0)) == 3
    assert MOST_BY_HTTP >= 3500


def test_a_slave_without_a_port_cannot_be_told() -> None:
    register = Registrations()
    slave = register.activate(
        HttpIdentity("s", LOCALHOST, 0), a_fetch(udp_port=0), active_s=1.0, now=1.0, monotonic=1.0
    )
    assert not slave.can_be_told
    assert arrive(register).can_be_told
