"""Every target with bytes of hypothesis: made up, and made from what good peers send; and what was found before."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

_CASES = Path(__file__).parent / "cases"
_EDITS = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 40), st.binary(max_size=12)), max_size=6)


def _edited(seed: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Return the seed with some of its bytes gone, and others in their place."""
    for at, gone, new in edits:
        start = at % (len(seed) + 1)
        seed = seed[:start] + new + seed[start + gone :]
    return seed


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_nothing_but_its_own_errors_comes_out(name: str) -> None:
    target = TARGETS[name]
    seeds = sorted(set(target.seeds()))
    assert seeds

    @given(st.binary(max_size=400) | st.builds(_edited, st.sampled_from(seeds), _EDITS))
    def try_it(data: bytes) -> None:
        target.run(data)

    try_it()


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_good_peers_send_and_what_was_found_is_no_fault(name: str) -> None:
    target = TARGETS[name]
    for data in (*target.seeds(), *(case.read_bytes() for case in sorted(_CASES.glob(f"{name}/*")))):
        target.run(data)
