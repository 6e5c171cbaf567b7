"""Who is due next, without looking at everybody."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Deadlines"]

K = TypeVar("K", bound=Hashable)

_SPARE = 64


class Deadlines(Generic[K]):
    """One deadline per key, at most; finding the first costs the same for ten keys and for ten thousand."""

    def __init__(self) -> None:
        self._of: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []  # what was replaced stays until its turn comes, and is passed over
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._of)

    def of(self, key: K) -> float | None:
        """Return the deadline of ``key``; ``None`` where it has none."""
        return self._of.get(key)

    def set(self, key: K, deadline: float | None) -> None:
        """Replace the deadline of ``key``; ``None`` = it has none."""
        if deadline == self._of.get(key):
            return
        if deadline is None:
            del self._of[key]
        else:
            self._of[key] = deadline
            heapq.heappush(self._heap, (deadline, next(self._numbers), key))
        if len(self._heap) > 2 * len(self._of) + _SPARE:
            self._heap = [(at, next(self._numbers), key) for key, at in self._of.items()]
            heapq.heapify(self._heap)

    def first(self) -> float | None:
        """Return the first deadline; ``None`` where there is none."""
        while self._heap and self._of.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self, now: float) -> K | None:
        """Return the key whose deadline came first, and forget that; ``None`` while none has come."""
        deadline = self.first()
        if deadline is None or deadline > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._of[key]
        return key
