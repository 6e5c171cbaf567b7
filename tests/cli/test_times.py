from __future__ import annotations

import pytest

from cli.times import rfc3339


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
