from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from sync_core.fleet.each import FleetOptions
from sync_core.fleet.status import AgentState, AgentStatus, StatusReport, read_status, watch_status
from sync_core.model.errors import StateError, UnreachableError
from sync_core.model.inventory import Connection, Host
from sync_core.net.runner import Runner
from sync_core.protocol.messages import ErrorAnswer, RemoteScheduler, StateAnswer
from tests.support.agents import Pair, ScriptedPeer, a_pair, in_thread, state_of
from tests.support.net import a_host
from tests.support.runners import ScriptedRunner

IN_SYNC: dict[str, Any] = {
    "tcp_port": 1,
    "udp_port": 2,
    "registered_at": "r",
    "master": "master",
    "in_sync": True,
    "files": 3,
    "tree_digest": "x",
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


def test_a_slave_says_best_why_it_does_not_take_what_it_is_given(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    behind = {**IN_SYNC, "in_sync": False, "pending_since": "s", "last_error": "No space left on device"}
    let_run(pair, slave=behind, entries=[{"slave": "slave", "pending_since": "p", "is_unanswered": False}])
    _, slave = status(pair)
    assert (slave.in_sync, slave.pending_since, slave.pending_because) == (False, "s", "No space left on device")


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


AWAY = UnreachableError("SSH to 127.0.0.1: Connection refused")
NO_JSYNC = ScriptedRunner(exit_code=127, complaint=b"sh: jsync: not found\n")


def a_far_pair(folder: Path) -> Pair:
    far = {"connection": Connection.SSH}
    return a_pair(folder, master=far, slave=far)


def far_status(pair: Pair, runner: Runner, *hosts: Host) -> StatusReport:
    options = FleetOptions(runner_of=lambda _: runner, timeout_s=20)
    return read_status(pair.inventory, hosts or pair.inventory.hosts.values(), pair.state, options=options)


def a_document(*agents: dict[str, Any]) -> bytes:
    return json.dumps({"schema": "jsync.status/2", "ok": True, "agents": agents}).encode()


def test_elsewhere_the_jsync_of_that_machine_is_asked_once_for_all_its_hosts(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    said = {"pid": 7, "version": "0.1.0", "started_at": "s", "surprise": 1}
    runner = ScriptedRunner(
        a_document(
            {"host": "master", "role": "master", "state": "running", **said, "slaves_registered": 1},
            {"host": "slave", "role": "slave", "state": "running", **said, **IN_SYNC},
        )
    )
    report = far_status(pair, runner)
    master, slave = report.agents
    assert report.ok
    assert (master.pid, master.slaves_registered, master.role) == (7, 1, "master")
    assert (slave.files, slave.in_sync, slave.started_at) == (3, True, "s")
    (command,) = runner.commands
    assert command[3:7] == ("jsync", "status", "master", "slave")
    assert command[-2] == "--part"
    part = json.loads(runner.processes[0].received)
    assert part["slaves"]["hosts"]["slave"]["connection"] == "local"


@pytest.mark.parametrize("agents", [[], [{"host": "other"}], [{"host": "slave", "state": "??"}], [7], [{}]])
def test_a_jsync_that_says_nothing_of_a_host(tmp_path: Path, agents: list[Any]) -> None:
    pair = a_far_pair(tmp_path)
    (slave,) = far_status(pair, ScriptedRunner(a_document(*agents)), pair.slave).agents
    assert (slave.state, slave.last_error) == (AgentState.UNREACHABLE, "the jsync of 127.0.0.1 says nothing of it")


def test_a_machine_that_cannot_be_reached_is_trouble_and_one_without_agent_is_passed_over(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    report = far_status(pair, ScriptedRunner(error=AWAY), pair.slave, a_host("mute", connection=Connection.NONE))
    (agent,) = report.agents
    assert (report.has_trouble, report.ok, agent.state) == (True, False, AgentState.UNREACHABLE)
    assert str(agent.last_error).startswith("SSH to 127.0.0.1: Connection refused; Connection refused [connect]")


def a_state(pair: Pair, role: str, *slaves: dict[str, str], error: ErrorAnswer | None = None) -> ScriptedPeer:
    """Return a peer that answers ``show_state`` like a JobScheduler."""
    host = pair.master if role == "master" else pair.slave
    attributes = {
        "pid": "27857",
        "version": "1.3.12.2131-17280",
        "spooler_running_since": "2026-11-24T03:16:19Z",
        "tcp_port": str(host.tcp_port),
        "udp_port": "0",
    }
    known = {"ip": "127.0.0.1", "tcp_port": str(pair.slave.tcp_port), "connected": "yes"}
    answer = StateAnswer(
        attributes=attributes,
        remote_schedulers=tuple(RemoteScheduler(attributes={**known, **one}, error=error) for one in slaves),
        connected=len(slaves),
        with_remote_schedulers=True,
    )
    return ScriptedPeer(lambda _: answer, port=host.tcp_port)


CONNECTED = {"connected_at": "2026-11-24T03:16:21.000Z", "configuration_transfered_at": "2026-11-24T03:16:46.000Z"}
CHANGED = {"configuration_changed": "yes", "configuration_changed_at": "2026-11-24T04:00:00.000Z"}


def test_where_there_is_no_jsync_the_agents_are_asked_by_tcp(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    with in_thread(a_state(pair, "master", CONNECTED)), in_thread(a_state(pair, "slave")):
        report = far_status(pair, NO_JSYNC)
    master, slave = report.agents
    assert report.ok
    assert (master.state, master.pid, master.version) == (AgentState.RUNNING, 27857, "1.3.12.2131-17280")
    assert (master.started_at, master.slaves_registered, master.slaves_in_sync) == ("2026-11-24T03:16:19Z", 1, 1)
    assert (slave.state, slave.in_sync, slave.master) == (AgentState.RUNNING, True, "master")
    assert (slave.registered_at, slave.last_fetch_at) == ("2026-11-24T03:16:21.000Z", "2026-11-24T03:16:46.000Z")


@pytest.mark.parametrize(
    ("known", "error", "because", "since"),
    [
        ([], None, "it has never registered with master", None),
        ([{"connected": "no"}], None, "it is not registered with master now", None),
        ([CHANGED], None, "the wake-up was sent", "2026-11-24T04:00:00.000Z"),
        ([CHANGED], ErrorAnswer(code="SCHEDULER-474", text="silence"), "silence", "2026-11-24T04:00:00.000Z"),
    ],
)
def test_why_a_slave_without_jsync_is_not_in_sync(
    tmp_path: Path, known: list[dict[str, str]], error: ErrorAnswer | None, because: str, since: str | None
) -> None:
    pair = a_far_pair(tmp_path)
    with in_thread(a_state(pair, "master", *known, error=error)), in_thread(a_state(pair, "slave")):
        (slave,) = far_status(pair, NO_JSYNC, pair.slave).agents
    assert (slave.in_sync, slave.pending_because, slave.pending_since) == (False, because, since)


def test_the_master_knows_better_also_from_afar(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    runner = ScriptedRunner(a_document({"host": "slave", "state": "running", **IN_SYNC}))
    with in_thread(a_state(pair, "master", {**CONNECTED, **CHANGED})):
        (slave,) = far_status(pair, runner, pair.slave).agents
    assert (slave.in_sync, slave.pending_because, slave.files) == (False, "the wake-up was sent", 3)
    with in_thread(a_state(pair, "master")):
        (slave,) = far_status(pair, runner, pair.slave).agents
    assert slave.in_sync is True


def test_who_answers_without_a_state_is_not_reachable(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    with in_thread(ScriptedPeer(port=pair.slave.tcp_port)):
        (slave,) = far_status(pair, NO_JSYNC, pair.slave).agents
    assert slave.state is AgentState.UNREACHABLE
    assert str(slave.last_error).startswith("there is no ")
    assert str(slave.last_error).endswith("; slave answers, but not with its state")


def test_a_slave_that_never_registered_says_so(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    let_run(pair, slave={"in_sync": False})
    assert status(pair)[1].pending_because == "it has not registered with a master yet"


def test_watching_asks_again_and_reaches_again_who_was_away(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    good = ScriptedRunner(a_document({"host": "slave", "state": "running", **IN_SYNC}))
    runners: list[Runner] = [ScriptedRunner(error=AWAY), good]
    reports: list[StatusReport] = []

    def show(report: StatusReport, missing: tuple[str, ...]) -> None:
        assert len(report.agents) + len(missing) == 1
        reports.append(report)
        if len(good.commands) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch_status(
            pair.inventory,
            [pair.slave],
            pair.state,
            options=FleetOptions(runner_of=lambda _: runners.pop(0), timeout_s=20),
            show=show,
            pause_s=0,
        )
    states = [agent.state for report in reports for agent in report.agents]
    assert [state for state, _ in itertools.groupby(states)] == ["unreachable", "running"]


def test_no_agents_are_no_trouble() -> None:
    assert StatusReport(agents=()).ok
