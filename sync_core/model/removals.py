"""Removals that wait: those of one burst count together.

Somebody who runs ``rm -rf`` is seen at it for seconds, look by look. Were each file gone after two seconds of its own,
slaves would lose the first part before anybody could know how much is to go, and a bound on removals would let a part
of every great one through. So a removal counts when no other one has been seen for the settling time, but at most
30 s after the first one, lest a tree in which files come and go never lose any.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sync_core.model.path import RelPath

__all__ = ["MOST_BURST_S", "SETTLE_VANISHED_S", "Removals"]

SETTLE_VANISHED_S: Final = 2.0
"""So long nothing more may vanish before removals count (``protocol.md`` section 3.7)."""

MOST_BURST_S: Final = 30.0
"""So long after the first removal of a burst those that were seen by then count, whatever goes on."""


class Removals:
    """The files that vanished and still count. They are one set with one deadline, whatever their number."""

    def __init__(self) -> None:
        self._pending: set[RelPath] = set()
        self._new: set[RelPath] = set()
        self._first = 0.0
        self._last = 0.0

    def __contains__(self, path: object) -> bool:
        return path in self._pending or path in self._new

    def __iter__(self) -> Iterator[RelPath]:
        yield from self._pending
        yield from self._new

    @property
    def deadline(self) -> float | None:
        """When they count, if a look then still misses them (monotonic seconds); ``None`` where none waits."""
        return self._due() if self._pending else None

    def add(self, path: RelPath) -> None:
        """Let a file wait that a look misses; one that waits already is no other removal."""
        if path not in self._pending:
            self._new.add(path)

    def discard(self, path: RelPath) -> None:
        """Forget a file: it came back, or nobody can say any more that it is gone."""
        self._pending.discard(path)
        self._new.discard(path)

    def close_look(self, *, began: float, now: float) -> set[RelPath]:
        """End one look, from ``began`` to ``now``, and return what counts as removed from now on.

        What was due when it began was looked at once more.
        """
        if self._new:
            self._last = now
            if not self._pending:
                self._first = now
        removed: set[RelPath] = set()
        if self._pending and began >= self._due():
            # What this very look was the first to miss waits for a later one, as a burst of its own.
            removed, self._pending = self._pending, set()
            self._first = now
        self._pending |= self._new
        self._new = set()
        return removed

    def _due(self) -> float:
        return min(self._last + SETTLE_VANISHED_S, self._first + MOST_BURST_S)
