"""What may be trusted after one look, given all hints at once."""

from __future__ import annotations

from collections.abc import Iterable

from sync_core.model.hints import Hint, PendingHints
from sync_core.model.path import RelPath


def trusted_paths(hints: Iterable[Hint], newer: Iterable[Hint] = ()) -> frozenset[RelPath]:
    """Return what a ``Settler`` may trust; ``newer``: the hints that came since the look began."""
    pending = PendingHints()
    for hint in hints:
        pending.add(hint)
    look = pending.take()
    for hint in newer:
        pending.add(hint)
    return pending.trusted_after(look)
