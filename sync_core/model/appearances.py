"""Files that are new or were changed, and wait until they stay as they are."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Final

from sync_core.model.file import File
from sync_core.model.path import RelPath

__all__ = ["SETTLE_CHANGED_S", "Appearances"]

SETTLE_CHANGED_S: Final = 3.0
"""So long a file must stay the same before it counts (``protocol.md`` section 3.7)."""


class Appearances:
    """The files on disk that differ from their settled state, or have none.

    Each is due on its own. Two kinds have no time: one that changed while it was read (it waits for a look that can
    read it), and one that is *obstructed*: a settled file is in its way, as a folder above it or below its own place,
    and must have gone first.
    """

    def __init__(self) -> None:
        self._pending: dict[RelPath, tuple[File, float]] = {}
        self._due: list[tuple[float, RelPath]] = []
        self._moving: set[RelPath] = set()
        self._obstructed: set[RelPath] = set()
        self._unchecked: set[RelPath] = set()
        self._looked_at = 0.0

    def __contains__(self, path: object) -> bool:
        return path in self._pending

    def __iter__(self) -> Iterator[RelPath]:
        return iter(self._pending)

    @property
    def deadline(self) -> float | None:
        """When the next one is due (monotonic seconds), ``None`` if none is."""
        while self._due and not self._is_valid(*self._due[0]):
            heapq.heappop(self._due)
        due = [self._due[0][0]] if self._due else []
        if self._moving - self._obstructed:
            due.append(self._looked_at + SETTLE_CHANGED_S)
        return min(due, default=None)

    def take(self, path: RelPath, seen: File, *, began: float, now: float, is_trusted: bool) -> None:
        """Let a file wait, or go on waiting; one that is not as it was begins anew.

        ``is_trusted``: it is known to be complete, so it need not wait. The look went from ``began`` to ``now``.
        """
        before = self._pending.get(path)
        due = now + SETTLE_CHANGED_S
        if seen.md5 is None:
            self._moving.add(path)
        else:
            self._moving.discard(path)
            if is_trusted:
                due = began
            elif before is not None and _is_steady(before[0], seen):
                due = before[1] if before[0].md5 is not None else self._looked_at + SETTLE_CHANGED_S
        self._pending[path] = (seen, due)
        self._unchecked.add(path)

    def forget(self, path: RelPath) -> None:
        """Let a file wait no longer: it is as it was, has gone, or can't be read."""
        if self._pending.pop(path, None) is not None:
            self._moving.discard(path)
            self._obstructed.discard(path)

    def close_look(
        self, *, began: float, now: float, is_obstructed: Callable[[RelPath], bool], is_any_removed: bool
    ) -> list[RelPath]:
        """End one look and return the files that count from now on; they wait no longer.

        What was due when the look began was looked at once more. ``is_obstructed`` says whether a settled file is in
        the way. ``is_any_removed``: a settled file has just gone; only then can something be obstructed no longer, as a
        file is never put in the way of another one that is there.
        """
        self._looked_at = now
        if is_any_removed:
            self._unchecked |= self._obstructed
        for path in self._unchecked:
            if path not in self._pending:
                continue
            if is_obstructed(path):
                self._obstructed.add(path)
                continue
            self._obstructed.discard(path)
            if path not in self._moving:
                heapq.heappush(self._due, (self._pending[path][1], path))
        self._unchecked = set()
        counted = list(self._take_due(began))
        if not self._pending:
            self._pending, self._due = {}, []  # an emptied one keeps the room that it had
        return counted

    def _take_due(self, began: float) -> Iterator[RelPath]:
        while self._due and self._due[0][0] <= began:
            due, path = heapq.heappop(self._due)
            if self._is_valid(due, path):
                del self._pending[path]
                yield path

    def _is_valid(self, due: float, path: RelPath) -> bool:
        """Whether a note of when a file is due still stands; one that began anew has left the old note behind."""
        pending = self._pending.get(path)
        return pending is not None and pending[1] == due and not (path in self._moving or path in self._obstructed)


def _is_steady(before: File, seen: File) -> bool:
    """Whether a file stayed as it was since a look that may not have been able to read it."""
    if before.md5 is not None and (before.md5, before.sha256) != (seen.md5, seen.sha256):
        return False
    return before.size_bytes == seen.size_bytes and _signature(before) == _signature(seen)


def _signature(file: File) -> tuple[int, ...]:
    """What stays the same as long as nobody touches a file; when it was read is no part of that."""
    return file.stamp[:3] if file.stamp is not None else ()
