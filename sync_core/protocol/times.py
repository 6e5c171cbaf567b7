"""The time formats of the wire and of the original's log lines (``protocol.md`` section 1.6).

Times are seconds since the epoch and come as arguments; nothing here reads a clock, a zone or a locale. What lies
outside of the years 1970 to 9999 is brought to the nearest end, because four digits are all that the formats hold.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sync_core.model.errors import RemoteProtocolError
from sync_core.protocol.texts import one_line

__all__ = [
    "EARLIEST_S",
    "LATEST_S",
    "MAX_TIME_S",
    "format_answer_time",
    "format_last_write_time",
    "format_log_insertion",
    "format_second",
    "format_utc_time",
    "is_schema_time",
    "parse_time",
    "within_reach",
]

MAX_TIME_S = 253_402_300_799
"""The last second of the year 9999."""

EARLIEST_S = 101 * 86_400
"""A real slave lists a file from the first hundred days of 1970 by a bare hour, which no real schema takes."""

LATEST_S = 2**31 - 1
"""The last second that 32 bits hold; later times become this one at a real peer."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN_EPOCH = datetime(1970, 1, 1)  # without a zone it counts and writes four times as quick
_PLAIN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d*)?Z?", re.ASCII)
_LENIENT = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.\d*)?)?)?(?:Z|\+0000)?", re.ASCII)
_SPAN = re.compile(r"(\d{1,4}):(\d\d):(\d\d)(?:\.\d*)?(?:Z|\+0000)?", re.ASCII)
_SCHEMA = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?", re.ASCII)


def parse_time(text: str) -> int:
    """Return the whole second that ``text`` names; empty means 0, no zone means UTC.

    ``T`` or a blank may stand between date and time, a fraction may have any length, ``Z`` and ``+0000`` are cut.
    A bare ``hh:mm:ss`` is what the original writes for the first 100 days of 1970.

    Raises:
        RemoteProtocolError: it is no time, or has another zone offset, which the original does not understand either.
    """
    stripped = text.strip()
    if not stripped:
        return 0
    if _PLAIN.fullmatch(stripped):
        return _plain_second(stripped)
    if span := _SPAN.fullmatch(stripped):
        hours, minutes, seconds = (int(part) for part in span.groups())
        return hours * 3600 + minutes * 60 + seconds
    match = _LENIENT.fullmatch(stripped)
    try:
        if match is None:
            raise ValueError("not the form of a time")
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise _not_understood(stripped) from None
    return max(0, (moment - _EPOCH) // timedelta(seconds=1))


def _plain_second(text: str) -> int:
    """Return the second of a time in the one form that nearly all times of a list have."""
    try:
        since = datetime.fromisoformat(text[:19]) - _PLAIN_EPOCH
    except ValueError:
        raise _not_understood(text) from None
    return max(0, since.days * 86_400 + since.seconds)


def _not_understood(text: str) -> RemoteProtocolError:
    message = f"the time '{one_line(text[:40])}' is not understood"
    return RemoteProtocolError(message, answer_code="LIBXML2-007")


def is_schema_time(text: str) -> bool:
    """Whether ``text`` has a form that a slave's list may have: with ``T``, zone ``Z`` or none.

    The original's schema takes no other. We also take the bare hour that real slaves write for the first days of
    1970, since such a slave could never fetch again.
    """
    return bool(_SCHEMA.fullmatch(text.strip()) or _SPAN.fullmatch(text.strip()))


def within_reach(seconds: int) -> int:
    """Return ``seconds`` brought to the nearest time that a real JobScheduler can keep and list (section 1.6)."""
    return min(max(EARLIEST_S, seconds), LATEST_S)


def format_last_write_time(seconds: int) -> str:
    """Return ``2026-11-24T02:00:00.000Z``: file times in both directions, and the ``*_at`` attributes, as 1.3 does."""
    moment = _PLAIN_EPOCH + timedelta(seconds=min(max(0, seconds), MAX_TIME_S))
    return moment.isoformat() + ".000Z"


def format_log_insertion(seconds: int) -> str:
    """Return ``2026-11-24 02:00:00.000 UTC``: how SCHEDULER-701 and SCHEDULER-474 show a time."""
    return f"{_moment(seconds):%Y-%m-%d %H:%M:%S}.000 UTC"


def format_answer_time(epoch_s: float, utc_offset_s: int) -> str:
    """Return ``2026-11-24 03:16:21.992``: local time with milliseconds, for ``answer/@time`` and log lines.

    ``utc_offset_s``: how far the local zone is ahead of UTC at that moment.
    """
    moment = _moment(epoch_s + utc_offset_s)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def format_utc_time(epoch_s: float) -> str:
    """Return ``2014-10-07T10:43:07.191Z``: ``answer/@time`` as all versions after 1.3 write it."""
    moment = _moment(epoch_s)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def format_second(epoch_s: float, utc_offset_s: int) -> str:
    """Return ``2026-11-24 03:16:21``: local time as ``ERROR/@time`` and a state's attributes have it."""
    return f"{_moment(epoch_s + utc_offset_s):%Y-%m-%d %H:%M:%S}"


def _moment(seconds: float) -> datetime:
    return _EPOCH + timedelta(seconds=min(max(0, seconds), MAX_TIME_S))
