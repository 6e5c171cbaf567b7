from __future__ import annotations

import dataclasses

import hypothesis.strategies as st
from hypothesis import given

from sync_core.agent.register import FORGET_AFTER_S, MOST_GONE, Registrations
from sync_core.agent.registration import Identity, Slave
from sync_core.model.reminder import DEFAULT_RHYTHM, Rhythm
from tests.support.agents import a_registration
from tests.support.net import LOCALHOST

ONE, TWO = Identity(LOCALHOST, 5000), Identity(LOCALHOST, 5001)


def register(
    register: Registrations, connection: object, identity: Identity = ONE, *, now: float = 1.0, logoff: bool = False
) -> object:
    message = a_registration(tcp_port=identity.tcp_port, is_logoff=logoff)
    return register.register(identity, message, connection, now=now, monotonic=now)


def test_a_registration_binds_its_connection() -> None:
    slaves = Registrations()
    assert register(slaves, "c1") is None
    slave = slaves.of("c1")
    assert slave is not None
    assert (slave.identity, slave.connected_at, slave.is_connected) == (ONE, 1.0, True)
    assert slaves.of("c2") is None
    assert len(slaves) == 1
    assert str(ONE) == "127.0.0.1:5000"


def test_the_newer_connection_wins_and_the_late_end_of_the_older_changes_nothing() -> None:
    slaves = Registrations()
    register(slaves, "old")
    assert register(slaves, "new", now=2.0) == "old"
    assert slaves.of("old") is None
    slaves.unbind("old", now=3.0)
    slave = slaves.of("new")
    assert slave is not None
    assert slave.is_connected
    assert slave.disconnected_at is None
    assert len(slaves) == 1


def test_registering_again_on_the_same_connection_closes_nothing() -> None:
    slaves = Registrations()
    register(slaves, "c")
    assert register(slaves, "c", now=2.0) is None
    assert len(slaves) == 1
    assert slaves.of("c") is not None


def test_a_connection_that_registers_another_port_leaves_the_first() -> None:
    slaves = Registrations()
    register(slaves, "c", ONE)
    assert register(slaves, "c", TWO, now=2.0) is None
    first, second = slaves.get(ONE), slaves.of("c")
    assert first is not None
    assert second is not None
    assert (first.is_connected, first.disconnected_at) == (False, 2.0)
    assert second.identity == TWO
    slaves.unbind("c", now=3.0)
    assert slaves.get(ONE) == first


def test_an_entry_stays_after_its_connection() -> None:
    slaves = Registrations()
    register(slaves, "c")
    slaves.unbind("c", now=5.0)
    (slave,) = slaves
    assert (slave.connection, slave.disconnected_at) == (None, 5.0)
    assert slave.reminder.next_deadline() is None
    register(slaves, "d", now=6.0)
    (slave,) = slaves
    assert (slave.connection, slave.disconnected_at, slave.connected_at) == ("d", None, 6.0)


def test_a_stranger_that_leaves_is_no_matter() -> None:
    slaves = Registrations()
    slaves.unbind("never seen", now=1.0)
    assert len(slaves) == 0


def test_a_logoff_ends_the_signals_and_keeps_the_entry() -> None:
    slaves = Registrations()
    register(slaves, "c")
    assert register(slaves, "c", now=2.0, logoff=True) is None
    (slave,) = slaves
    assert (slave.is_connected, slave.disconnected_at) == (False, 2.0)
    assert slaves.of("c") is None
    assert slave.reminder.next_deadline() is None


def test_nobody_knows_what_became_of_a_copy_between_two_connections() -> None:
    slaves = Registrations()
    register(slaves, "c")
    slave = slaves.of("c")
    assert slave is not None
    slaves.put(dataclasses.replace(slave, given_md5="0" * 32, changed_at=1.5))
    register(slaves, "d", now=2.0)
    slave = slaves.of("d")
    assert slave is not None
    assert (slave.given_md5, slave.changed_at) == (None, 1.5)


