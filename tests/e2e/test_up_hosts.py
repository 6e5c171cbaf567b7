"""``up --install``, ``up -d`` and ``down`` on other machines: namespaces with an SSH server and folders of their own.

None of them has a way to the internet, and none has jsync at first.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_core.fleet.install.target import FIND_PYTHONS, choose_target
from sync_core.fleet.install.wheels import WheelStore
from sync_core.model.errors import HostError
from tests.support.lan import Lan, Machine, lan, wait_for, why_no_lan
from tests.support.netns import ROOT

REASON = why_no_lan()
if REASON is not None and os.environ.get("JSYNC_REQUIRE_NETNS"):
    raise RuntimeError(REASON)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(REASON is not None, reason=REASON or ""),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("up_hosts"),
]

OWN = ("/opt", "/usr/local/bin", "/var/lib", "/srv")
PASSES = {**os.environ, "PATH": "/usr/bin:/bin"}
"""As somebody has it who logs in."""
GOOD = ("master", "a", "b")

INVENTORY = """\
all:
  vars: {{ssh_config: {config}}}
masters:
  hosts:
    master: {{address: {master}, remote: /srv/remote}}
slaves:
  vars: {{cache: "/srv/{{name}}", interval_s: 60}}
  hosts:
    a: {{address: {a}{more}}}
    a2: {{address: {a}, tcp_port: 5001, udp_port: 5001}}
    b: {{address: {b}}}
    away: {{address: 10.9.0.250}}
    changed: {{address: {changed}}}
    full: {{address: {full}}}
    hanging: {{address: {hanging}}}
"""
HANGS = "import socket, time; s = socket.create_server(('', 22)); time.sleep(900)"
"""A server that takes connections and says nothing."""


@dataclass
class Fleet:
    """A controller, and the machines of the inventory."""

    lan: Lan
    controller: Machine

    def write_inventory(self, more: str = "") -> None:
        addresses = {label: machine.address for label, machine in self.lan.machines.items()}
        text = INVENTORY.format(config=self.lan.ssh_config, more=more, **addresses)
        (self.lan.folder / "jsync.yaml").write_text(text)

    def jsync(self, *words: str, exit_code: int = 0) -> Any:
        """Run a command on the controller and return its document."""
        done = self.controller.run(*self._command(*words), "-o", "json")
        assert done.returncode == exit_code, done.stdout + done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def stays(self, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        """Start a command on the controller; gives it, and the file with what it says."""
        said = self.lan.folder / f"controller-{len(self.controller.processes)}.log"
        process = self.controller.popen(*self._command(*words))
        try:
            yield process, said
        finally:
            process.kill()
            process.wait()

    def _command(self, *words: str) -> tuple[str, ...]:
        environ = (f"JSYNC_STATE_DIR={self.lan.folder}/state", f"JSYNC_INVENTORY={self.lan.folder}/jsync.yaml")
        return ("env", *environ, sys.executable, "-m", "cli", *words)

    def agents(self, *words: str, exit_code: int = 0) -> dict[str, dict[str, Any]]:
        return {one["host"]: one for one in self.jsync(*words, exit_code=exit_code)["agents"]}

    def disk(self, label: str, place: str) -> Path:
        return self.lan.machines[label].disk(place)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    fetch_wheels(folder / "state" / ".wheels")
    with lan(folder) as net:
        fleet = Fleet(net, net.add("controller", has_ssh=False))
        for label in (*GOOD, "full"):
            net.add(label, has_ssh=False).serve_ssh(own=OWN, tiny=("/opt", "/var/lib") if label == "full" else ())
        net.add("changed", has_ssh=False).serve_ssh(own=OWN, key="other")
        net.add("hanging", has_ssh=False).python("-c", HANGS, listener=":22")
        (fleet.disk("master", "/srv") / "remote" / "_all").mkdir(parents=True)
        (fleet.disk("master", "/srv") / "remote" / "_all" / "one.job.xml").write_text("<job/>\n")
        fleet.write_inventory()
        yield fleet


def fetch_wheels(store: Path) -> None:
    """Fetch here what the machines need: the controller's namespace has no way out either."""
    told = subprocess.run(FIND_PYTHONS, capture_output=True, check=True, env=PASSES)
    try:
        target = choose_target(told.stdout)
        asyncio.run(WheelStore(store).wheels_for(target))
    except HostError as error:
        if os.environ.get("JSYNC_REQUIRE_WHEELS"):
            raise
        pytest.skip(f"nothing to install: {error}")


def outcomes(agents: dict[str, dict[str, Any]], *, only: tuple[str, ...] = ()) -> dict[str, str]:
    return {name: one["outcome"] for name, one in agents.items() if not only or name in only}


AGENTS = ("master", "a", "a2", "b")
LIMIT = ("--limit", "master,a,a2,b")


