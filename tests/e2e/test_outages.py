"""What goes away comes back: masters and slaves that are killed, datagrams that never arrive."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.job_files import job_file
from tests.support.netns import namespace, why_no_namespaces
from tests.support.site import Site, eventually, running_site, tree

pytestmark = pytest.mark.e2e


def test_a_slave_outlives_its_master_and_is_in_sync_again_without_help(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.write(site.remote / "_all" / "a.job.xml", b"<job/>\n")
    with running_site(site):
        eventually(lambda: tree(site.cache()) == {"a.job.xml": b"<job/>\n"}, what="the first copy")
        pid = site.pid("slave-0")
        os.kill(site.pid("master"), signal.SIGKILL)
        site.wait_for_line("slave-0", "ERRNO-111  Connection refused [connect]")
        assert site.run("status", "slave-0", "-o", "json").code == 1
        site.write(site.remote / "_all" / "b.job.xml", b"<job/>\n")
        assert tree(site.cache()) == {"a.job.xml": b"<job/>\n"}
        site.up("master")
        eventually((site.cache() / "b.job.xml").is_file, what="the change of the meantime")
        assert site.pid("slave-0") == pid
        eventually(lambda: site.run("status", "-q").code == 0, what="all well")


def test_without_udp_a_change_arrives_within_one_interval(tmp_path: Path) -> None:
    if reason := why_no_namespaces():
        pytest.skip(reason)
    with namespace() as machine:
        machine.firewall("input udp dport 1-65535 drop")
        site = Site(tmp_path, interval_s=3, prefix=("ip", "netns", "exec", machine.name))
        with running_site(site):
            eventually(lambda: site.run("status", "-q").code == 0, what="fetched once")
            site.write(site.remote / "_all" / "a.job.xml", b"<job/>\n")
            told = site.wait_for_line("master", "sending UDP command check_folders")
            copy = site.cache() / "a.job.xml"
            eventually(copy.exists, what="the change")
            assert "SCHEDULER-955" not in site.log("slave-0")
            arrived = site.wait_for_line("slave-0", "SCHEDULER-701  Replicating '/a.job.xml'")
            checks = [
                line
                for line in site.log("slave-0").splitlines()
                if "check configuration directory" in line and told[:23] < line[:23] < arrived[:23]
            ]
            assert len(checks) == 1, "it came with the first check after the change"


@pytest.mark.timeout(300)
def test_a_slave_killed_fifty_times_never_shows_a_torn_file(tmp_path: Path) -> None:
    site = Site(tmp_path)
    draw = random.Random(7)
    names = [f"d{n % 7}/job-{n}.job.xml" for n in range(150)]

    def version(number: int) -> dict[str, bytes]:
        return {name: job_file(number * 1000 + n, lines=300) for n, name in enumerate(names)}

    def publish(files: dict[str, bytes]) -> None:
        for name, content in files.items():
            site.write(site.remote / "_all" / name, content)

    published: list[dict[str, bytes]] = [version(0)]
    publish(published[-1])
    with running_site(site, ["master"]):
        mixed = 0
        for round_number in range(50):
            published.append(version(round_number + 1))
            publish(published[-1])
            agent = subprocess.Popen(
                site.command("agent", "slave-0"), env=site.environment(), stderr=subprocess.PIPE, text=True
            )
            assert agent.stderr is not None
            for line in agent.stderr:
                if "check configuration directory" in line:
                    break
            try:
                agent.wait(timeout=draw.uniform(0.0, 0.4))
            except subprocess.TimeoutExpired:
                agent.kill()
            agent.wait()
            agent.stderr.close()
            ages = set()
            for name in names:
                path = site.cache() / name
                if path.is_file():
                    content = path.read_bytes()
                    age = next((n for n, files in enumerate(published) if files[name] == content), None)
                    assert age is not None, f"{name} is torn in round {round_number}"
                    ages.add(age)
            mixed += len(ages) > 1
        assert mixed, "no kill hit an update: the test proves nothing"
        site.up("slave-0")
        eventually(site.in_sync, what="in sync")
        assert tree(site.cache()) == tree(site.remote / "_all")
