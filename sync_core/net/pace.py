"""How slowly an answer may come. Bytes that drip are no silence, and would keep a slave from its next master."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["SLOWEST", "Pace", "Slowest"]


@dataclass(frozen=True, slots=True)
class Slowest:
    """The slowest answer that is waited for.

    Attributes:
        window_s: waited for bytes, after which enough must have come; what comes sooner begins the next window.
        bytes_per_s: that come in a window, on average.
    """

    window_s: float = 60.0
    bytes_per_s: int = 10_000


SLOWEST: Final = Slowest()


class Pace:
    """Waits for the bytes of one answer after the other.

    Until the first byte of an answer only silence counts: a master may have much to read before. What its receiver does
    between two waits does not count either.

    Args:
        slowest: the limit.
        clock: monotonic seconds.
    """

    def __init__(self, slowest: Slowest = SLOWEST, clock: Callable[[], float] = time.monotonic) -> None:
        self._slowest = slowest
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """Say that the next byte is the first one of an answer."""
        self._is_coming = False
        self._new_window()

    async def wait(self, coming: Awaitable[int], *, silence_s: float) -> int:
        """Wait for ``coming``, and return the same.

        Args:
            coming: gives how many bytes have come.
            silence_s: the longest time in which nothing comes.

        Raises:
            TimeoutError: nothing came for so long, or too little for some time.
        """
        begun_at = self._clock()
        async with asyncio.timeout(min(silence_s, self._left_s) if self._is_coming else silence_s):
            came_bytes = await coming
        if self._is_coming:
            self._left_s -= self._clock() - begun_at
        self._is_coming = self._is_coming or came_bytes > 0
        self._lacking_bytes -= came_bytes
        if self._lacking_bytes <= 0:
            self._new_window()
        return came_bytes

    def _new_window(self) -> None:
        self._left_s = self._slowest.window_s
        self._lacking_bytes = int(self._slowest.window_s * self._slowest.bytes_per_s)
