"""Who is registered, what each was given, and who is told what, by any clock."""

from __future__ import annotations

import pytest

from sync_core.model.folder import EMPTY_FOLDER
from sync_core.model.registry.askers import MOST_BY_HTTP, MOST_FROM_ONE, Askers
from sync_core.model.registry.effects import (
    CloseOlder,
    NoFolder,
    NotAnswering,
    Silent,
    TellByTcp,
    TellByUdp,
)
from sync_core.model.registry.register import FORGET_AFTER_S, MOST_GONE
from sync_core.model.registry.registration import HttpIdentity, Identity, Phase, Unanswered
from sync_core.model.reminder import DEFAULT_RHYTHM
from tests.support.net import LOCALHOST, ip
from tests.support.registrations import Site, a_view

OLD, NEW = a_view(a="old"), a_view(a="new")


def a_site(**more: object) -> Site:
    site = Site(**more)
    site.change(all=OLD)
    return site


def with_copy(*ports: int, **said: object) -> Site:
    """Return a site whose slaves have all that there is."""
    site = a_site()
    for port in ports:
        site.add(port, f"c{port}", **said)
        site.fetch(site.of(port))
    assert site.drain() == []
    return site


def test_a_registration_binds_its_connection() -> None:
    site = a_site()
    assert site.add(1, "c") == ()
    slave = site.register.of("c")
    assert slave is site.of(1)
    assert (slave.phase, slave.is_connected, slave.connected_at, slave.tcp_port) == (Phase.ASKING, True, 0.0, 1)
    assert site.register.of("other") is None
    assert len(site.register) == 1
    assert str(slave.identity) == "127.0.0.1:1"


def test_the_newer_connection_wins_and_the_late_end_of_the_older_changes_nothing() -> None:
    site = a_site()
    site.add(1, "old")
    assert site.add(1, "new") == (CloseOlder(Identity(LOCALHOST, 1), "old", "new"),)
    site.register.ended("old", wall=3.0)
    assert site.register.of("old") is None
    assert (site.of().connection, site.of().disconnected_at) == ("new", None)


def test_registering_again_on_the_same_connection_closes_nothing() -> None:
    site = a_site()
    site.add(1, "c")
    assert site.add(1, "c") == ()
    assert site.register.of("c") is site.of(1)


def test_a_connection_that_registers_another_port_leaves_the_first() -> None:
    site = a_site()
    site.add(1, "c")
    assert site.add(2, "c") == ()
    assert (site.of(1).phase, site.of(2).phase) == (Phase.AWAY, Phase.ASKING)
    site.register.ended("c", wall=3.0)
    assert (site.of(1).disconnected_at, site.of(2).disconnected_at) == (0.0, 3.0)


def test_a_logoff_ends_the_signals_and_keeps_the_entry() -> None:
    site = a_site()
    site.add(1, "c")
    assert site.add(1, "c", is_logoff=True) == ()
    assert (site.of().phase, site.of().disconnected_at, site.register.of("c")) == (Phase.AWAY, 0.0, None)
    assert site.register.next_deadline() is None


def test_who_lacks_something_is_told_and_nobody_else() -> None:
    site = with_copy(1, 2)
    site.folders[1] = "own"
    site.change(own=OLD)
    site.add(3, "c3")  # never fetched: it will by itself
    site.change(all=NEW)
    assert site.drain() == [TellByUdp(site.of(2))]
    assert [site.of(port).phase for port in (1, 2, 3)] == [Phase.WHOLE, Phase.BEHIND, Phase.ASKING]
    site.change()
    assert site.drain() == []
    site.fetch(site.of(2))
    assert (site.of(2).phase, site.of(2).is_in_sync, site.of(2).folder) == (Phase.WHOLE, True, None)


def test_who_does_not_answer_is_reminded_both_ways_and_then_warned_of_until_it_comes() -> None:
    site = with_copy(1)
    slave = site.of()
    site.now = 100.0
    site.change(all=NEW)
    assert site.drain() == [TellByUdp(slave)]
    assert site.register.next_deadline() == 130.0
    site.now = 130.0
    assert site.drain() == [TellByUdp(slave), TellByTcp(slave)]
    site.now = 160.0
    assert site.drain() == [TellByUdp(slave), TellByTcp(slave), NotAnswering(slave)]
    assert slave.unanswered == Unanswered(100.0, 160.0)
    site.fetch(slave)
    assert slave.phase is Phase.WHOLE
    assert site.register.next_deadline() is None
    assert site.of().unanswered is None