def test_who_registers_and_does_not_fetch_is_reminded_and_then_warned_of() -> None:
    slaves = Registrations()
    register(slaves, "c", now=100.0)
    slave = slaves.of("c")
    assert slave is not None
    assert slave.reminder.due(101.0, has_udp=True)[1] == ()
    assert slave.reminder.due(100.0 + DEFAULT_RHYTHM.warn_after_s, has_udp=True)[1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["register", "logoff", "unbind"]), st.sampled_from("abc"), st.sampled_from([ONE, TWO])
        ),
        max_size=30,
    )
)
def test_whatever_comes_one_connection_acts_for_one_slave_and_back(steps: list[tuple[str, str, Identity]]) -> None:
    slaves = Registrations()
    for now, (what, connection, identity) in enumerate(steps):
        if what == "unbind":
            slaves.unbind(connection, now=now)
        else:
            register(slaves, connection, identity, now=now, logoff=what == "logoff")
        bound = [slave.connection for slave in slaves if slave.is_connected]
        assert len(bound) == len(set(bound))
        for one in "abc":
            slave: Slave | None = slaves.of(one)
            assert (slave is not None) == (one in bound)
            assert slave is None or slave.connection == one
        assert all(slave.is_connected == (slave.disconnected_at is None) for slave in slaves)


def test_who_was_gone_for_a_day_is_forgotten_at_the_next_registration() -> None:
    slaves = Registrations()
    register(slaves, "a", ONE, now=1.0)
    register(slaves, "b", TWO, now=1.0)
    slaves.unbind("a", now=2.0)
    register(slaves, "c", Identity(LOCALHOST, 1), now=1.0 + FORGET_AFTER_S)
    assert slaves.get(ONE) is not None
    register(slaves, "d", Identity(LOCALHOST, 2), now=2.0 + FORGET_AFTER_S)
    assert slaves.get(ONE) is None
    assert slaves.get(TWO) is not None  # connected for as long as that


def test_who_comes_back_counts_as_gone_from_the_next_time_only() -> None:
    slaves = Registrations()
    register(slaves, "a", ONE, now=1.0)
    slaves.unbind("a", now=2.0)
    register(slaves, "b", ONE, now=1.0 + FORGET_AFTER_S)
    slaves.unbind("b", now=2.0 + FORGET_AFTER_S)
    register(slaves, "c", TWO, now=3.0 + FORGET_AFTER_S)
    assert slaves.get(ONE) is not None


def test_made_up_ports_do_not_fill_the_memory() -> None:
    slaves = Registrations()
    for port in range(1, MOST_GONE + 10):
        register(slaves, "c", Identity(LOCALHOST, port))
    assert len(slaves) == MOST_GONE + 1
    assert slaves.get(Identity(LOCALHOST, 1)) is None
    assert slaves.of("c") is not None


def test_an_entry_that_was_forgotten_is_not_put_back() -> None:
    slaves = Registrations()
    register(slaves, "a")
    (slave,) = slaves
    other = Registrations()
    other.put(slave)
    assert len(other) == 0


def test_who_is_due_is_taken_once_and_again_after_a_put() -> None:
    slaves = Registrations(rhythm_of=lambda _: Rhythm(nudge_s=5.0))
    register(slaves, "a", ONE, now=1.0)
    register(slaves, "b", TWO, now=2.0)
    first, second = slaves
    slaves.put(dataclasses.replace(first, reminder=first.reminder.fetched(3.0)))
    assert slaves.next_deadline() == 8.0
    assert slaves.take_due(7.9) == ()
    assert [slave.identity for slave in slaves.take_due(8.0)] == [ONE]
    assert slaves.take_due(9.0) == ()
    slaves.put(second)
    assert slaves.next_deadline() == 32.0
    slaves.unbind("b", now=10.0)
    assert slaves.next_deadline() is None
