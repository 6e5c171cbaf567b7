"""``up`` and ``down``: in the foreground, detached, called twice, with what dies and what changes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sync_core import __version__
from tests.support.site import Site, eventually, running_site

pytestmark = pytest.mark.e2e


@contextmanager
def _foreground(site: Site, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """``jsync up`` in the foreground, until its agents are ready."""
    with (site.folder / "out").open("w+") as out:
        process = subprocess.Popen(
            site.command("up", *arguments), env=site.environment(), stdout=out, stderr=subprocess.STDOUT, text=True
        )
        lines: list[str] = []

        def is_ready() -> bool:
            lines[:] = (site.folder / "out").read_text().splitlines()
            return any("all agents are ready" in line for line in lines) or process.poll() is not None

        try:
            eventually(is_ready, what="ready")
            yield process, lines
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _pids(site: Site) -> dict[str, int]:
    return {host: site.pid(host) for host in ["master", *site.ports]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_foreground_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    site = Site(tmp_path)
    with _foreground(site) as (process, _):
        pids = _pids(site)
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
        assert not [pid for pid in pids.values() if Path(f"/proc/{pid}").exists()]
    assert "master " in (site.folder / "out").read_text()


def test_agents_never_outlive_a_foreground_that_was_killed(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with _foreground(site) as (process, _):
        pids = _pids(site)
        process.kill()
        assert eventually(
            lambda: not [pid for pid in pids.values() if Path(f"/proc/{pid}").exists()], what="no agent left"
        )


def test_an_agent_that_dies_is_started_again(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with _foreground(site) as (process, _):
        before = site.pid("slave-0")
        os.kill(before, signal.SIGKILL)
        eventually(lambda: (tmp_path / "state/slave-0/agent.json").exists() and site.pid("slave-0") != before)
        eventually(lambda: site.run("status", "-q").code == 0, what="all well again")
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_up_detached_again_leaves_alone_what_runs(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running_site(site):
        before = _pids(site)
        run = site.run("up", "-d", "-q")
        assert (run.code, run.stdout, run.stderr) == (0, "", "")
        assert _pids(site) == before


def test_two_at_the_same_moment_do_no_harm(tmp_path: Path) -> None:
    site = Site(tmp_path)
    both = [subprocess.Popen(site.command("up", "-d", "-q"), env=site.environment(), cwd=tmp_path) for _ in range(2)]
    try:
        assert [process.wait(timeout=90) for process in both] == [0, 0]
        eventually(lambda: site.run("status", "-q").code == 0, what="all well")
        agents = subprocess.run(
            ["pgrep", "-f", f"agent .*{site.inventory}"], capture_output=True, text=True, check=False
        )
        assert len(agents.stdout.split()) == 2
    finally:
        site.run("down")


def test_what_died_comes_back_and_what_changed_is_restarted(tmp_path: Path) -> None:
    site = Site(tmp_path, slaves=2)
    with running_site(site):
        before = _pids(site)
        os.kill(before["slave-0"], signal.SIGKILL)
        site.more["slave-1"] = {"udp_port": 0}
        site.write_inventory()
        would = site.run("up", "-d", "--check", "-o", "json").json
        assert {agent["host"]: agent["outcome"] for agent in would["agents"]} == {
            "master": "reloaded",
            "slave-0": "started",
            "slave-1": "restarted",
        }
        assert site.pid("slave-1") == before["slave-1"]
        site.up("slaves")
        after = _pids(site)
        assert after["master"] == before["master"]
        assert after["slave-0"] != before["slave-0"]
        assert after["slave-1"] != before["slave-1"]


def test_an_agent_whose_host_left_the_inventory_is_seen_and_stopped(tmp_path: Path) -> None:
    site = Site(tmp_path, slaves=2)
    with running_site(site):
        pid = site.pid("slave-1")
        del site.ports["slave-1"]
        site.write_inventory()
        for command in (("up", "-d"), ("status",)):
            run = site.run(*command)
            assert "jsync: the agent of slave-1 runs, but the inventory no longer has it" in run.stderr
        assert Path(f"/proc/{pid}").exists()
        stopped = site.run("down", "-o", "json").json["agents"]
        assert [agent["host"] for agent in stopped] == ["master", "slave-0", "slave-1"]
        assert not Path(f"/proc/{pid}").exists()


def test_a_second_agent_refuses_to_start(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running_site(site, ["master"]):
        run = site.run("agent", "master")
        assert run.code == 2
        assert f"an agent for master runs already with pid {site.pid('master')}" in run.stderr


def test_a_port_in_use_names_its_holder(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with socket.create_server(("127.0.0.1", site.master_port)):
        run = site.run("up", "-d", "master", "-o", "json")
    assert run.code == 2
    (agent,) = run.json["agents"]
    assert agent["outcome"] == "failed"
    assert f"{os.getpid()}" in agent["error"]["message"]
    assert str(site.master_port) in agent["error"]["message"]


def test_a_host_of_another_inventory_is_refused_and_named(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running_site(site, ["master"]):
        other = tmp_path / "other.yaml"
        other.write_text(site.inventory.read_text())
        for command in ("up -d", "down", "status", "logs"):
            run = site.run(*command.split(), "master", "-i", str(other))
            assert run.code == 2, command
            assert str(site.inventory) in run.stdout + run.stderr, command
        site.run("down")
        assert site.run("up", "-d", "master", "-i", str(other)).code == 0
        site.run("down", "-i", str(other))


def test_logs_of_detached_agents(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running_site(site):
        site.wait_for_line("slave-0", "check configuration directory")
        run = site.run("logs", "slave-0", "-n", "1")
        assert run.code == 0
        assert "check configuration directory" in run.stdout
        follower = subprocess.Popen(
            site.command("logs", "-f", "slave-0", "-n", "1"), env=site.environment(), stdout=subprocess.PIPE, text=True
        )
        try:
            assert follower.stdout is not None
            assert follower.stdout.readline()  # it follows from here
            site.run("notify", "slave-0")
            assert any("SCHEDULER-955" in line for line in follower.stdout)
        finally:
            follower.send_signal(signal.SIGINT)
            assert follower.wait(timeout=30) == 130
            assert follower.stdout is not None
            follower.stdout.close()


def test_status_of_agents_in_the_foreground(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with _foreground(site) as (process, _):
        eventually(lambda: site.run("status", "-q").code == 0, what="all well")
        status = site.run("status", "-o", "json")
        assert status.json["ok"] is True
        assert [agent["state"] for agent in status.json["agents"]] == ["running", "running"]
        assert site.run("down", "-o", "json").json["agents"][0]["outcome"] == "foreground"
        process.terminate()
        assert process.wait(timeout=30) == 0
    stopped = site.run("status", "-o", "json")
    assert stopped.code == 1
    assert json.loads(stopped.stdout)["ok"] is False


def test_python_runs_it_as_a_module(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "cli", "--version"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Site(tmp_path).folder,
        env=Site(tmp_path).environment(),
    )
    assert run.returncode == 0
    assert run.stdout.startswith(f"jsync {__version__}")