def test_the_life_of_a_fleet(fleet: Fleet) -> None:
    missing = fleet.agents("up", "-d", *LIMIT, exit_code=2)
    assert {one["error"]["hint"] for one in missing.values()} == {"`jsync up --install` brings it"}
    would = fleet.agents("up", "--install", "-C", *LIMIT)
    assert {(one["outcome"], one["recap"], bool(one["installed"])) for one in would.values()} == {
        ("started", "changed", True)
    }
    assert [list(fleet.disk(label, "/opt").iterdir()) for label in GOOD] == [[], [], []]

    first = fleet.agents("up", "--install", exit_code=2)
    assert outcomes(first) == {
        **dict.fromkeys(AGENTS, "started"),
        "away": "unreachable",
        "changed": "unreachable",
        "full": "failed",
        "hanging": "unreachable",
    }
    assert "its key has changed" in first["changed"]["error"]["message"]
    assert first["changed"]["error"]["hint"].count("ssh-keygen -R") == 1
    assert "no space in /opt/jsync" in first["full"]["error"]["message"]
    assert [path.name for path in fleet.disk("a", "/usr/local/bin").iterdir()] == ["jsync"]
    for label, slave in (("a", "a"), ("a", "a2"), ("b", "b")):
        wait_for((fleet.disk(label, "/srv") / slave / "one.job.xml").exists, f"the file at {slave}")

    (part,) = (fleet.disk("a", "/var/lib") / "jsync" / ".parts").iterdir()
    assert part.stat().st_mode & 0o777 == 0o600
    assert "ssh" not in part.read_text()
    before = part.stat().st_mtime_ns, (fleet.disk("a", "/opt") / "jsync").stat().st_mtime_ns

    again = fleet.agents("up", "--install", *LIMIT)
    assert {(one["outcome"], one["recap"], one["installed"]) for one in again.values()} == {("running", "ok", None)}
    assert [one["pid"] for one in again.values()] == [first[name]["pid"] for name in again]
    assert before == (part.stat().st_mtime_ns, (fleet.disk("a", "/opt") / "jsync").stat().st_mtime_ns)
    assert all(one["error"] is None for one in fleet.agents("up", "-d", "-C", *LIMIT).values())

    fleet.write_inventory(more=", interval_s: 30")
    changed = fleet.agents("up", "-d", *LIMIT)
    assert outcomes(changed) == {"master": "running", "a": "reloaded", "a2": "running", "b": "running"}
    assert [one["pid"] for one in changed.values()] == [first[name]["pid"] for name in changed]

    down = fleet.agents("down", "--limit", "!hanging", exit_code=2)
    assert outcomes(down, only=AGENTS) == dict.fromkeys(AGENTS, "stopped")
    assert down["away"]["recap"] == down["changed"]["recap"] == "unreachable"
    for label in GOOD:
        assert not [line for line in fleet.lan.machines[label].listeners() if ":22" not in line], label
    assert outcomes(fleet.agents("down", *LIMIT)) == dict.fromkeys(AGENTS, "not-running")
    back = fleet.agents("up", "-d", *LIMIT)
    assert outcomes(back) == dict.fromkeys(AGENTS, "started")
    fleet.agents("down", *LIMIT)
    assert fleet.controller.pids() == set()


def test_the_foreground_reaches_every_machine_that_can_be_reached(fleet: Fleet) -> None:
    fleet.agents("up", "--install", *LIMIT)  # tests may run alone
    fleet.agents("down", *LIMIT)
    later = fleet.disk("master", "/srv") / "remote" / "_all" / "later.job.xml"
    with fleet.stays("up", "-v") as (process, said):
        for refusal in ("changed .*key has changed", "full .*there is no `jsync`", "hanging .*SSH", "away .*SSH"):
            wait_for(lambda words=refusal: bool(re.search(words, said.read_text())), refusal)  # type: ignore[misc]
        later.write_text("<job/>\n")
        for label, slave in (("a", "a"), ("a", "a2"), ("b", "b")):
            wait_for((fleet.disk(label, "/srv") / slave / "later.job.xml").exists, f"the file at {slave}")
        assert "all agents are ready" not in said.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 2
    told = said.read_text()
    for name in AGENTS:
        assert re.search(rf"^{name} +\| .*SCHEDULER-902.*stopped", told, re.MULTILINE), told
    _, *errors = [line for line in told.splitlines() if line.startswith("jsync: ")]  # the first is what -v says
    assert len(errors) == 4, told
    assert "Traceback" not in told
    nothing_is_left(fleet)


def test_one_agent_elsewhere_in_the_foreground(fleet: Fleet) -> None:
    fleet.agents("up", "--install", *LIMIT)
    fleet.agents("down", *LIMIT)
    with fleet.stays("agent", "b") as (process, said):
        wait_for(lambda: fleet.jsync("status", "b", exit_code=1)["agents"][0]["state"] == "running", "b runs")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert all(" | " not in line for line in said.read_text().splitlines())
    with fleet.stays("agent", "hanging") as (process, said):
        assert process.wait(60) == 2
    assert said.read_text().splitlines()[-1].startswith("jsync: hanging: SSH to ")
    nothing_is_left(fleet)


def test_who_is_killed_in_the_foreground_leaves_no_agent_behind(fleet: Fleet) -> None:
    fleet.agents("up", "--install", *LIMIT)
    fleet.agents("down", *LIMIT)
    with fleet.stays("up", *LIMIT) as (process, said):
        wait_for(lambda: "all agents are ready" in said.read_text(), "all are ready")
        process.kill()
        process.wait()
    nothing_is_left(fleet)


def nothing_is_left(fleet: Fleet) -> None:
    """No process of the controller, and on the machines no listener but the SSH server."""
    assert fleet.controller.pids() == set()
    for label in GOOD:
        machine = fleet.lan.machines[label]
        wait_for(lambda one=machine: all(":22" in line for line in one.listeners()), f"{label} is quiet")  # type: ignore[misc]


def test_a_state_folder_without_space_is_told(fleet: Fleet) -> None:
    """The machine has jsync, and no room for what it must remember."""
    full = fleet.disk("full", "/usr/local/bin") / "jsync"
    full.write_text(f'#!/bin/sh\nexec env PYTHONPATH={ROOT} {sys.executable} -P -m cli "$@"\n')
    full.chmod(0o755)
    try:
        found = fleet.agents("up", "-d", "full", exit_code=2)["full"]
        assert (found["outcome"], found["error"]["code"]) == ("failed", "state")
        assert "No space left on device" in found["error"]["message"]
    finally:
        full.unlink()
