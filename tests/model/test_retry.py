from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.retry import LONGEST_PAUSE_S, check_pause_s, retry_pause_s


@pytest.mark.parametrize(
    ("failures", "outage_s", "pause_s"),
    [(0, 0.0, 0.0), (1, 0.0, 1.0), (2, 1.0, 2.0), (3, 3.0, 4.0), (7, 63.0, 60.0), (50, 9000.0, 60.0), (6, 2.5, 3.5)],
)
def test_pauses_without_jitter(failures: int, outage_s: float, pause_s: float) -> None:
    assert retry_pause_s(failures, outage_s=outage_s, jitter=0.0) == pause_s


@pytest.mark.parametrize(
    ("failures", "pause_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 16.0), (6, 32.0), (7, 60.0)]
)
def test_pauses_double_where_nothing_else_makes_them_shorter(failures: int, pause_s: float) -> None:
    assert retry_pause_s(failures, outage_s=9000.0, jitter=0.0) == pause_s


@given(st.integers(0, 10_000), st.floats(0, 1e9), st.floats(0, 1))
def test_a_pause_is_bounded_by_the_outage_and_by_a_minute(failures: int, outage_s: float, jitter: float) -> None:
    pause_s = retry_pause_s(failures, outage_s=outage_s, jitter=jitter)
    assert 0 <= pause_s <= min(LONGEST_PAUSE_S, outage_s + 1)


@given(st.floats(0.001, 1e6), st.floats(0, 1))
def test_jitter_never_lengthens_the_interval(interval_s: float, jitter: float) -> None:
    assert 0 < check_pause_s(interval_s, jitter=jitter) <= interval_s
