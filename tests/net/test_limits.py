from __future__ import annotations

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.net.limits import MOST_CONNECTIONS, RESERVED_FILES, RateLimit, max_connections, raise_file_limit
from tests.support.net import ManualClock


class Limits:
    """A system with its own limits of open files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, soft: int, hard: int) -> None:
        self.soft, self.hard = soft, hard
        monkeypatch.setattr(resource, "getrlimit", lambda _: (self.soft, self.hard))
        monkeypatch.setattr(resource, "setrlimit", self._set)

    def _set(self, _: int, limits: tuple[int, int]) -> None:
        self.soft, self.hard = limits


ENDLESS = resource.RLIM_INFINITY
CEILING = MOST_CONNECTIONS + RESERVED_FILES


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [
        (1024, 4096, 4096),
        (4096, 4096, 4096),
        (1024, ENDLESS, CEILING),
        (1024, 10**9, CEILING),
        (10**8, 10**9, 10**8),
        (ENDLESS, ENDLESS, CEILING),
    ],
)
def test_the_limit_is_raised_as_far_as_sense_goes(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised: int
) -> None:
    limits = Limits(monkeypatch, soft, hard)
    assert raise_file_limit() == raised
    assert limits.hard == hard
    assert limits.soft in {raised, soft}


def test_the_real_limit_is_at_its_ceiling_afterwards() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        reached = raise_file_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert reached == min(soft, CEILING)
        assert hard == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(("files", "connections"), [(20000, 19744), (1024, 768), (256, 128), (1, 1), (10**9, 100_000)])
def test_files_are_kept_for_other_things(files: int, connections: int) -> None:
    assert max_connections(files) == connections


def test_a_rate_is_kept_for_each_key() -> None:
    clock = ManualClock()
    limit: RateLimit[str] = RateLimit(count=2, per_s=1.0, clock=clock)
    assert [limit.allows("a") for _ in range(4)] == [True, True, False, False]
    assert limit.allows("b")
    clock.now_s += 0.5
    assert [limit.allows("a") for _ in range(2)] == [True, False]
    clock.now_s += 100
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]


def test_invented_keys_do_not_fill_the_memory() -> None:
    limit: RateLimit[int] = RateLimit(count=1, per_s=1.0, clock=ManualClock())
    for key in range(5000):
        assert limit.allows(key)
    assert len(limit._tokens) <= 1024


@given(st.lists(st.floats(min_value=0, max_value=0.2), max_size=60))
def test_never_more_than_the_burst_and_what_grew_back(pauses: list[float]) -> None:
    clock = ManualClock()
    limit: RateLimit[None] = RateLimit(count=5, per_s=1.0, clock=clock)
    started_s = clock.now_s
    allowed = 0
    for pause in pauses:
        clock.now_s += pause
        allowed += limit.allows(None)
    assert allowed <= 5 + 5 * (clock.now_s - started_s) + 1e-6
