from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from sync_core.agent.deadlines import Deadlines

STEPS = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"), st.one_of(st.none(), st.floats(0, 100)), st.one_of(st.none(), st.floats(0, 100))
    ),
    max_size=300,
)


@given(STEPS)
def test_it_knows_what_a_plain_look_at_everybody_would(steps: list[tuple[str, float | None, float | None]]) -> None:
    deadlines, plain = Deadlines[str](), dict[str, float]()
    for key, deadline, now in steps:
        deadlines.set(key, deadline)
        plain.pop(key, None)
        if deadline is not None:
            plain[key] = deadline
        assert deadlines.first() == min(plain.values(), default=None)
        if now is None:
            continue
        taken = deadlines.take(now)
        assert sorted(taken) == sorted(key for key, at in plain.items() if at <= now)
        times = [plain.pop(key) for key in taken]
        assert times == sorted(times)


def test_deadlines_that_move_all_the_time_leave_no_heap_behind() -> None:
    deadlines = Deadlines[int]()
    for deadline in range(10_000):
        deadlines.set(0, float(deadline))
    assert len(deadlines._heap) < 100
    assert deadlines.take(1e9) == [0]
