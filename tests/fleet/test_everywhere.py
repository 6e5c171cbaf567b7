from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sync_core.fleet.each import FleetOptions
from sync_core.fleet.elsewhere import Machine
from sync_core.fleet.everywhere import UpOptions, reload_everywhere, stop_everywhere, up_everywhere
from sync_core.fleet.up import UpResult
from sync_core.model.errors import HostError, JsyncError, UnreachableError
from sync_core.model.inventory import Connection, Inventory
from sync_core.net.runner import Process, Runner
from tests.support.agents import a_pair
from tests.support.fleet import DIES, FarAway, a_launcher, far, inventory_of
from tests.support.net import a_host, an_inventory
from tests.support.runners import ScriptedRunner
from tests.support.site import Site, eventually

pytestmark = pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")  # agents outlive who started them


def up(inventory: Inventory, state: Path, runner: Runner, **options: Any) -> dict[str, UpResult]:
    fleet = FleetOptions(runner_of=lambda _: runner)
    hosts = inventory.hosts.values()
    return {one.host: one for one in up_everywhere(inventory, hosts, a_launcher(state), UpOptions(**options), fleet)}


def test_the_life_of_agents_here_and_there(tmp_path: Path) -> None:
    site = Site(tmp_path)
    there = tmp_path / "there"
    runner = FarAway(there)

    def outcomes(**options: Any) -> dict[str, str]:
        return {name: one.outcome.value for name, one in up(inventory, site.state, runner, **options).items()}

    def down(*, check: bool = False) -> dict[str, str]:
        fleet = FleetOptions(runner_of=lambda _: runner)
        results = stop_everywhere(inventory, inventory.hosts.values(), site.state, fleet, check=check)
        return {one.host: one.outcome.value for one in results}

    def reloaded(*, check: bool = False) -> dict[str, str]:
        fleet = FleetOptions(runner_of=lambda _: runner)
        hosts = inventory.hosts.values()
        results = reload_everywhere(inventory, hosts, site.state, fleet, wait_timeout_s=30, check=check)
        return {one.host: one.outcome.value for one in results}

    inventory = far(inventory_of(site), "slave-0")
    try:
        assert outcomes(check=True) == {"master": "started", "slave-0": "started"}
        assert not (there / "state").exists()
        assert outcomes(verbosity=1) == {"master": "started", "slave-0": "started"}
        assert [path.name for path in site.state.iterdir()] == ["master"]
        (part,) = (there / "state" / ".parts").iterdir()
        before = part.stat().st_mtime_ns
        eventually(lambda: "registered" in (there / "state/slave-0/agent.log").read_text(), what="registered")
        assert outcomes() == {"master": "running", "slave-0": "running"}
        assert part.stat().st_mtime_ns == before

        site.more["slave-0"] = {"interval_s": 30}
        site.write_inventory()
        inventory = far(inventory_of(site), "slave-0")
        assert outcomes(check=True) == {"master": "running", "slave-0": "reloaded"}
        assert reloaded(check=True) == {"master": "unchanged", "slave-0": "reloaded"}
        assert part.stat().st_mtime_ns == before
        assert reloaded() == {"master": "unchanged", "slave-0": "reloaded"}
        assert outcomes() == {"master": "running", "slave-0": "running"}
        site.more["slave-0"] = {"interval_s": 30, "udp_port": 0}
        site.write_inventory()
        inventory = far(inventory_of(site), "slave-0")
        assert reloaded() == {"master": "reloaded", "slave-0": "restart-needed"}
        assert outcomes() == {"master": "running", "slave-0": "restarted"}

        assert down(check=True) == {"master": "stopped", "slave-0": "stopped"}
    finally:
        stopped = down()
    assert stopped == {"master": "stopped", "slave-0": "stopped"}
    assert down() == {"master": "not-running", "slave-0": "not-running"}
    assert reloaded() == {"master": "not-running", "slave-0": "not-running"}


def test_another_inventory_finds_its_host_taken(tmp_path: Path) -> None:
    site = Site(tmp_path)
    there = tmp_path / "there"
    inventory = far(inventory_of(site), "slave-0", "master")
    try:
        assert {one.outcome.value for one in up(inventory, site.state, FarAway(there)).values()} == {"started"}
        other = replace(inventory, sources=(Path("/other/jsync.yaml"),))
        taken = up(other, site.state, FarAway(there))["slave-0"]
        assert (taken.outcome.value, taken.error.code if taken.error else "") == ("failed", "state")
        assert f"{there}/state/.parts/jsync-" in str(taken.error)
    finally:
        fleet = FleetOptions(runner_of=lambda _: FarAway(there))
        stop_everywhere(inventory, inventory.hosts.values(), site.state, fleet)


def said(*agents: object) -> ScriptedRunner:
    return ScriptedRunner(json.dumps({"schema": "jsync.up/1", "agents": agents}).encode())


