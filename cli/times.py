"""Times as people and scripts read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["ago", "rfc3339"]

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


_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def ago(time: str, now: datetime) -> str:
    """Return how long ago an RFC 3339 time is, in whole units of the largest one; clocks may differ a little.

    Args:
        time: what jsync wrote; anything else is returned as it is.
        now: with a time zone.
    """
    try:
        elapsed_s = max(int((now - datetime.fromisoformat(time)).total_seconds()), 0)
    except (ValueError, TypeError):
        return time
    size, unit = next((one for one in _UNITS if elapsed_s >= one[0]), _UNITS[-1])
    return f"{elapsed_s // size} {unit} ago"
