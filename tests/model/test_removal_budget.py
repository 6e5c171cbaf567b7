from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model.inventory import MaxDelete
from sync_core.model.removal_budget import BURST_S, NO_REMOVALS, RemovalBudget

HALF = MaxDelete(number=50, is_percentage=True)
NEVER = MaxDelete(number=0, is_percentage=False)


def test_portions_of_one_removal_count_against_what_was_there_before_the_first() -> None:
    burst = NO_REMOVALS
    for n, files in enumerate((100, 80, 60)):
        assert burst.at(n * BURST_S).allows(10, files=files, max_delete=HALF)
        burst = burst.after(20, files_before=files, now=n * BURST_S)
    assert burst == RemovalBudget(files_before=100, removed=60, last_removal_at=2 * BURST_S)
    assert not burst.allows(1, files=40, max_delete=HALF)


@pytest.mark.parametrize(("later_s", "is_allowed"), [(BURST_S, False), (BURST_S + 0.1, True)])
def test_a_burst_ends_when_nothing_was_removed_for_a_while(later_s: float, is_allowed: bool) -> None:
    burst = NO_REMOVALS.after(5, files_before=10, now=7.0)
    assert burst.at(7.0 + later_s).allows(1, files=5, max_delete=HALF) is is_allowed


def test_an_update_that_removes_nothing_is_allowed_and_leaves_the_burst_as_it_is() -> None:
    burst = NO_REMOVALS.after(5, files_before=10, now=0.0)
    assert burst.allows(0, files=5, max_delete=NEVER)
    assert burst.after(0, files_before=5, now=BURST_S) == burst
    assert burst.after(0, files_before=5, now=BURST_S + 1) == NO_REMOVALS
    assert NO_REMOVALS.after(0, files_before=5, now=0.0) == NO_REMOVALS


@pytest.mark.parametrize(("vanishing", "is_allowed"), [(5, True), (6, False)])
def test_outside_of_a_burst_the_files_of_now_count(vanishing: int, is_allowed: bool) -> None:
    assert NO_REMOVALS.allows(vanishing, files=10, max_delete=HALF) is is_allowed


@given(st.integers(1, 1000), st.integers(0, 100), st.data())
def test_no_portions_take_more_than_one_update_could(files: int, percent: int, data: st.DataObject) -> None:
    max_delete = MaxDelete(number=percent, is_percentage=True)
    burst, left, now = NO_REMOVALS, files, 0.0
    for _ in range(data.draw(st.integers(0, 8))):
        now += data.draw(st.floats(0, BURST_S))
        vanishing = data.draw(st.integers(0, left))
        if burst.at(now).allows(vanishing, files=left, max_delete=max_delete) and vanishing:
            burst = burst.after(vanishing, files_before=left, now=now)
            left -= vanishing
        elif burst.last_removal_at is not None:
            now = burst.last_removal_at
    assert files - left <= max_delete.limit(files)