ERROR = {"code": "port-in-use", "message": "taken", "hint": None, "host": "one"}


@pytest.mark.parametrize(
    ("agent", "outcome", "error"),
    [
        ({"outcome": "running", "pid": 7}, "running", None),
        ({"outcome": "failed", "error": ERROR}, "failed", "taken"),
        ({"outcome": "not-ready", "error": ERROR}, "not-ready", "taken"),
        ({"outcome": "failed"}, "failed", "its jsync does not say what it did"),
        ({"outcome": "running", "error": ERROR}, "failed", "taken"),
        ({"outcome": "from the future", "pid": "x"}, "failed", "its jsync does not say what it did"),
        ({"outcome": ["no", "word"]}, "failed", "its jsync does not say what it did"),
    ],
)
def test_what_the_other_jsync_says(tmp_path: Path, agent: dict[str, object], outcome: str, error: str | None) -> None:
    inventory = an_inventory(a_host("one", connection=Connection.SSH, masters=()))
    found = up(inventory, tmp_path, said("noise", {"host": "one", **agent}))["one"]
    assert (found.outcome.value, str(found.error) if found.error else None) == (outcome, error)
    fleet = FleetOptions(runner_of=lambda _: said({"host": "one", **agent, "outcome": "stopped"}))
    (down,) = stop_everywhere(inventory, inventory.hosts.values(), tmp_path, fleet)
    assert down.outcome.value == ("failed" if agent.get("error") else "stopped")


@pytest.mark.parametrize("document", [{}, {"agents": "none"}, {"agents": [{"host": "somebody"}]}])
def test_one_that_says_nothing_of_a_host_failed(tmp_path: Path, document: object) -> None:
    inventory = an_inventory(a_host("one", connection=Connection.SSH, masters=()))
    runner = ScriptedRunner(json.dumps(document).encode())
    assert up(inventory, tmp_path, runner)["one"].outcome.value == "failed"
    fleet = FleetOptions(runner_of=lambda _: runner)
    (down,) = stop_everywhere(inventory, inventory.hosts.values(), tmp_path, fleet)
    assert (down.outcome.value, down.recap.value) == ("failed", "failed")


@pytest.mark.parametrize(("error", "outcome"), [(UnreachableError("away"), "unreachable"), (HostError("no"), "failed")])
def test_a_machine_that_fails_is_a_result(tmp_path: Path, error: JsyncError, outcome: str) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave)
    lost = a_host("lost", connection=Connection.SSH, masters=())
    inventory = replace(pair.inventory, hosts={"slave": pair.slave, "lost": lost, "master": pair.master})
    runner = ScriptedRunner(error=error)
    found = up(inventory, pair.state, runner, check=True)
    assert list(found) == ["slave", "lost", "master"]
    assert {name: one.outcome.value for name, one in found.items()} == {
        "slave": "running",
        "lost": outcome,
        "master": "started",
    }
    fleet = FleetOptions(runner_of=lambda _: runner)
    downs = stop_everywhere(inventory, [lost, pair.master], pair.state, fleet)
    assert [one.outcome.value for one in downs] == [outcome, "not-running"]


@dataclass
class Brings:
    """An installer that says what it is asked for."""

    version: str | None = "9.9"
    asked: list[tuple[tuple[str, ...], bool]] = field(default_factory=list)

    async def ensure(self, machine: Machine, runner: Runner, *, check: bool) -> str | None:
        self.asked.append((machine.names, check))
        return self.version


class Refuses(ScriptedRunner):
    async def start(self, command: Sequence[str], *, deadline_s: float | None = None) -> Process:
        raise AssertionError(command)


def test_what_is_brought_is_told(tmp_path: Path) -> None:
    inventory = an_inventory(a_host("one", connection=Connection.SSH, masters=()))
    brings = Brings()
    found = up(inventory, tmp_path, said({"host": "one", "outcome": "running"}), installer=brings)["one"]
    assert (found.installed, found.recap.value) == ("9.9", "changed")
    would = up(inventory, tmp_path, Refuses(), installer=brings, check=True)["one"]
    assert (would.outcome.value, would.installed) == ("started", "9.9")
    assert brings.asked == [(("one",), False), (("one",), True)]
    brings.version = None
    found = up(inventory, tmp_path, said({"host": "one", "outcome": "running"}), installer=brings, check=True)["one"]
    assert (found.installed, found.recap.value) == (None, "ok")
    assert UpOptions(installer=brings).machine_s > UpOptions().machine_s


def test_without_other_machines_nothing_is_asked(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave)
    options, launcher = UpOptions(wait_timeout_s=1), a_launcher(pair.state, *DIES)
    fleet = FleetOptions(runner_of=lambda _: Refuses())
    (found,) = up_everywhere(pair.inventory, [pair.slave], launcher, options, fleet)
    assert found.outcome.value == "running"
