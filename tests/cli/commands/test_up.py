"""The commands about agents, with real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.cli import Result, run_cli
from tests.support.net import listening
from tests.support.site import PROJECT, Site, eventually, running_site

pytestmark = pytest.mark.e2e


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    (site.remote / "_all" / "a.job.xml").write_bytes(b"<job/>\n")
    return site


@contextmanager
def _started(site: Site, *argv: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        site.command(*argv),
        env=site.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=site.folder,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for(process: subprocess.Popen[str], text: str) -> None:
    """Read stderr up to a line with ``text``; the test's own time limit ends a wait in vain."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"stderr ended without {text!r}")


def _run(site: Site, *argv: str) -> Result:
    return run_cli(*argv, environ=site.environment())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_ends_cleanly(site: Site, number: signal.Signals) -> None:
    with _started(site, "up", "--color", "always") as process:
        _wait_for(process, "jsync: all agents are ready; Ctrl-C stops them")
        assert _run(site, "status", "master", "-q").out == ""
        left_alone = _run(site, "down")
        assert (left_alone.exit_code, left_alone.out.count("foreground")) == (0, 2)
        assert "jsync: slave-0 runs in the foreground (pid " in left_alone.err
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "\x1b[36mmaster  | \x1b[0m" in out
    assert "\x1b[33mslave-0 | \x1b[0m" in out
    assert site.run("status", "-o", "json").json["agents"][0]["state"] == "stopped"


def test_the_foreground_as_a_document(site: Site) -> None:
    with _started(site, "up", "-o", "json") as process:
        _wait_for(process, "all agents are ready")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out) == {"schema": "jsync.up/1", "ok": True, "is_check": False, "errors": []}


def test_a_folder_called_cli_is_not_taken_for_ours(site: Site) -> None:
    (site.folder / "cli.py").write_text("raise SystemExit('not this one')\n")
    command = [sys.executable, "-P", "-m", "cli", "up", "-d"]
    environ = {**site.environment(), "PYTHONPATH": str(PROJECT)}
    try:
        done = subprocess.run(command, env=environ, cwd=site.folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "jsync: 2 hosts: 2 changed\n")
    finally:
        (site.folder / "cli.py").unlink()  # it stands in the way of the next command line, which has no -P
        assert site.run("down").code == 0


def test_detached_agents(site: Site) -> None:
    with running_site(site):
        again = site.run("up", "-d")
        assert [line.split()[1] for line in again.stdout.splitlines()] == ["AGENT", "running", "running"]
        assert again.code == 0
        quiet = site.run("up", "-d", "-q")
        assert (quiet.code, quiet.stdout, quiet.stderr) == (0, "", "")
        eventually(lambda: _run(site, "diff", "slaves", "-q").exit_code == 0, what="in sync")
        eventually(lambda: _run(site, "status", "-q").out == "", what="status")
        document = _run(site, "status", "-o", "json").document
        assert [agent["state"] for agent in document["agents"]] == ["running", "running"]
        ports = _run(site, "check-ports", "-q")
        assert (ports.exit_code, ports.out, ports.err) == (0, "", "")

        refused = _run(site, "sync", "slave-0")
        assert (refused.exit_code, refused.out) == (2, "")
        assert "jsync notify slave-0" in refused.err
        second = site.run("agent", "slave-0")
        assert second.code == 2
        assert "runs already" in second.stderr

        would = _run(site, "down", "slave-0", "-C")
        assert would.out.splitlines()[1].split()[:4] == ["slave-0", "would", "be", "stopped"]
        assert _run(site, "down", "slave-0", "-o", "json").document["agents"][0]["outcome"] == "stopped"
        left = _run(site, "status", "slave-0")
        assert (left.exit_code, left.out.splitlines()[1].split()[2]) == (1, "stopped")


def test_logs(site: Site) -> None:
    with running_site(site):
        eventually(lambda: "SCHEDULER-950" in site.log("slave-0"), what="the registration")
        lines = _run(site, "logs", "slave-0", "-n", "1000").out.splitlines()
        assert any("SCHEDULER-950  Scheduler has been registered" in line for line in lines)
        assert all(line.startswith("slave-0 | ") for line in lines)
        assert "SCHEDULER-950" not in _run(site, "logs", "-q").out
        assert len(_run(site, "logs", "-n", "1", "-o", "json").document["lines"]) == 2
        with _started(site, "logs", "master", "-f", "-n", "1") as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("master | ")
            _run(site, "files", "master", "--for", "slave-0")
            for line in process.stdout:
                if "SCHEDULER-965  Executing command: <jsync.dialect" in line:
                    break
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130


def test_sync_without_an_agent(site: Site) -> None:
    with running_site(site, ["master"]):
        assert _run(site, "sync", "slave-0").exit_code == 0
        site.write(site.remote / "_all" / "b.job.xml", b"<job/>\n")
        eventually(lambda: "missing" in _run(site, "diff", "slave-0").out, what="the new file")
        would = _run(site, "sync", "slave-0", "-C")
        assert would.out == "slave-0: would fetch from master: 1 added, 0 changed, 0 removed\n  added    b.job.xml\n"
        synced = _run(site, "sync", "slave-0", "-D")
        assert (synced.exit_code, synced.err) == (0, "")
        assert synced.out.startswith("slave-0: fetched from master: 1 added, 0 changed, 0 removed\n")
        assert "\n+<job/>\n" in synced.out
        assert (site.cache() / "b.job.xml").read_bytes() == b"<job/>\n"
        assert _run(site, "sync", "slave-0", "-q").out == ""
        document = _run(site, "sync", "slave-0", "-o", "json").document
        assert document["slaves"] == [
            {"slave": "slave-0", "master": "master", "recap": "ok", "changes": [], "error": None}
        ]

        (site.remote / "_all" / "a.job.xml").unlink()
        (site.remote / "_all" / "b.job.xml").unlink()
        eventually(lambda: "2 extra" in _run(site, "diff", "slave-0").out, what="the removals")
        too_much = _run(site, "sync", "slave-0", "-o", "json")
        assert too_much.exit_code == 1
        assert too_much.document["slaves"][0]["error"]["code"] == "max-delete"


def test_a_port_in_use_is_trouble_and_says_who_holds_it(site: Site) -> None:
    with listening("0.0.0.0", port=site.ports["slave-0"]):
        for argv in (("up", "-d", "slave-0"), ("up", "slave-0"), ("agent", "slave-0")):
            run = site.run(*argv)
            assert run.code == 2
            assert str(site.ports["slave-0"]) in run.stderr
            assert "pid" in run.stderr
        assert site.run("up", "slave-0", "-o", "json").json["ok"] is False
    assert site.run("down").code == 0
