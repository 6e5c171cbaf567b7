from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_core.fleet.displaced import lately_displaced

NOW = datetime(2026, 11, 24, 9, 10, tzinfo=UTC)
AT = "2026-11-24T09:00:01.000Z"
A: dict[str, Any] = {"slave": "a", "identity": "10.0.0.1:5000", "displaced": 2, "displaced_at": AT}


def test_it_is_a_fault_for_ten_minutes() -> None:
    stranger = {**A, "slave": None}
    long_ago = {**A, "displaced_at": "2026-11-24T08:59:59.000Z"}
    never = {**A, "displaced": 0, "displaced_at": None}
    found = lately_displaced({"slaves": [A, stranger, long_ago, never]}, NOW)
    assert found == [{"slave": name, "count": 2, "last_at": AT} for name in ("a", "10.0.0.1:5000")]
    assert lately_displaced({"slaves": [A, stranger]}, NOW, "a") == found[:1]


@pytest.mark.parametrize("slaves", [None, 5, [5], [{}], [{**A, "displaced_at": "soon"}], [{**A, "displaced": "2"}]])
def test_what_makes_no_sense_is_none(slaves: object) -> None:
    assert lately_displaced({"slaves": slaves}, NOW) == []
