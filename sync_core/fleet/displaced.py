"""Slaves whose place somebody else took at their master (SCHEDULER-714), as far as it is not long ago."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

__all__ = ["lately_displaced"]

_LATELY: Final = timedelta(minutes=10)
"""Two processes that take one place from each other do so again and again; one that lost its network, once."""


def lately_displaced(status: Mapping[str, Any], now: datetime, slave: str | None = None) -> list[dict[str, Any]]:
    """Return ``{slave, count, last_at}`` of those that a master's status names.

    Args:
        status: what the master says of itself.
        now: with a time zone.
        slave: of this one alone.
    """
    entries = status.get("slaves")
    found = []
    for entry in entries if isinstance(entries, list) else []:
        values = entry if isinstance(entry, dict) else {}
        name, count, at = values.get("slave") or values.get("identity"), values.get("displaced"), _time(values)
        if isinstance(name, str) and isinstance(count, int) and at is not None and now - at < _LATELY:
            found.append({"slave": name, "count": count, "last_at": values["displaced_at"]})
    return [one for one in found if slave in {None, one["slave"]}]


def _time(values: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(values["displaced_at"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None
