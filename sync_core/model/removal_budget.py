"""How many files of a slave's cache have gone lately: what ``max_delete`` counts, over one burst of removals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sync_core.model.inventory import MaxDelete

__all__ = ["BURST_S", "NO_REMOVALS", "RemovalBudget"]

BURST_S: Final = 60.0
"""Updates that remove something belong to one burst as long as they follow each other this closely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalBudget:
    """The removals of one burst: an ``rm -rf`` on a master that comes in portions counts as one.

    Attributes:
        files_before: how many files the cache held before the burst.
        removed: how many have gone since.
        last_removal_at: when the last ones went, in seconds of any steady clock; ``None`` before the first.
    """

    files_before: int = 0
    removed: int = 0
    last_removal_at: float | None = None

    def at(self, now: float) -> RemovalBudget:
        """Return what counts at ``now``: the burst itself, or nothing once it is over."""
        if self.last_removal_at is None or now - self.last_removal_at > BURST_S:
            return NO_REMOVALS
        return self

    def after(self, vanished: int, *, files_before: int, now: float) -> RemovalBudget:
        """Return what counts after an update that took ``vanished`` of ``files_before`` files."""
        burst = self.at(now)
        if not vanished:
            return burst
        first = burst.last_removal_at is None
        return RemovalBudget(
            files_before=files_before if first else burst.files_before,
            removed=burst.removed + vanished,
            last_removal_at=now,
        )

    def allows(self, vanishing: int, *, files: int, max_delete: MaxDelete) -> bool:
        """Whether ``vanishing`` of the ``files`` that the cache holds may go; where nothing goes, always."""
        return not vanishing or self.removed + vanishing <= max_delete.limit(self.counted_of(files))

    def counted_of(self, files: int) -> int:
        """Return how many files the bound is a share of, where the cache holds ``files`` now."""
        return files if self.last_removal_at is None else self.files_before


NO_REMOVALS: Final = RemovalBudget()
"""Nothing has gone lately."""
