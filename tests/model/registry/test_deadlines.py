from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from sync_core.model.registry.deadlines import Deadlines

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
        assert (len(deadlines), deadlines.of(key)) == (len(plain), deadline)
        while now is not None and (popped := deadlines.pop(now)) is not None:
            assert plain[popped] == min(plain.values()) <= now
            del plain[popped]
        assert now is None or all(at > now for at in plain.values())


def test_deadlines_that_move_all_the_time_leave_no_heap_behind() -> None:
    deadlines = Deadlines[int]()
    for deadline in range(10_000):
        deadlines.set(0, float(deadline))
    assert len(deadlines._heap) < 100
    for key in range(10_000):
        deadlines.set(key, 1.0)
    for key in range(10_000):
        deadlines.set(key, None)
    assert len(deadlines._heap) < 100
    assert deadlines.pop(1e9) is None
