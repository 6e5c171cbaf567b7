"""How many bytes of requests or of answers may be in memory at once, over all connections."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

__all__ = ["SMALL_BYTES", "ByteGate", "Permit"]

SMALL_BYTES = 65536
"""What every connection may have in memory without asking, of its request and of its answer."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    permit: Permit
    more_bytes: int
    admitted: asyncio.Future[None]
    is_growing: bool


class ByteGate:
    """Lets so many bytes through at once; who comes first goes first.

    What is larger than the gate passes when nothing else is under way. Who holds something already and needs more may
    exceed the gate if nobody else does so: else all could wait for each other. So there is never more than
    ``most_bytes`` and what one alone may have.

    Args:
        most_bytes: how many.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._in_flight_bytes = 0
        self._waiting: deque[_Waiter] = deque()
        self._growing = 0  # how many of them hold something already
        self._exceeding: Permit | None = None
        self._shared: dict[int, tuple[bytes, int, Permit]] = {}

    @property
    def in_flight_bytes(self) -> int:
        """How many bytes are under way now."""
        return self._in_flight_bytes

    @property
    def is_crowded(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    def permit(self) -> Permit:
        """Return a permit for nothing yet."""
        return Permit(self)

    def share(self, body: bytes, permit: Permit) -> None:
        """Count ``body`` once, whatever the number of its users, with the permit of the first one.

        Call ``unshare`` when this user is done.
        """
        key = id(body)
        kept, users, first = self._shared.get(key, (body, 0, permit))
        self._shared[key] = (kept, users + 1, first)
        permit.set(0 if users else len(body))

    def unshare(self, body: bytes) -> None:
        """Note that a user of ``body`` is done; after the last one its bytes are no longer under way."""
        key = id(body)
        kept, users, first = self._shared.pop(key)
        if users > 1:
            self._shared[key] = (kept, users - 1, first)
        else:
            first.set(0)

    async def admit(self, permit: Permit, more_bytes: int) -> None:
        """Wait until ``permit`` may have so many more (``Permit.grow``)."""
        if (not self._waiting or permit is self._exceeding) and self._fits(permit, more_bytes):
            self.count(permit, more_bytes)
            return
        waiter = _Waiter(permit, more_bytes, asyncio.get_running_loop().create_future(), permit.size_bytes > 0)
        self._waiting.append(waiter)
        self._growing += waiter.is_growing
        self._let_in()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            if not waiter.admitted.cancelled():  # let in, and cancelled before it could know
                self.count(permit, -more_bytes)
            elif waiter in self._waiting:
                self._forget(waiter)
            self._let_in()
            raise

    def count(self, permit: Permit, more_bytes: int) -> None:
        """Count bytes without waiting (``Permit.set``)."""
        permit.size_bytes += more_bytes
        self._in_flight_bytes += more_bytes
        if permit is self._exceeding and permit.size_bytes == 0:
            self._exceeding = None
        if more_bytes < 0:
            self._let_in()

    def _fits(self, permit: Permit, more_bytes: int) -> bool:
        is_alone = self._in_flight_bytes == permit.size_bytes
        return is_alone or permit is self._exceeding or self._in_flight_bytes + more_bytes <= self._most_bytes

    def _let_in(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            if first.admitted.cancelled():  # it hears of that in a moment
                self._forget(first)
            elif self._fits(first.permit, first.more_bytes):
                self._admit(first)
            else:
                break
        if self._growing and self._exceeding is None:
            growing = (one for one in self._waiting if one.is_growing and not one.admitted.cancelled())
            waiter = next(growing, None)
            if waiter is not None:
                self._exceeding = waiter.permit
                self._admit(waiter)

    def _admit(self, waiter: _Waiter) -> None:
        self._forget(waiter)
        self.count(waiter.permit, waiter.more_bytes)
        waiter.admitted.set_result(None)

    def _forget(self, waiter: _Waiter) -> None:
        self._waiting.remove(waiter)
        self._growing -= waiter.is_growing


class Permit:
    """What one connection has under way; made by ``ByteGate.permit``.

    Attributes:
        size_bytes: how much it is.
    """

    __slots__ = ("_gate", "size_bytes")

    def __init__(self, gate: ByteGate) -> None:
        self._gate = gate
        self.size_bytes = 0

    async def grow(self, to_bytes: int) -> None:
        """Wait until it may be ``to_bytes``; at once where it is that much already."""
        more_bytes = to_bytes - self.size_bytes
        if more_bytes > 0:
            await self._gate.admit(self, more_bytes)

    def set(self, to_bytes: int) -> None:
        """Make it so much, also more, because that is in memory already; whoever comes later waits the longer."""
        if to_bytes != self.size_bytes:
            self._gate.count(self, to_bytes - self.size_bytes)
