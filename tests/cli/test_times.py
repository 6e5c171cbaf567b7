from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cli.times import ago, rfc3339


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, None),
        (0, "1970-01-01T00:00:00Z"),
        (1348231966, "2012-09-21T12:52:46Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (2**40, "9999-12-31T23:59:59Z"),
        (-(2**63), "0001-01-01T00:00:00Z"),
    ],
)
def test_rfc3339(seconds: int | None, text: str | None) -> None:
    assert rfc3339(seconds) == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-11-24T07:05:25.510Z", "0 s ago"),
        ("2026-11-24T07:04:27Z", "59 s ago"),
        ("2026-11-24T06:05:26Z", "1 h ago"),
        ("2026-11-24T06:06:20Z", "59 min ago"),
        ("2026-11-22T07:05:00Z", "2 d ago"),
        ("2026-11-24T07:09:00Z", "0 s ago"),
        ("yesterday", "yesterday"),
        ("2026-11-24T07:04:27", "2026-11-24T07:04:27"),
    ],
)
def test_ago(time: str, text: str) -> None:
    assert ago(time, datetime(2026, 11, 24, 7, 5, 26, tzinfo=UTC)) == text
