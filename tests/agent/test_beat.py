from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from sync_core.agent.beat import beat, forget_beat, keep_beating, silent_s
from tests.support.agents import in_background, state_of
from tests.support.net import eventually, run


def test_an_agent_beats_also_while_its_folder_is_missing(tmp_path: Path) -> None:
    state = state_of(tmp_path, "h")
    place = state.folder / "beat"

    async def both() -> None:
        async with in_background(keep_beating(state, tmp_path / "gone", pause_s=0.01)):
            await eventually(place.exists)
            first = place.read_text()
            await eventually(lambda: place.read_text() != first)

    run(both())
    assert silent_s(state, time.monotonic()) is None


def test_no_beat_while_the_disk_does_not_answer(tmp_path: Path) -> None:
    state = state_of(tmp_path, "h")
    is_asked, answers = threading.Event(), threading.Event()

    def ask(_: Path) -> None:
        is_asked.set()
        answers.wait()

    async def dead_then_alive() -> None:
        async with in_background(keep_beating(state, tmp_path, pause_s=0.01, ask=ask)):
            await eventually(is_asked.is_set)
            assert not (state.folder / "beat").exists()
            answers.set()
            await eventually((state.folder / "beat").exists)

    run(dead_then_alive())


@pytest.mark.parametrize("content", ["", "soon", "nan", "-", "\\xff"])
def test_what_makes_no_sense_says_nothing(tmp_path: Path, content: str) -> None:
    state = state_of(tmp_path, "h")
    assert silent_s(state, time.monotonic()) is None
    (state.folder / "beat").write_text(content)
    assert silent_s(state, time.monotonic()) is None


def test_who_does_not_beat_hangs(tmp_path: Path) -> None:
    state = state_of(tmp_path, "h")
    beat(state, 1000.0)
    assert silent_s(state, 1029.0) is None
    assert silent_s(state, 1060.0) == 60.0
    forget_beat(state)
    forget_beat(state)
    assert silent_s(state, 2000.0) is None


def test_a_beat_that_can_not_be_written_is_none(tmp_path: Path) -> None:
    state = state_of(tmp_path, "h")
    beat(state, 1000.0)
    state.folder.chmod(0o777)  # refused, as a full disk refuses
    beat(state, 1001.0)
    state.folder.chmod(0o700)
    assert silent_s(state, 2000.0) is None
