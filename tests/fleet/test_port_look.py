"""What the kernel's counters say, with counters as a test wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from sync_core.fleet.outposts import Post
from sync_core.fleet.port_look import Looker, Seen, is_own
from sync_core.model.inventory import Role
from sync_core.model.probe import Counted, FarSide, Listener, Outcome, ProbeResult, Protocol, Purpose, Vantage
from sync_core.model.required_ports import PortCheck
from sync_core.net.outpost import Counts, Outpost
from tests.support.net import a_host, ip, run

Look = tuple[int, int, int, int]
"""Datagrams read and sent, bytes that wait, datagrams dropped; since the look before."""


class Machine:
    """An outpost whose counters grow as a test says, two looks a round."""

    def __init__(self, machine: str, rounds: Sequence[Look | Counts | None]) -> None:
        self.machine = machine
        self.addresses = frozenset({ip("10.9.0.2"), ip("127.0.0.1")})
        self.sent: list[tuple[str, int]] = []
        self._looks = self._counts(rounds)
        self._last: Counts | None = None

    def _counts(self, rounds: Sequence[Look | Counts | None]) -> Iterator[Counts | None]:
        for grown in rounds:
            if isinstance(grown, Counts):
                yield grown
                continue
            yield Counts(read=100, sent=100, waiting_bytes=512, dropped=3)
            if grown is None:
                yield None
            else:
                read, sent, waiting, dropped = grown
                yield Counts(read=100 + read, sent=100 + sent, waiting_bytes=512 + waiting, dropped=3 + dropped)

    async def count(self, *_: object) -> Counts | None:
        self._last = next(self._looks, self._last)  # nothing more changes
        return self._last

    async def probe_udp(self, *_: object, datagram: str, times: int, **__: object) -> None:
        self.sent.append((datagram, times))


CHECK = PortCheck(
    source=a_host("master", role=Role.MASTER),
    target=a_host("slave"),
    protocol=Protocol.UDP,
    port=5000,
    purpose=Purpose.WAKE_UP,
    is_required=True,
)
SILENT = ProbeResult(outcome=Outcome.SILENT, elapsed_ms=1.0)


def seen(source: Machine, target: Machine, *, is_agent: bool | None = None, **changes: Any) -> Seen:
    far_side = FarSide(listeners=(Listener(address=ip("10.9.0.2"), is_agent=is_agent),), is_held=True)
    values: dict[str, Any] = {"probe": SILENT, "far_side": far_side, **changes}
    return Seen(
        check=CHECK,
        address=ip("10.9.0.2"),
        source=Post(outpost=cast(Outpost, source), vantage=Vantage.SSH),
        target=Post(outpost=cast(Outpost, target), vantage=Vantage.SSH),
        **values,
    )


@pytest.mark.parametrize(
    ("rounds", "counted"),
    [
        ([(0, 0, 0, 0)], Counted.VANISHED),
        ([(4, 0, 0, 0)], Counted.VANISHED),
        ([(4, 0, 90, 0)], Counted.UNREAD),
        ([(0, 0, 0, 5)], Counted.UNREAD),
        ([(5, 0, 0, 0), (7, 0, 0, 0)], Counted.ARRIVED),
        ([(5, 5, 0, 0), (7, 7, 0, 0)], Counted.ANSWERED),
        ([(5, 0, 0, 0), (7, 1, 0, 0)], Counted.ANSWERED),
        ([(9, 0, 0, 0), (7, 0, 0, 0), (6, 0, 0, 0)], Counted.ARRIVED),
        ([(5, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0)], None),
        ([(9, 0, 0, 0), (8, 0, 0, 0), (3, 0, 0, 0)], Counted.VANISHED),
        ([None], None),
    ],
)
def test_counters(rounds: list[Look | None], counted: Counted | None) -> None:
    source, target = Machine("master", []), Machine("slave", rounds)
    assert run(Looker(3.0, unread_s=0).count(seen(source, target))) is counted
    assert [times for _, times in source.sent] == [5, 7, 6][: len(rounds)]


def test_what_is_read_a_little_later_has_arrived() -> None:
    counts = [Counts(read=0, sent=0, waiting_bytes=waiting, dropped=0) for waiting in (0, 90, 90, 0)]
    target = Machine("slave", counts)
    assert run(Looker(3.0, unread_s=0).count(seen(Machine("master", []), target))) is Counted.ARRIVED


def test_on_one_machine_what_we_send_ourselves_does_not_count() -> None:
    machine = Machine("one", [(5, 5, 0, 0), (7, 7, 0, 0)])
    assert run(Looker(3.0).count(seen(machine, machine))) is Counted.ARRIVED


@pytest.mark.parametrize(("is_agent", "is_wake_up"), [(True, False), (None, False), (False, True)])
def test_only_what_is_known_not_to_be_ours_gets_a_wake_up(is_agent: bool | None, is_wake_up: bool) -> None:
    source, target = Machine("master", []), Machine("slave", [(0, 0, 0, 0)])
    run(Looker(3.0).count(seen(source, target, is_agent=is_agent)))
    assert (source.sent[0][0] == "<check_folders/>") is is_wake_up


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({}, True),
        ({"probe": ProbeResult(outcome=Outcome.REFUSED, elapsed_ms=1.0)}, False),
        ({"far_side": None}, False),
        ({"far_side": FarSide(is_held=False, arrivals=())}, False),
        ({"far_side": FarSide(listeners=(Listener(address=ip("127.0.0.1")),), is_held=False)}, False),
    ],
)
def test_counters_are_asked_about_silent_holders(changes: dict[str, Any], needed: bool) -> None:
    one = Machine("one", [])
    assert seen(one, one, **changes).needs_counters is needed


@pytest.mark.parametrize(
    ("address", "is_same", "own"),
    [("10.9.0.2", False, True), ("10.9.0.3", False, False), ("127.0.0.1", False, False), ("127.0.0.9", True, True)],
)
def test_whose_address_it_is(address: str, is_same: bool, own: bool) -> None:
    target = Machine("slave", [])
    found = seen(target if is_same else Machine("master", []), target)
    assert is_own(ip(address), found.source, found.target) is own
