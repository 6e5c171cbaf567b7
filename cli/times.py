"""Times as people and scripts read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["rfc3339"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_S = -62_135_596_800
_LATEST_S = 253_402_300_799


def rfc3339(seconds: int | None) -> str | None:
    """Return whole seconds since the epoch as RFC 3339 in UTC.

    The form ends with the years 1 and 9999; a file's time beyond them is shown as the nearest that has a form.
    """
    if seconds is None:
        return None
    moment = _EPOCH + timedelta(seconds=min(max(seconds, _EARLIEST_S), _LATEST_S))
    return moment.isoformat().replace("+00:00", "Z")
