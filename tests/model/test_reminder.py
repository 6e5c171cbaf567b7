from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.reminder import DEFAULT_RHYTHM, Reminder, Rhythm, Signal


def _story(reminder: Reminder, times: list[float], *, has_udp: bool = True) -> list[tuple[float, tuple[Signal, ...]]]:
    said = []
    for now in times:
        reminder, signals = reminder.due(now, has_udp=has_udp)
        said.append((now, signals))
    return said


def test_a_change_is_said_at_once_then_every_30_s_with_a_warning_after_60_s() -> None:
    reminder = Reminder().changed(100.0)
    assert _story(reminder, [100.0, 100.0, 129.9, 130.0, 160.0, 190.0]) == [
        (100.0, (Signal.UDP,)),
        (100.0, ()),
        (129.9, ()),
        (130.0, (Signal.UDP, Signal.TCP)),
        (160.0, (Signal.UDP, Signal.TCP, Signal.WARN)),
        (190.0, (Signal.UDP, Signal.TCP)),
    ]


def test_without_udp_port_tcp_is_used_at_once() -> None:
    assert _story(Reminder().changed(0.0), [0.0, 30.0], has_udp=False) == [
        (0.0, (Signal.TCP,)),
        (30.0, (Signal.TCP,)),
    ]


def test_the_warning_comes_again_after_300_s_at_the_earliest() -> None:
    warned = [
        now
        for now, signals in _story(Reminder().changed(0.0), [float(t) for t in range(800)])
        if Signal.WARN in signals
    ]
    assert warned == [60.0, 360.0, 660.0]


def test_a_fetch_ends_it_and_a_new_change_is_said_at_once() -> None:
    reminder, _ = Reminder().changed(0.0).due(0.0, has_udp=True)
    reminder = reminder.fetched(0.5)
    assert reminder.next_deadline() is None
    assert reminder.due(1.0, has_udp=True) == (reminder, ())
    assert reminder.changed(2.0).due(2.0, has_udp=True)[1] == (Signal.UDP,)


def test_a_change_while_one_is_pending_says_nothing_new() -> None:
    reminder, _ = Reminder().changed(0.0).due(0.0, has_udp=True)
    assert reminder.changed(5.0) == reminder


def test_a_slave_that_registered_gets_30_s_to_fetch_by_itself() -> None:
    reminder = Reminder().registered(10.0)
    assert reminder.next_deadline() == 40.0
    assert reminder.due(39.0, has_udp=True)[1] == ()
    assert reminder.due(40.0, has_udp=True)[1] == (Signal.UDP, Signal.TCP)


@given(st.lists(st.floats(0, 2000), max_size=60), st.booleans())
def test_nobody_is_told_twice_within_the_repeat_time(times: list[float], has_udp: bool) -> None:
    told = [
        n
        for n, s in _story(Reminder().changed(0.0), sorted(times), has_udp=has_udp)
        if {Signal.UDP, Signal.TCP} & set(s)
    ]
    assert all(later >= earlier + DEFAULT_RHYTHM.repeat_s for earlier, later in itertools.pairwise(told))


@given(st.floats(0, 100), st.floats(0, 1000))
def test_due_says_nothing_before_the_deadline(changed_at: float, wait_s: float) -> None:
    reminder = Reminder().changed(changed_at)
    now = changed_at + wait_s
    reminder, signals = reminder.due(now, has_udp=True)
    assert signals
    deadline = reminder.next_deadline()
    assert deadline is not None
    assert deadline > now
    assert reminder.due((now + deadline) / 2, has_udp=True)[1] == () or (now + deadline) / 2 >= deadline


def test_who_does_not_ask_by_itself_is_nudged_after_a_while_without_a_fetch() -> None:
    reminder = Reminder(rhythm=Rhythm(nudge_s=60.0)).registered(0.0).fetched(1.0)
    assert reminder.next_deadline() == 61.0
    assert _story(reminder, [60.9, 61.0, 61.0, 120.9, 121.0, 181.0]) == [
        (60.9, ()),
        (61.0, (Signal.UDP,)),
        (61.0, ()),
        (120.9, ()),
        (121.0, (Signal.UDP, Signal.TCP)),  # the first one was not heard
        (181.0, (Signal.UDP, Signal.TCP)),
    ]
    assert _story(reminder, [61.0], has_udp=False) == [(61.0, (Signal.TCP,))]


def test_a_fetch_puts_a_nudge_off_and_a_change_comes_before_it() -> None:
    reminder, _ = Reminder(rhythm=Rhythm(nudge_s=60.0)).fetched(0.0).due(60.0, has_udp=True)
    assert reminder.fetched(70.0).next_deadline() == 130.0
    assert reminder.changed(70.0).due(70.0, has_udp=True)[1] == (Signal.UDP,)


def test_who_parted_is_told_nothing_and_what_was_warned_of_is_remembered() -> None:
    rhythm = Rhythm(nudge_s=1.0)
    reminder = Reminder(rhythm=rhythm, warned_at=7.0).fetched(8.0).changed(9.0).parted()
    assert reminder == Reminder(rhythm=rhythm, warned_at=7.0)
    assert reminder.next_deadline() is None
    assert reminder.due(1000.0, has_udp=True) == (reminder, ())
    assert reminder.registered(2000.0).rhythm is rhythm
