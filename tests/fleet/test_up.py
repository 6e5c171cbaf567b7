from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from sync_core.fleet.down import DownOutcome, stop_detached
from sync_core.fleet.each import runnable
from sync_core.fleet.up import UpOutcome, UpResult, start_detached
from sync_core.model.errors import HostError, StateError, UnreachableError
from sync_core.model.inventory import Connection
from tests.support.agents import a_pair, state_of
from tests.support.fleet import DIES, SLEEPS, a_launcher, inventory_of
from tests.support.net import a_host, listening
from tests.support.site import Site, eventually

pytestmark = pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")  # agents outlive who started them


def up(
    site: Site, *hosts: str, command: tuple[str, ...] = (), check: bool = False, timeout_s: float = 60
) -> dict[str, UpResult]:
    inventory = inventory_of(site)
    chosen = [host for host in inventory.hosts.values() if not hosts or host.name in hosts]
    launcher = a_launcher(site.state, *command)
    results = start_detached(inventory, chosen, launcher, wait_timeout_s=timeout_s, check=check)
    return {result.host: result for result in results}


def outcomes(results: dict[str, UpResult]) -> dict[str, str]:
    return {name: result.outcome.value for name, result in results.items()}


@contextmanager
def cleaned(site: Site) -> Iterator[Site]:
    try:
        yield site
    finally:
        stop_detached(inventory_of(site), inventory_of(site).hosts.values(), site.state)


