"""Agents that are there and do nothing: stopped, frozen, or waiting for a disk that never answers."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from sync_core.agent.beat import beat
from sync_core.fleet.status import AgentState, read_status
from sync_core.fleet.up import UpOutcome, start_detached
from sync_core.model.errors import StateError
from tests.support.agents import a_pair, state_of
from tests.support.fleet import a_launcher, inventory_of
from tests.support.site import Site, eventually, running_site

LONG_AGO_S = 100.0


def test_an_agent_that_does_not_beat_is_hung(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave)
    beat(state_of(pair.state, "slave"), time.monotonic() - LONG_AGO_S)
    (slave,) = read_status(pair.inventory, [pair.slave], pair.state).agents
    assert (slave.state, slave.is_ok) == (AgentState.HUNG, False)
    assert slave.last_error is not None
    assert slave.last_error.startswith("no sign of life for 100 s")
    assert slave.pid == os.getpid()


@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")  # agents outlive who started them
def test_up_restarts_an_agent_that_hangs(tmp_path: Path) -> None:
    with running_site(Site(tmp_path)) as site:
        eventually((site.state / "slave-0" / "beat").exists, what="it beats")
        stopped = site.pid("slave-0")
        os.kill(stopped, signal.SIGSTOP)
        eventually(lambda: psutil.Process(stopped).status() == psutil.STATUS_STOPPED)
        beat(state_of(site.state, "slave-0"), time.monotonic() - LONG_AGO_S)
        status = site.run("status", "-o", "json")
        assert (status.code, [one["state"] for one in status.json["agents"]]) == (1, ["running", "hung"])
        done = site.run("up", "-d", "-o", "json")
        assert [one["outcome"] for one in done.json["agents"]] == ["running", "restarted"]
        assert site.pid("slave-0") != stopped
        assert not psutil.pid_exists(stopped)
        eventually(lambda: site.run("status").code == 0, what="all is well")


def test_an_agent_that_beats_again_is_left_alone(tmp_path: Path) -> None:
    with running_site(Site(tmp_path)) as site:
        state = state_of(site.state, "slave-0")
        eventually((state.folder / "beat").exists, what="it beats")
        beat(state, time.monotonic() - LONG_AGO_S)  # as after a machine was frozen
        inventory, launcher = inventory_of(site), a_launcher(site.state)
        (result,) = start_detached(inventory, [inventory.hosts["slave-0"]], launcher, wait_timeout_s=60)
        assert result.outcome is UpOutcome.RUNNING


def test_one_that_hangs_in_somebodys_foreground_is_told(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave, is_detached=False)
    beat(state_of(pair.state, "slave"), time.monotonic() - LONG_AGO_S)
    (result,) = start_detached(pair.inventory, [pair.slave], a_launcher(pair.state), wait_timeout_s=60, check=True)
    assert isinstance(result.error, StateError)
    assert "runs in the foreground and hangs" in str(result.error)


def test_a_stopped_agent_has_a_verdict_of_its_own(tmp_path: Path) -> None:
    with running_site(Site(tmp_path)) as site:
        for host in ("master", "slave-0"):
            os.kill(site.pid(host), signal.SIGSTOP)
        try:
            checks = site.run("check-ports", "--timeout", "1", "-o", "json")
        finally:
            for host in ("master", "slave-0"):
                os.kill(site.pid(host), signal.SIGCONT)
        assert checks.code == 1
        found = [(one["purpose"], one["verdict"], one["fix"]) for one in checks.json["checks"]]
        assert found == [
            ("registration", "hung", "restart the agent: jsync up -d master"),
            ("wake-up", "hung", "restart the agent: jsync up -d slave-0"),
            ("commands", "hung", "restart the agent: jsync up -d slave-0"),
        ]
