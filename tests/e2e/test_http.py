"""The HTTP dialect with real processes: jsync with jsync, and what an administrator sees of it."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.site import Site, eventually, running_site, tree

pytestmark = pytest.mark.e2e


def status_of(site: Site, host: str) -> dict[str, Any]:
    agents: list[dict[str, Any]] = site.run("status", "-o", "json").json["agents"]
    return next(agent for agent in agents if agent["host"] == host)


@pytest.mark.parametrize("end", ["master", "slave-0"])
def test_the_conversation_can_be_followed_in_both_logs(tmp_path: Path, end: str) -> None:
    site = Site(tmp_path, more={end: {"dialect": "http"}})
    site.write(site.remote / "_all" / "stress" / "a.job.xml", b"<job/>\n")
    site.write(site.remote / "slave-0" / "own.job.xml", b"<job/>\n")
    with running_site(site):
        port = site.ports["slave-0"]
        client = f"(Supervisor_client http://127.0.0.1:{site.master_port}) "
        asked = 'SCHEDULER-965  Executing command: <supervisor.configuration.fetch scheduler_id="slave-0"'
        site.wait_for_line("master", asked)
        site.wait_for_line("slave-0", f"{client}SCHEDULER-701  Replicating '/own.job.xml' [")
        site.wait_for_line("slave-0", f"{client}SCHEDULER-701  Replicating '/stress/a.job.xml' [")
        eventually(site.in_sync, what="in sync")

        site.write(site.remote / "_all" / "stress" / "b.job.xml", b"<job/>\n")
        site.wait_for_line("master", f"sending UDP command check_folders to 127.0.0.1:{port}")
        site.wait_for_line("slave-0", "SCHEDULER-955  UDP message from 127.0.0.1: <check_folders/>")
        site.wait_for_line("slave-0", f"{client}SCHEDULER-701  Replicating '/stress/b.job.xml' [")
        eventually(lambda: status_of(site, "slave-0")["in_sync"], what="in sync by status")
        slave, master = status_of(site, "slave-0"), status_of(site, "master")
        assert (slave["master"], slave["files"]) == ("master", 3)
        assert slave["registered_at"] is not None
        assert (master["slaves_registered"], master["slaves_in_sync"]) == (1, 1)

        site.run("down", "master")
        site.run("notify", "slave-0")
        site.wait_for_line("slave-0", f"{client}ERRNO-111  Connection refused [connect] [127.0.0.1:{site.master_port}]")
        site.up()
        eventually(lambda: status_of(site, "slave-0")["in_sync"], what="in sync again")
        assert tree(site.cache()) == {
            "own.job.xml": b"<job/>\n",
            "stress": None,
            "stress/a.job.xml": b"<job/>\n",
            "stress/b.job.xml": b"<job/>\n",
        }


def test_without_wake_ups_a_change_arrives_within_the_interval(tmp_path: Path) -> None:
    site = Site(tmp_path, interval_s=1, more={"master": {"dialect": "http"}, "slave-0": {"udp_port": 0}})
    with running_site(site):
        eventually(site.in_sync, what="in sync")
        site.write(site.remote / "_all" / "a.job.xml", b"<job/>\n")
        eventually((site.cache() / "a.job.xml").exists, what="the file")
        assert "sending UDP" not in site.log("master")


def test_one_fetch_without_an_agent(tmp_path: Path) -> None:
    site = Site(tmp_path, more={"master": {"dialect": "http"}})
    site.write(site.remote / "slave-0" / "a.job.xml", b"<job/>\n")
    with running_site(site, ("master",)):
        would = site.run("sync", "slave-0", "--check")
        assert would.code == 0, would.stderr
        assert not site.cache().exists()
        done = site.run("sync", "slave-0")
        assert done.code == 0, done.stderr
        assert tree(site.cache()) == {"a.job.xml": b"<job/>\n"}
        assert site.in_sync()


def test_a_panel_may_ask_by_get(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with running_site(site):
        eventually(site.in_sync, what="in sync")
        where = f"http://127.0.0.1:{site.master_port}/jobscheduler/engine/command?command=%3Cs/%3E"
        with urllib.request.urlopen(where, timeout=10) as response:
            assert response.headers["Content-Type"] == "text/xml; charset=ISO-8859-1"
            assert b'<remote_scheduler ip="127.0.0.1"' in response.read()
        assert json.loads((site.state / "master" / "status.json").read_text())["slaves_registered"] == 1
