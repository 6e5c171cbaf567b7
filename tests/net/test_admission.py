from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sync_core.model.security import IpAddress
from sync_core.net.admission import Admission, Rank, Standing
from tests.support.net import LOCALHOST, ip

STRANGER, OTHER, PEER = ip("203.0.113.1"), ip("203.0.113.2"), ip("10.0.0.7")


@dataclass(eq=False)
class Held:
    peer_ip: IpAddress
    moved_at: float = 0.0
    is_kept: bool = False


def standing_of(address: IpAddress) -> Standing:
    if address == LOCALHOST:
        return Standing(Rank.THIS_MACHINE)
    return Standing(Rank.PEER, 2) if address in {PEER, ip("10.0.0.8")} else Standing(Rank.STRANGER)


class Server:
    """Lets come who comes, and closes who goes."""

    def __init__(self, most: int) -> None:
        self.admission: Admission[Held] = Admission(most, standing_of)
        self.now = 0.0

    def come(self, address: IpAddress, *, is_kept: bool = False) -> Held | None:
        self.now += 1
        goes = self.admission.who_goes(address)
        if goes is None:
            return None
        for one in goes:
            self.admission.leave(one)
        held = Held(address, self.now, is_kept)
        self.admission.enter(held)
        return held

    def count(self, which: Callable[[Held], bool]) -> int:
        return sum(which(held) for held in self.admission._rank_of)


def test_one_stranger_has_so_many_and_its_oldest_silent_one_goes_first() -> None:
    server = Server(10_000)
    held = [server.come(STRANGER) for _ in range(256)]
    assert held[0] is not None
    held[0].moved_at = server.now + 0.5
    assert server.admission.who_goes(STRANGER) == (held[1],)
    assert server.admission.who_goes(OTHER) == ()
    for _ in range(1000):
        assert server.come(STRANGER) is not None
    assert len(server.admission) == 256


def test_a_peer_has_places_for_each_of_its_hosts() -> None:
    server = Server(10_000)
    for _ in range(1000):
        server.come(PEER)
    assert len(server.admission) == 64 + 4 * 2


def test_whoever_acts_for_a_slave_is_never_closed_for_another() -> None:
    server = Server(10_000)
    for _ in range(256):
        server.come(STRANGER, is_kept=True)
    assert server.come(STRANGER) is None
    assert server.count(lambda held: held.is_kept) == 256


@pytest.mark.parametrize("is_kept", [False, True])
def test_strangers_leave_places_for_peers_and_this_machine(is_kept: bool) -> None:
    server = Server(1000)
    for number in range(2000):
        server.come(ip(f"198.51.{number % 100}.1"), is_kept=is_kept)
    assert len(server.admission) == 1000 - 250 - 16
    assert [server.come(address) is not None for address in (PEER, LOCALHOST)] == [True, True]
    assert (server.come(STRANGER) is None) == is_kept


def test_this_machine_leaves_places_for_peers_and_always_has_its_own() -> None:
    server = Server(1000)
    for _ in range(2000):
        server.come(LOCALHOST)
    assert len(server.admission) == 750
    assert server.come(PEER) is not None
    assert server.come(LOCALHOST) is not None
    assert server.come(STRANGER) is not None


def test_when_all_places_are_taken_the_greediest_address_makes_room() -> None:
    server = Server(100)
    for number in range(20):
        server.come(ip(f"198.51.100.{number}"))
    for _ in range(75):
        server.come(LOCALHOST)
    for _ in range(5):
        server.come(STRANGER)
    assert len(server.admission) == 100
    assert server.come(PEER) is not None
    assert server.count(lambda held: held.peer_ip == LOCALHOST) == 74
    assert len(server.admission) == 100


def test_leaving_may_be_said_twice() -> None:
    server = Server(1)
    held = server.come(PEER)
    assert held is not None
    server.admission.leave(held)
    server.admission.leave(held)
    assert len(server.admission) == 0
    assert server.come(STRANGER) is not None
