from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync_core.agent.process import process_started_at
from sync_core.agent.run_record import RunRecord
from sync_core.agent.settings import restart_md5, settings_md5
from sync_core.agent.state import HostState
from sync_core.fleet.reload import ReloadOutcome, ReloadResult, reload_agents
from sync_core.model.errors import HostError
from tests.support.agents import Pair, a_pair, state_of
from tests.support.site import eventually

TOLD = "import signal; signal.signal(signal.SIGHUP, lambda *_: print('told', flush=True)); print(flush=True)\n"
PATIENT = TOLD + "while True: signal.pause()"
ENDS = "import signal; print(flush=True); signal.pause()"


@contextmanager
def an_agent(
    pair: Pair, code: str = PATIENT, *, name: str = "slave", **changes: Any
) -> Iterator[tuple[subprocess.Popen[str], RunRecord]]:
    """A process that passes for the slave's agent, with settings of yesterday."""
    with subprocess.Popen([sys.executable, "-c", code, "agent", name], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        values = {
            "pid": process.pid,
            "process_started_at": process_started_at(process.pid),
            "settings_md5": "yesterday",
            "restart_md5": restart_md5(pair.slave),
            "reloads": 3,
        }
        try:
            yield process, pair.write_record(pair.slave, **{**values, **changes})
        finally:
            process.kill()


def reload(pair: Pair, *, check: bool = False, timeout_s: float = 20) -> ReloadResult:
    (result,) = reload_agents(pair.inventory, [pair.slave], pair.state, wait_timeout_s=timeout_s, check=check)
    return result


@contextmanager
def answering(process: subprocess.Popen[str], state: HostState, record: RunRecord) -> Iterator[None]:
    """Once the process is told, write ``record``."""

    def answer() -> None:
        assert process.stdout is not None
        process.stdout.readline()
        state.write_record(record)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_nothing_runs_and_nothing_is_made(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    result = reload(pair)
    assert (result.outcome, result.recap) == (ReloadOutcome.NOT_RUNNING, "failed")
    assert not pair.state.exists()
    pair.write_record(pair.slave, process_started_at=1.0)
    assert reload(pair).outcome is ReloadOutcome.NOT_RUNNING


def test_an_agent_that_is_told_and_takes_over(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    with an_agent(pair) as (process, record):
        assert reload(pair, check=True).outcome is ReloadOutcome.RELOADED
        assert state_of(pair.state, pair.slave).record() == record
        done = replace(record, reloads=4, settings_md5=settings_md5(pair.inventory, pair.slave))
        with answering(process, state_of(pair.state, pair.slave), done):
            result = reload(pair)
        assert (result.outcome, result.pid, result.recap) == (ReloadOutcome.RELOADED, process.pid, "changed")
        again = reload(pair)
        assert (again.outcome, again.recap) == (ReloadOutcome.UNCHANGED, "ok")


def test_an_agent_that_refuses_says_why(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    with an_agent(pair) as (process, record):
        refused = replace(record, reloads=4, reload_error="i:1:1: wrong")
        with answering(process, state_of(pair.state, pair.slave), refused):
            result = reload(pair)
    assert (result.outcome, str(result.error)) == (ReloadOutcome.FAILED, "i:1:1: wrong")


@pytest.mark.parametrize("digest", ["", "0" * 32])
def test_one_that_needs_a_restart_is_not_told_since_that_could_end_it(tmp_path: Path, digest: str) -> None:
    pair = a_pair(tmp_path)
    with an_agent(pair, ENDS, restart_md5=digest) as (process, _):
        for check in (True, False):
            result = reload(pair, check=check)
            assert result.outcome is ReloadOutcome.RESTART_NEEDED
            assert isinstance(result.error, HostError)
            assert result.error.hint == "`jsync up -d slave` does that"
        process.terminate()
        assert process.wait() == -signal.SIGTERM


def test_one_that_does_not_answer_or_ends_is_said(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    with an_agent(pair):
        late = reload(pair, timeout_s=0.2)
        assert (late.outcome, str(late.error)) == (ReloadOutcome.NOT_READY, "slave: no answer within 0.2 s")
    with an_agent(pair, ENDS):
        ended = reload(pair)
        assert (ended.outcome, str(ended.error)) == (ReloadOutcome.FAILED, "the agent of slave ended while it reloaded")


def test_one_that_starts_is_told_when_it_is_ready(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    state = state_of(pair.state, pair.slave)
    with an_agent(pair, is_ready=False) as (process, record):
        results: list[ReloadResult] = []
        thread = threading.Thread(target=lambda: results.append(reload(pair)))
        with answering(process, state, replace(record, reloads=4, is_ready=True)):
            thread.start()
            eventually((state.folder / "up.lock").exists, what="the reload")
            state.write_record(replace(record, is_ready=True))
        thread.join()
    assert [result.outcome for result in results] == [ReloadOutcome.RELOADED]


def test_while_somebody_else_starts_or_stops_it_nobody_interferes(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    with an_agent(pair), state_of(pair.state, pair.slave).held_for_up(0):
        result = reload(pair, timeout_s=0.05)
    assert result.outcome is ReloadOutcome.FAILED
    assert "another jsync" in str(result.error)


def test_a_record_alone_has_nobody_told(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    with an_agent(pair, ENDS, name="another") as (process, _):
        result = reload(pair)
        assert result.outcome is ReloadOutcome.FAILED
        assert str(result.error) == f"the process {process.pid} is no agent of slave, so it is left alone"
        process.terminate()
        assert process.wait() == -signal.SIGTERM