def test_who_registers_and_does_not_fetch_is_reminded_and_then_warned_of() -> None:
    site = a_site()
    site.add()
    site.now = 29.0
    assert site.drain() == []
    site.now = 30.0
    assert site.drain() == [TellByUdp(site.of()), TellByTcp(site.of())]
    site.now = 60.0
    assert NotAnswering(site.of()) in site.drain()
    assert site.of().unanswered == Unanswered(0.0, 60.0)
    site.add()
    assert site.of().unanswered is None


def test_a_change_that_was_taken_back_is_none() -> None:
    site = with_copy(1)
    site.change(all=NEW)
    site.change(all=OLD)
    assert site.drain() == []
    site.change(all=NEW)
    site.drain()
    site.now = 30.0
    site.change(all=OLD)  # it is due at this very moment, and has all again
    assert site.drain() == []
    assert (site.of().phase, site.register.next_deadline()) == (Phase.WHOLE, None)


def test_a_view_that_cannot_be_read_is_no_change() -> None:
    site = with_copy(1)
    site.change(all=None)
    assert site.drain() == []
    assert site.of().phase is Phase.WHOLE


def test_an_own_folder_that_comes_to_mean_a_slave_is_a_change() -> None:
    site = with_copy(1)
    site.views["own"] = NEW
    site.folders[1] = "own"
    site.register.folders_changed()
    assert site.drain() == [TellByUdp(site.of())]


def test_a_change_during_a_fetch_is_not_forgotten() -> None:
    for drained in (True, False):
        site = with_copy(1)
        site.change(all=NEW)
        if drained:
            site.drain()
        site.fetch(site.of(), OLD)
        assert site.drain() == [TellByUdp(site.of())]


def test_a_part_of_an_older_view_is_followed_by_word_of_the_newest() -> None:
    site = with_copy(1)
    site.change(all=NEW)
    site.drain()
    site.fetch(site.of(), OLD, is_whole=False)
    assert site.drain() == [TellByUdp(site.of())]


def test_who_is_given_a_part_is_told_at_once_if_the_rest_could_come_and_else_with_the_next_change() -> None:
    site = with_copy(1)
    slave = site.of()
    site.fetch(slave, is_whole=False, has_more=True)
    assert site.drain() == [TellByUdp(slave)]
    site.fetch(slave, is_whole=False)
    assert (slave.phase, site.drain()) == (Phase.BEHIND, [])
    site.now = 1000.0
    assert site.drain() == []
    site.change()
    assert site.drain() == [TellByUdp(slave)]
    site.fetch(slave)
    assert slave.phase is Phase.WHOLE


def test_who_left_or_came_back_during_its_fetch_was_given_nothing() -> None:
    site = a_site()
    site.add(1, "c")
    slave = site.of()
    site.register.ended("c", wall=1.0)
    values = {"given": OLD, "folder": None, "is_whole": True, "is_news": True, "now": 1.0, "wall": 1.0}
    site.register.fetched(slave, "c", **values)  # type: ignore[arg-type]
    site.register.fetched(slave, None, **values)  # type: ignore[arg-type]
    site.register.confirmed(slave, "c", has=OLD, now=1.0, wall=1.0)
    assert (slave.given, slave.fetched_at) == (None, None)
    site.add(1, "d")
    site.register.fetched(slave, "c", **values)  # type: ignore[arg-type]
    assert (slave.phase, slave.fetched_at) == (Phase.ASKING, None)


def test_nobody_knows_what_became_of_a_copy_between_two_connections() -> None:
    site = with_copy(1)
    site.change(all=NEW)
    site.drain()
    site.add(1, "d")
    assert (site.of().given, site.of().phase, site.of().changed_at) == (None, Phase.ASKING, 0.0)
    assert not site.of().is_in_sync


def test_a_slave_that_does_not_take_what_it_is_given_is_not_in_sync() -> None:
    site = with_copy(1)
    slave = site.of()
    assert slave.is_in_sync  # it is given it now
    site.now = 5.0
    site.fetch(slave)
    assert (slave.is_in_sync, slave.refused_since) == (False, 5.0)
    site.now = 6.0
    site.fetch(slave, a_view(a="old"))  # the same, made anew
    assert slave.refused_since == 5.0
    site.fetch(slave, is_news=False)
    assert slave.is_in_sync
    site.fetch(slave)  # somebody touched its copy: that heals, and is no refusal
    assert slave.is_in_sync


