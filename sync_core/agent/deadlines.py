"""Who is due next, without looking at everybody."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Deadlines"]

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """One deadline per key, at most; finding the first costs the same for ten keys and for ten thousand."""

    def __init__(self) -> None:
        self._of: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []  # what was replaced stays until its turn comes, and is passed over
        self._numbers = itertools.count()

    def set(self, key: K, deadline: float | None) -> None:
        """Replace the deadline of ``key``; ``None`` = it has none."""
        if deadline == self._of.get(key):
            return
        if deadline is None:
            del self._of[key]
            return
        self._of[key] = deadline
        if len(self._heap) > 2 * len(self._of) + 64:
            self._heap = [(at, next(self._numbers), key) for key, at in self._of.items()]
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, (deadline, next(self._numbers), key))

    def first(self) -> float | None:
        """Return the first deadline; ``None`` where there is none."""
        while self._heap and self._of.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[K]:
        """Return the keys whose deadline has come, the first one first, and forget these deadlines."""
        found = []
        while (deadline := self.first()) is not None and deadline <= now:
            key = heapq.heappop(self._heap)[2]
            del self._of[key]
            found.append(key)
        return found
