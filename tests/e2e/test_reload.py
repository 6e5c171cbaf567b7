"""Reload and drain: agents take over another inventory while they run, and finish what they write before they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.crowd import CrowdSite, a_crowd
from tests.support.ports import free_port
from tests.support.site import Site, eventually, running_site, tree
from tests.support.terminal import terminal

pytestmark = pytest.mark.e2e

_OUTSIDE = "127.0.0.9"
"""Of 127/8 an agent takes only 127.0.0.1 for itself: this is a peer, with what the inventory gives it and no more."""


def _reloaded(site: Site, *arguments: str) -> dict[str, Any]:
    run = site.run("reload", *arguments, "-o", "json")
    assert run.stdout, run.stderr
    return {agent["host"]: agent for agent in run.json.get("agents", ())} | {"code": run.code}


def _status(site: Site, host: str) -> dict[str, Any]:
    agent: dict[str, Any] = site.run("status", host, "-o", "json").json["agents"][0]
    return agent


def test_registered_slaves_stay_connected_over_a_reload_that_adds_one(tmp_path: Path) -> None:
    site = CrowdSite(tmp_path, 20)
    site.write(site.remote / "_all" / "a.job.xml", b"<job/>\n")
    with running_site(site, ["master"]), a_crowd(site) as crowd:
        assert crowd.ready["ready"] == 20
        pid = site.pid("master")
        port = free_port()
        site.write(site.remote / "new-one" / "own.job.xml", b"<job/>\n")
        document = json.loads(site.inventory.read_text())
        document["slaves"]["hosts"]["new"] = {
            "address": "127.0.0.1",
            "tcp_port": port,
            "udp_port": port,
            "cache": str(site.cache("new")),
            "folder": "new-one",
        }
        site.inventory.write_text(json.dumps(document))
        would = site.run("up", "-d", "master", "new", "-C", "-o", "json").json["agents"]
        assert [agent["outcome"] for agent in would] == ["reloaded", "started"]
        assert _status(site, "master")["reloaded_at"] is None
        did = site.run("up", "-d", "master", "new", "-o", "json").json["agents"]
        assert [agent["outcome"] for agent in did] == ["reloaded", "started"]
        assert site.pid("master") == pid
        assert _status(site, "master")["reloaded_at"] > _status(site, "master")["started_at"]
        eventually((site.cache("new") / "own.job.xml").exists, what="the new slave's own folder")
        site.write(site.remote / "_all" / "b.job.xml", b"<job/>\n")
        story = crowd.story()
        assert story["errors"] == []
        assert (story["told"], story["fetched"]) == (20, 20)


def test_a_slave_that_left_the_inventory_loses_its_access(tmp_path: Path) -> None:
    site = Site(tmp_path, slaves=2)
    site.more["slave-1"] = {"address": _OUTSIDE, "listen": _OUTSIDE}
    site.write_inventory()
    with running_site(site):
        eventually(lambda: site.in_sync("slaves"), what="in sync")
        before = site.inventory.read_text()
        del site.ports["slave-1"]
        site.write_inventory()
        assert _reloaded(site, "master")["master"]["outcome"] == "reloaded"
        assert f"{_OUTSIDE}:" in site.wait_for_line("master", "SCHEDULER-287")
        site.wait_for_line("slave-1", "SCHEDULER-224")
        assert _status(site, "slave-0")["in_sync"] is True
        assert site.log("slave-0").count("SCHEDULER-950") == 1

        site.inventory.write_text(before)
        again = _reloaded(site)
        assert [again[host]["outcome"] for host in ("master", "slave-0", "slave-1")] == [
            "reloaded",
            "unchanged",
            "unchanged",
        ]
        eventually(lambda: site.log("slave-1").count("SCHEDULER-950") == 2, what="registered again")


def test_a_broken_inventory_changes_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running_site(site):
        eventually(lambda: site.in_sync("slaves"), what="in sync")
        good = site.inventory.read_text()
        site.inventory.write_text(good.replace('"tcp_port"', '"tcp_pork"', 1))
        run = site.run("reload", "-o", "json")
        assert run.code == 2
        assert "tcp_pork" in run.json["errors"][0]["message"]
        os.kill(site.pid("master"), signal.SIGHUP)  # as a service manager does it
        assert f"{site.inventory}:" in site.wait_for_line("master", "tcp_pork")
        site.inventory.write_text(good)
        status = _status(site, "master")
        assert "tcp_pork" in status["reload_error"]
        assert status["reloaded_at"] is None
        assert site.log("slave-0").count("SCHEDULER-950") == 1
        site.write(site.remote / "_all" / "a.job.xml", b"<job/>\n")
        eventually((site.cache() / "a.job.xml").exists, what="the change")


def test_what_needs_a_restart_is_named_and_left_alone(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running_site(site):
        pids = {host: site.pid(host) for host in ("master", "slave-0")}
        site.more["slave-0"] = {"udp_port": 0, "interval_s": 5}
        site.write_inventory()
        done = _reloaded(site)
        assert done["code"] == 1
        assert (done["master"]["outcome"], done["slave-0"]["outcome"]) == ("reloaded", "restart-needed")
        assert "jsync up -d slave-0" in done["slave-0"]["error"]["hint"]
        os.kill(pids["slave-0"], signal.SIGHUP)
        site.wait_for_line("slave-0", "udp_port needs a restart")
        site.up()
        assert site.pid("master") == pids["master"]
        assert site.pid("slave-0") != pids["slave-0"]


def test_in_a_terminal_an_agent_ends_with_it_and_is_not_reloaded(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with terminal(site.command("agent", "master"), folder=tmp_path, environ=site.environment()) as window:
        window.wait_for("SCHEDULER-718")
        pid = eventually(lambda: site.pid("master"))
        site.more["master"] = {"interval_s": 5}
        site.write_inventory()
        assert _reloaded(site, "master")["master"]["outcome"] == "restart-needed"
        os.kill(pid, signal.SIGHUP)  # as the kernel does when the terminal is closed
        assert window.wait() == 0


@contextmanager
def _a_slave_in_the_middle_of_an_update(site: Site, files: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a slave's agent, whose first update has begun and shows nothing yet."""
    for number in range(files):
        site.write(site.remote / "_all" / f"{number}.job.xml", number.to_bytes(4, "big") * 3000)
    site.wait_for_line("master", "SCHEDULER-718")
    process = subprocess.Popen(
        site.command("agent", "slave-0"), env=site.environment(), start_new_session=True, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: any(site.cache().glob(".*")), what="the first temporary")
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_sigterm_finishes_the_update_under_way(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running_site(site, ["master"]), _a_slave_in_the_middle_of_an_update(site, 1500) as slave:
        assert not list(site.cache().glob("*.xml"))
        slave.terminate()
        assert slave.wait(timeout=60) == 0
        assert tree(site.cache()) == tree(site.remote / "_all")


def test_an_update_that_does_not_end_is_broken_off_and_leaves_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running_site(site, ["master"]), _a_slave_in_the_middle_of_an_update(site, 3000) as slave:
        master = site.pid("master")
        os.kill(master, signal.SIGSTOP)
        try:
            slave.terminate()
            assert slave.wait(timeout=60) == 0
            assert tree(site.cache()) == {}
        finally:
            os.kill(master, signal.SIGCONT)