def test_who_says_what_it_has_is_believed_and_told_only_what_it_lacks() -> None:
    site = a_site()
    site.add(is_jsync=True)
    slave = site.of()
    site.register.confirmed(slave, "c", has=a_view(a="old"), now=0.0, wall=7.0)
    assert (slave.phase, slave.fetched_at, site.register.next_deadline()) == (Phase.WHOLE, 7.0, None)
    site.change(all=NEW)
    assert site.drain() == [TellByUdp(slave)]
    site.now = 10.0
    site.register.confirmed(slave, "c", has=OLD, now=10.0, wall=10.0)
    assert (slave.phase, site.register.next_deadline()) == (Phase.BEHIND, 40.0)  # it asks now
    site.register.confirmed(slave, "c", has=None, now=11.0, wall=11.0)
    assert site.register.next_deadline() == 41.0
    site.fetch(slave)
    assert slave.phase is Phase.WHOLE


def test_a_refusal_shows_also_where_a_slave_says_what_it_has() -> None:
    site = a_site()
    site.add(is_jsync=True)
    slave = site.of()
    for expected in (False, True, True):
        site.register.confirmed(slave, "c", has=EMPTY_FOLDER, now=1.0, wall=1.0)
        site.fetch(slave)
        assert (slave.refused_since is not None) is expected
    site.register.confirmed(slave, "c", has=OLD, now=2.0, wall=2.0)
    assert slave.is_in_sync


def test_a_jobscheduler_is_nudged_and_jsync_is_not() -> None:
    site = Site(nudge_s=60.0)
    site.change(all=OLD)
    for port, is_jsync in ((1, False), (2, True)):
        site.add(port, port, is_jsync=is_jsync)
        site.fetch(site.of(port))
    assert site.register.next_deadline() == 60.0
    site.now = 60.0
    assert site.drain() == [TellByUdp(site.of(1))]
    assert site.of(1).phase is Phase.WHOLE
    site.register.nudge_every(5.0)
    assert site.register.next_deadline() == 65.0
    site.add(3, 3)
    assert site.of(3).reminder.rhythm.nudge_s == 5.0


def test_without_a_wake_up_port_the_command_port_is_used() -> None:
    site = with_copy(1, udp_port=0)
    site.change(all=NEW)
    assert site.drain() == [TellByTcp(site.of())]


def test_who_asks_by_http_is_there_for_a_while() -> None:
    site = a_site()
    slave = site.add_by_http(interval_s=5)
    site.fetch(slave)
    assert (slave.phase, slave.is_connected, slave.connected_at, slave.deactivate_at) == (
        Phase.WHOLE,
        False,
        None,
        10.0,
    )
    assert str(slave.identity) == "s,127.0.0.1:5000"
    site.now = 8.0
    assert site.add_by_http(interval_s=5) is slave
    site.change(all=NEW)
    assert site.drain() == [TellByUdp(slave)]
    site.now = 20.0
    assert site.drain() == [Silent(slave, 12)]
    assert (slave.phase, slave.disconnected_at, slave.given) == (Phase.AWAY, 20.0, None)
    assert site.register.next_deadline() is None
    site.add_by_http()
    assert slave.is_active


def test_by_http_there_is_no_command_port_and_without_a_wake_up_port_no_way_at_all() -> None:
    site = a_site()
    slave, deaf = site.add_by_http(active_s=1000.0), site.add_by_http("t", active_s=1000.0, udp_port=0)
    for one in (slave, deaf):
        site.fetch(one)
    site.change(all=NEW)
    assert site.drain() == [TellByUdp(slave)]
    site.now = 30.0
    assert site.drain() == [TellByUdp(slave)]
    assert (deaf.phase, deaf.can_be_told) == (Phase.BEHIND, False)


def test_made_up_identities_make_room_for_each_other() -> None:
    site = a_site(askers=Askers(most=3))
    for n in range(5):
        site.now = float(n)
        site.add_by_http(f"s{n}")
        site.add_by_http("faithful")
    assert sorted(slave.registration.scheduler_id for slave in site.register) == ["faithful", "s3", "s4"]
    site.now = 1000.0
    assert len(site.drain()) == 3
    assert MOST_BY_HTTP >= 3500


def test_one_address_that_makes_up_identities_costs_the_others_no_place_and_gets_few_datagrams() -> None:
    site = a_site()
    other = site.add_by_http("other", origin=ip("10.0.0.9"), udp_port=1)
    site.fetch(other)
    for n in range(3000):
        site.now = n / 1000
        site.fetch(site.add_by_http(f"made-up-{n}", active_s=1000, udp_port=n + 2))
    assert len(site.register) == MOST_FROM_ONE + 1
    site.change(all=NEW)
    told = [effect.slave for effect in site.drain() if isinstance(effect, TellByUdp)]
    assert other in told
    assert len(told) == MOST_FROM_ONE + 1


