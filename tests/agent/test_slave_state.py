from __future__ import annotations

from typing import Any

from sync_core.agent.slave_state import SlaveState, rfc3339
from tests.support.folders import a_tree
from tests.support.net import ManualClock


def test_times_are_rfc_3339_in_utc() -> None:
    assert rfc3339(1_350_000_000.5) == "2012-10-12T00:00:00.500Z"


def test_the_values_after_each_step() -> None:
    clock = ManualClock()
    written: list[dict[str, Any]] = []
    state = SlaveState(lambda values: written.append(dict(values)), clock=clock)
    assert state.values["in_sync"] is False

    def at(seconds: float) -> str:
        clock.now_s = seconds
        return rfc3339(seconds)

    first = at(10)
    state.lost("refused")
    assert written[-1]["pending_since"] == first
    assert (written[-1]["last_error"], written[-1]["registered_at"]) == ("refused", None)
    second = at(20)
    state.registered("m")
    assert (written[-1]["registered_at"], written[-1]["master"]) == (second, "m")
    third = at(30)
    cache = a_tree({"a": b"1", "d": None})
    state.fetched(cache)
    assert written[-1] == {
        "registered_at": second,
        "master": "m",
        "in_sync": True,
        "files": 1,
        "tree_digest": cache.tree_digest,
        "last_fetch_at": third,
        "pending_since": None,
        "last_error": None,
    }
    fourth = at(40)
    state.failed("disk full")
    at(50)
    state.failed("disk still full")
    assert (written[-1]["pending_since"], written[-1]["last_error"]) == (fourth, "disk still full")
    assert (written[-1]["registered_at"], written[-1]["files"]) == (second, 1)
    assert len(written) == 5
