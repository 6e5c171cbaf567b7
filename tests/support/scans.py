"""What a scan saw, in short, and a clock that makes every md5 believed."""

from __future__ import annotations

from sync_core.model.observation import Scan

__all__ = ["LATE_NS", "late", "seen", "troubles"]

LATE_NS = 4 * 10**18
"""A wall clock so far ahead that no change is too recent for its md5 to be trusted."""


def late() -> int:
    """Tell that time."""
    return LATE_NS


def seen(result: Scan) -> dict[str, str | None]:
    """Return what was seen: md5s, ``None`` for folders, ``!`` where it could not be read."""
    return {path: "!" if what.is_unreadable else what.md5 for path, what in result.observations.items()}


def troubles(result: Scan) -> dict[str, str]:
    """Return the reasons by path."""
    return {trouble.path: trouble.reason for trouble in result.troubles}
