from __future__ import annotations

import os
from pathlib import Path

import pytest

from sync_core.agent.process import process_started_at
from sync_core.fleet.down import DownOutcome, DownResult, stop_detached
from sync_core.model.errors import StateError
from tests.support.agents import Pair, a_pair, state_of
from tests.support.processes import PLAIN, a_process


def down(pair: Pair, *, check: bool = False) -> DownResult:
    (result,) = stop_detached(pair.inventory, [pair.slave], pair.state, check=check)
    return result


def test_nothing_to_stop_makes_nothing(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    assert down(pair).outcome is DownOutcome.NOT_RUNNING
    assert not pair.state.exists()


def test_a_check_changes_nothing_at_all(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave, process_started_at=1.0)
    before = sorted(path.name for path in pair.state.rglob("*"))
    assert down(pair, check=True).outcome is DownOutcome.NOT_RUNNING
    assert sorted(path.name for path in pair.state.rglob("*")) == before


def test_the_record_of_the_dead_is_forgotten(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave, process_started_at=1.0)
    assert down(pair).outcome is DownOutcome.NOT_RUNNING
    assert state_of(pair.state, pair.slave).record() is None


def test_an_agent_in_the_foreground_is_left_to_whoever_started_it(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    record = pair.write_record(pair.slave, is_detached=False)
    assert (down(pair).outcome, down(pair).pid) == (DownOutcome.FOREGROUND, os.getpid())
    assert state_of(pair.state, pair.slave).record() == record


def test_a_record_of_somebody_elses_process_ends_nobody(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    with a_process(PLAIN) as process:
        pair.write_record(pair.slave, pid=process.pid, process_started_at=process_started_at(process.pid))
        result = down(pair)
        assert result.outcome is DownOutcome.FAILED
        assert "is no detached agent of slave" in str(result.error)
        assert process.poll() is None


def test_a_record_in_a_folder_that_others_may_write_to_ends_nobody(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    with a_process(PLAIN, "agent", "slave", "--detached") as process:
        pair.write_record(pair.slave, pid=process.pid, process_started_at=process_started_at(process.pid))
        pair.state.chmod(0o777)
        result = down(pair)
        assert isinstance(result.error, StateError)
        assert process.poll() is None
        pair.state.chmod(0o700)
        assert down(pair).outcome is DownOutcome.STOPPED
        assert process.wait() is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run for somebody else")
def test_a_user_s_record_ends_no_process_of_root(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    with a_process(PLAIN, "agent", "slave", "--detached") as process:
        pair.write_record(pair.slave, pid=process.pid, process_started_at=process_started_at(process.pid))
        os.chown(pair.state / "slave", 65534, 65534)
        assert down(pair).outcome is DownOutcome.FAILED
        assert process.poll() is None


def test_a_host_of_another_inventory_is_left_alone(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave, inventory="/elsewhere.yaml")
    for check in (True, False):
        result = down(pair, check=check)
        assert result.outcome is DownOutcome.FAILED
        assert isinstance(result.error, StateError)
        assert "/elsewhere.yaml" in str(result.error)


def test_what_a_result_comes_to() -> None:
    found = {outcome: DownResult(host="h", outcome=outcome).recap for outcome in (DownOutcome)}
    assert [outcome for outcome, recap in found.items() if recap == "changed"] == [DownOutcome.STOPPED]
    assert DownResult(host="h", outcome=DownOutcome.FAILED, error=StateError("no")).recap == "failed"
