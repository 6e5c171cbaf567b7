from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sync_core.fleet.status import AgentState, AgentStatus, StatusReport, error_of, read_status
from sync_core.model.errors import NotBuiltError, StateError
from sync_core.model.inventory import Connection
from tests.support.agents import Pair, a_pair, state_of
from tests.support.net import a_host

IN_SYNC: dict[str, Any] = {
    "tcp_port": 1,
    "udp_port": 2,
    "registered_at": "r",
    "master": "master",
    "in_sync": True,
    "files": 3,
    "tree_md5": "x",
    "last_fetch_at": "f",
    "pending_since": None,
    "last_error": None,
}


def status(pair: Pair) -> tuple[AgentStatus, AgentStatus]:
    master, slave = read_status(pair.inventory, pair.inventory.hosts.values(), pair.state).agents
    return master, slave


def let_run(pair: Pair, *, slave: Any = None, entries: Any = (), **of_master: Any) -> None:
    pair.write_record(pair.master, **of_master)
    state_of(pair.state, "master").write_status({"slaves_registered": 1, "slaves_in_sync": 1, "slaves": list(entries)})
    pair.write_record(pair.slave)
    state_of(pair.state, "slave").write_status(IN_SYNC if slave is None else slave)


def test_what_does_not_run_is_stopped_and_nothing_is_made(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    master, slave = status(pair)
    assert master.state is slave.state is AgentState.STOPPED
    assert (master.tcp_port, slave.udp_port) == (pair.master.tcp_port, pair.slave.udp_port)
    assert (master.is_ok, master.last_error, master.pid) == (False, None, None)
    assert not pair.state.exists()


def test_who_died_is_said_to_have_died(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.master, process_started_at=1.0)
    master, _ = status(pair)
    assert (master.state, master.last_error) == (AgentState.STOPPED, f"the agent (pid {os.getpid()}) died")


def test_who_has_not_bound_its_ports_is_starting(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave, is_ready=False)
    _, slave = status(pair)
    assert (slave.state, slave.is_ok, slave.tcp_port) == (AgentState.STARTING, False, pair.slave.tcp_port)


def test_all_is_well(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    let_run(pair)
    report = read_status(pair.inventory, pair.inventory.hosts.values(), pair.state)
    master, slave = report.agents
    assert report.ok
    assert not report.has_trouble
    assert (master.pid, master.version, master.slaves_in_sync) == (os.getpid(), "0.1.0", 1)
    assert (slave.files, slave.master, slave.tcp_port, slave.pending_because) == (3, "master", 1, None)


def test_an_agent_with_an_error_is_not_well(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    let_run(pair, slave={**IN_SYNC, "in_sync": False, "last_error": "disk full"})
    _, slave = status(pair)
    assert (slave.is_ok, slave.pending_because) == (False, "disk full")


@pytest.mark.parametrize(
    ("is_unanswered", "because"), [(False, "the wake-up was sent"), (True, "the wake-up is not answered")]
)
def test_the_master_knows_better_what_a_slave_lacks(tmp_path: Path, is_unanswered: bool, because: str) -> None:
    pair = a_pair(tmp_path)
    let_run(pair, entries=[{"slave": "slave", "pending_since": "p", "is_unanswered": is_unanswered}])
    _, slave = status(pair)
    assert (slave.in_sync, slave.pending_since, slave.pending_because) == (False, "p", because)
    assert not slave.is_ok


@pytest.mark.parametrize("of_master", [{"process_started_at": 1.0}, {"inventory": "/elsewhere.yaml"}])
def test_what_a_dead_or_foreign_master_said_does_not_count(tmp_path: Path, of_master: dict[str, Any]) -> None:
    pair = a_pair(tmp_path)
    let_run(pair, entries=[{"slave": "slave", "pending_since": "p", "is_unanswered": True}], **of_master)
    (slave,) = read_status(pair.inventory, [pair.slave], pair.state).agents
    assert slave.is_ok


@pytest.mark.parametrize("entries", [[None], ["slave"], [{}], [{"slave": "slave"}], [{"slave": ["slave"]}], [7]])
def test_values_that_make_no_sense_are_not_known(tmp_path: Path, entries: list[Any]) -> None:
    pair = a_pair(tmp_path)
    broken = {"files": "many", "in_sync": "yes", "master": 7, "host": "other", "role": 1, "tcp_port": None, "x": 1}
    let_run(pair, slave=broken, entries=entries)
    _, slave = status(pair)
    assert (slave.host, slave.files, slave.in_sync, slave.master, slave.state) == (
        "slave", None, None, None, AgentState.RUNNING,
    )  # fmt: skip


def test_a_list_of_slaves_that_is_none(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    let_run(pair)
    state_of(pair.state, "master").write_status({"slaves": 7})
    assert status(pair)[1].is_ok


def test_a_host_of_another_inventory_is_an_error_that_names_it(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave, inventory="/elsewhere.yaml")
    with pytest.raises(StateError, match=r"/elsewhere\.yaml"):
        status(pair)


def test_a_host_elsewhere_is_trouble_and_one_without_agent_is_passed_over(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    far, mute = a_host("far", connection=Connection.SSH), a_host("mute", connection=Connection.NONE)
    report = read_status(pair.inventory, [far, mute], pair.state)
    (agent,) = report.agents
    assert (report.has_trouble, report.ok, agent.state) == (True, False, AgentState.UNREACHABLE)
    error = error_of(agent)
    assert isinstance(error, NotBuiltError)
    assert error.host == "far"
    assert error_of(status(pair)[0]) is None
    assert StatusReport(agents=()).ok