def test_who_was_gone_for_a_day_is_forgotten_at_the_next_registration() -> None:
    site = a_site()
    site.add(1, "a")
    site.add(2, "b")
    site.register.ended("a", wall=2.0)
    site.now = 1.0 + FORGET_AFTER_S
    site.add(3, "c")
    assert site.register.get(Identity(LOCALHOST, 1)) is not None
    site.now = 2.0 + FORGET_AFTER_S
    site.add(4, "d")
    assert site.register.get(Identity(LOCALHOST, 1)) is None
    assert site.register.get(Identity(LOCALHOST, 2)) is not None  # connected for as long as that


def test_who_comes_back_counts_as_gone_from_the_next_time_only() -> None:
    site = a_site()
    site.add(1, "a")
    site.register.ended("a", wall=2.0)
    site.now = 1.0 + FORGET_AFTER_S
    site.add(1, "b")
    site.register.ended("b", wall=2.0 + FORGET_AFTER_S)
    site.now = 3.0 + FORGET_AFTER_S
    site.add(2, "c")
    assert site.of(1).phase is Phase.AWAY


def test_made_up_ports_do_not_fill_the_memory() -> None:
    site = a_site(most_gone=50)
    for port in range(1, 100):
        site.add(port, "c")
    assert len(site.register) == 51
    assert site.register.get(Identity(LOCALHOST, 1)) is None
    assert site.register.of("c") is not None
    assert MOST_GONE >= 3500


def test_who_finds_no_folder_at_all_is_told_of_once() -> None:
    site = Site()
    site.change(all=EMPTY_FOLDER)
    site.add()
    assert site.fetch(site.of()) == (NoFolder(site.of()),)
    assert site.fetch(site.of()) == ()
    site.change(all=OLD)
    site.add(2, "d")
    assert site.fetch(site.of(2)) == ()


def test_slaves_in_the_same_state_are_compared_once_and_in_slices() -> None:
    site = with_copy(*range(1, 101))
    before = site.compared
    site.change(all=NEW)
    step = site.register.advance(now=0.0, wall=0.0, most=10)
    assert (len(step.effects), step.has_more) == (5, True)  # five were compared, and told at once
    assert len(site.drain()) == 95
    assert site.compared == before + 1


def test_who_waits_to_be_compared_keeps_its_place_when_another_change_comes() -> None:
    """However often views change, everybody's turn comes."""
    site = with_copy(*range(1, 11))
    told = set()
    for n in range(10):
        site.change(all=a_view(a=str(n)))
        step = site.register.advance(now=0.0, wall=0.0, most=2)
        told |= {effect.slave.tcp_port for effect in step.effects if isinstance(effect, TellByUdp)}
    assert told == set(range(1, 11))


def test_nobody_is_told_more_often_than_the_rhythm_says_however_often_views_change() -> None:
    site = with_copy(1)
    told = []
    for second in range(120):
        site.now = float(second)
        site.change(all=a_view(a=f"new {second}"))
        told += [site.now for effect in site.drain() if isinstance(effect, TellByUdp)]
    assert told == [0.0, 30.0, 60.0, 90.0]
    assert DEFAULT_RHYTHM.repeat_s == 30.0


@pytest.mark.parametrize("identity", [HttpIdentity("s", LOCALHOST, 1), Identity(LOCALHOST, 77)])
def test_an_entry_that_is_gone_is_given_nothing(identity: Identity | HttpIdentity) -> None:
    site = a_site(most_gone=0)
    site.add(77, "c")
    slave = site.of(77)
    site.register.ended("c", wall=0.0)
    site.add(78, "d")
    assert site.register.get(identity) is None
    site.fetch(slave, OLD)
    assert (len(site.register), slave.given) == (1, None)


def test_a_key_for_wake_ups_lasts_until_the_next_registration() -> None:
    site = a_site()
    site.add(1, "c", is_jsync=True)
    site.register.confirmed(site.of(1), "c", has=OLD, wake_key=b"key", now=0.0, wall=0.0)
    site.register.confirmed(site.of(1), "c", has=OLD, now=1.0, wall=1.0)
    assert site.of(1).wake_key == b"key"
    site.add(1, "d", is_jsync=True)
    assert site.of(1).wake_key is None