def test_the_life_of_detached_agents(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with cleaned(site):
        assert outcomes(up(site, check=True)) == {"master": "started", "slave-0": "started"}
        assert not site.state.exists()

        results: list[dict[str, UpResult]] = []
        threads = [threading.Thread(target=lambda: results.append(up(site))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for host in ("master", "slave-0"):
            assert {one[host].outcome for one in results} == {UpOutcome.STARTED, UpOutcome.RUNNING}
            assert {one[host].pid for one in results} == {site.pid(host)}

        pids = {host: site.pid(host) for host in ("master", "slave-0")}
        assert outcomes(up(site)) == {"master": "running", "slave-0": "running"}
        site.more["slave-0"] = {"interval_s": 30}
        site.write_inventory()
        assert outcomes(up(site, check=True)) == {"master": "running", "slave-0": "reloaded"}
        assert outcomes(up(site)) == {"master": "running", "slave-0": "reloaded"}
        assert outcomes(up(site)) == {"master": "running", "slave-0": "running"}
        assert pids["slave-0"] == site.pid("slave-0")
        site.more["slave-0"] = {"interval_s": 30, "udp_port": 0}
        site.write_inventory()
        assert outcomes(up(site, check=True)) == {"master": "reloaded", "slave-0": "restarted"}
        assert pids["slave-0"] == site.pid("slave-0")
        assert outcomes(up(site)) == {"master": "reloaded", "slave-0": "restarted"}
        assert site.pid("master") == pids["master"]
        assert site.pid("slave-0") != pids["slave-0"]

        os.kill(site.pid("slave-0"), signal.SIGKILL)
        eventually(lambda: not _lives(site.pid("slave-0")))
        assert outcomes(up(site)) == {"master": "running", "slave-0": "started"}

        inventory = inventory_of(site)
        hosts = inventory.hosts.values()
        would = stop_detached(inventory, hosts, site.state, check=True)
        assert [result.outcome for result in would] == [DownOutcome.STOPPED] * 2
        assert _lives(site.pid("master"))
        pid = site.pid("master")
        did = stop_detached(inventory, hosts, site.state)
        assert (did[0].outcome, did[0].pid) == (DownOutcome.STOPPED, pid)
        assert not _lives(pid)
        again = stop_detached(inventory, hosts, site.state)
        assert [result.outcome for result in again] == [DownOutcome.NOT_RUNNING] * 2


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_port_in_use_is_that_hosts_failure_and_names_who_holds_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with listening() as port, cleaned(site):
        site.more["slave-0"] = {"tcp_port": port}
        site.write_inventory()
        results = up(site)
    assert outcomes(results) == {"master": "started", "slave-0": "failed"}
    error = str(results["slave-0"].error)
    assert str(port) in error
    assert str(os.getpid()) in error


def test_who_is_not_ready_in_time_is_named(tmp_path: Path) -> None:
    site = Site(tmp_path)
    try:
        result = up(site, "master", command=SLEEPS, timeout_s=0.2)["master"]
    finally:
        for child in psutil.Process().children():
            if "time.sleep(30)" in " ".join(child.cmdline()):
                child.kill()
                child.wait()
    assert result.outcome is UpOutcome.NOT_READY
    assert str(result.error) == "master: not ready within 0.2 s"


def test_who_dies_at_once_is_quoted(tmp_path: Path) -> None:
    result = up(Site(tmp_path), "master", command=DIES)["master"]
    assert result.outcome is UpOutcome.FAILED
    assert str(result.error) == "master: it is broken"


def test_what_cannot_be_started_is_a_failure(tmp_path: Path) -> None:
    result = up(Site(tmp_path), "master", command=("/nowhere/jsync",))["master"]
    assert result.outcome is UpOutcome.FAILED
    assert "can't be started" in str(result.error)


def test_an_agent_in_the_foreground_is_used_as_it_is_and_never_restarted(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.master, is_detached=False)
    pair.write_record(pair.slave, is_detached=False, settings_md5="other")
    hosts = pair.inventory.hosts.values()
    for check in (True, False):
        good, bad = start_detached(pair.inventory, hosts, a_launcher(pair.state, *DIES), wait_timeout_s=1, check=check)
        assert (good.outcome, good.pid) == (UpOutcome.RUNNING, os.getpid())
        assert bad.outcome is UpOutcome.FAILED
        assert isinstance(bad.error, StateError)
        assert "foreground with other settings" in str(bad.error)


def test_who_starts_already_is_waited_for(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave, is_ready=False)

    def up_slave(timeout_s: float) -> UpResult:
        launcher = a_launcher(pair.state, *DIES)
        (result,) = start_detached(pair.inventory, [pair.slave], launcher, wait_timeout_s=timeout_s)
        return result

    assert up_slave(0.1).outcome is UpOutcome.NOT_READY
    timer = threading.Timer(0.1, lambda: pair.write_record(pair.slave))
    timer.start()
    assert up_slave(20).outcome is UpOutcome.RUNNING
    timer.join()
    pair.write_record(pair.slave, is_ready=False)
    timer = threading.Timer(0.1, lambda: pair.write_record(pair.slave, process_started_at=1.0))
    timer.start()
    died = up_slave(20)
    timer.join()
    assert died.outcome is UpOutcome.FAILED
    assert "it ended while it started" in str(died.error)


def test_while_somebody_else_starts_or_stops_it_nobody_interferes(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    with state_of(pair.state, pair.slave).held_for_up(0):
        (result,) = start_detached(pair.inventory, [pair.slave], a_launcher(pair.state, *DIES), wait_timeout_s=0.05)
    assert result.outcome is UpOutcome.FAILED
    assert "another jsync is starting or stopping slave" in str(result.error)


def test_one_without_agent_is_passed_over(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    mute = a_host("mute", connection=Connection.NONE)
    assert start_detached(pair.inventory, [mute], a_launcher(pair.state, *DIES), wait_timeout_s=1) == ()
    assert runnable([mute, pair.slave]) == (pair.slave,)


@pytest.mark.parametrize(
    ("outcome", "changes", "recap"),
    [
        (UpOutcome.RUNNING, {}, "ok"),
        (UpOutcome.RUNNING, {"installed": "1.0"}, "changed"),
        (UpOutcome.RESTARTED, {}, "changed"),
        (UpOutcome.STARTED, {}, "changed"),
        (UpOutcome.NOT_READY, {"error": HostError("late")}, "failed"),
        (UpOutcome.UNREACHABLE, {"error": UnreachableError("away")}, "unreachable"),
    ],
)
def test_what_a_result_comes_to(outcome: UpOutcome, changes: dict[str, Any], recap: str) -> None:
    assert UpResult(host="h", outcome=outcome, **changes).recap == recap


def test_a_host_of_another_inventory_is_left_alone(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    other = tmp_path / "other.yaml"
    other.write_bytes(b"")
    pair.write_record(pair.slave, inventory=str(other))
    (result,) = start_detached(pair.inventory, [pair.slave], a_launcher(pair.state, *DIES), wait_timeout_s=1)
    assert isinstance(result.error, StateError)
    assert str(other) in str(result.error)
    assert replace(result, error=None) == UpResult(host="slave", outcome=UpOutcome.FAILED)
