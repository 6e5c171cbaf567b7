"""Which connection gets a place when there are many: so many for an address, some kept for those who belong here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from sync_core.model.security import IpAddress

__all__ = ["Admission", "Rank", "Standing", "StandingOf"]

_MOST_OF_A_STRANGER: Final = 256
_MOST_OF_A_PEER: Final = 64
_MOST_PER_HOST: Final = 4
"""For each host that the inventory has at an address: an old connection may not be known to be dead yet."""
_MOST_KEPT_FOR_US: Final = 16


class Rank(IntEnum):
    """Who an address is."""

    STRANGER = 0
    PEER = 1
    THIS_MACHINE = 2


class Standing(NamedTuple):
    """What an address counts as.

    Attributes:
        rank: who it is.
        hosts: how many peers the inventory has there.
    """

    rank: Rank
    hosts: int = 0

    @property
    def most(self) -> int | None:
        """How many connections it may have; ``None`` as many as there are places for its rank."""
        match self.rank:
            case Rank.STRANGER:
                return _MOST_OF_A_STRANGER
            case Rank.PEER:
                return _MOST_OF_A_PEER + _MOST_PER_HOST * self.hosts
            case Rank.THIS_MACHINE:
                return None


StandingOf = Callable[[IpAddress], Standing]


class Occupant(Protocol):
    """What holds a place.

    Attributes:
        peer_ip: where it comes from.
        is_kept: whether it acts for a slave, which is silent for hours and must not be closed for that.
        moved_at: when it sent something last, on the loop's clock.
    """

    peer_ip: IpAddress
    is_kept: bool
    moved_at: float


T = TypeVar("T", bound=Occupant)


class Admission(Generic[T]):
    """The places of one server.

    A quarter of them is kept for the peers of the inventory, and a few for this machine. Where an address, or all of a
    rank, have as many as they may, the one that was silent longest is closed for the next: of the address with the most
    of them, and never one that acts for a slave.

    Args:
        most: places.
        standing_of: what an address counts as.
    """

    def __init__(self, most: int, standing_of: StandingOf) -> None:
        self._most = most
        self._standing_of = standing_of
        self._by_address: dict[IpAddress, dict[T, None]] = {}
        self._by_rank = dict.fromkeys(Rank, 0)
        self._rank_of: dict[T, Rank] = {}
        for_peers, for_us = most // 4, min(_MOST_KEPT_FOR_US, most // 16)
        self._most_of = {
            Rank.STRANGER: most - for_peers - for_us,
            Rank.PEER: most - for_us,
            Rank.THIS_MACHINE: most - for_peers,
        }

    def __len__(self) -> int:
        return len(self._rank_of)

    def who_goes(self, address: IpAddress) -> tuple[T, ...] | None:
        """Return what must be closed so that one more of ``address`` has a place; ``None``: there is none for it."""
        standing = self._standing_of(address)
        mine = self._by_address.get(address, {})
        if standing.most is not None and len(mine) >= standing.most:
            return _one_of(_silent(mine))
        if self._by_rank[standing.rank] >= self._most_of[standing.rank]:
            return _one_of(self._silent_of(standing.rank))
        if len(self) >= self._most:
            return _one_of(self._silent_of(*Rank))
        return ()

    def enter(self, occupant: T) -> None:
        """Note that it has a place."""
        rank = self._standing_of(occupant.peer_ip).rank
        self._by_address.setdefault(occupant.peer_ip, {})[occupant] = None
        self._by_rank[rank] += 1
        self._rank_of[occupant] = rank

    def leave(self, occupant: T) -> None:
        """Note that it has none any more; may be called twice."""
        rank = self._rank_of.pop(occupant, None)
        if rank is None:
            return
        self._by_rank[rank] -= 1
        mine = self._by_address[occupant.peer_ip]
        del mine[occupant]
        if not mine:
            del self._by_address[occupant.peer_ip]

    def _silent_of(self, *ranks: Rank) -> T | None:
        """Return the one that was silent longest, of the address with the most that may be closed."""
        found = [mine for mine in self._by_address.values() if self._rank_of[next(iter(mine))] in ranks]
        found.sort(key=len, reverse=True)
        return next((one for mine in found if (one := _silent(mine)) is not None), None)


def _silent(occupants: Iterable[T]) -> T | None:
    return min((one for one in occupants if not one.is_kept), key=lambda one: one.moved_at, default=None)


def _one_of(silent: T | None) -> tuple[T, ...] | None:
    return None if silent is None else (silent,)
