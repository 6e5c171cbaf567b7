from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from sync_core.agent.collector import be_rare, pass_over


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.enable()
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_full_collections_are_rare_and_not_switched_off() -> None:
    gc.set_threshold(200_000, 10, 10)  # as the command line starts an agent
    before = gc.get_freeze_count()
    be_rare()
    assert gc.get_freeze_count() > before, "what is imported is not looked at again"
    assert gc.get_threshold()[:2] == (700, 10)
    assert 10 < gc.get_threshold()[2] < 1_000_000
    assert gc.isenabled()


class _Circle:
    def __init__(self) -> None:
        self.itself = self


def test_what_is_alive_is_passed_over_and_what_is_garbage_is_collected_first() -> None:
    gc.disable()
    garbage = weakref.ref(_Circle())
    assert garbage() is not None
    before = gc.get_freeze_count()
    pass_over()
    assert garbage() is None
    assert gc.get_freeze_count() > before
