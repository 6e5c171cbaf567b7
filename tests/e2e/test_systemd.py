"""Agents of a machine that systemd has booted: units of the system by sudo, of a user's own, and an administrator's."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.booted import Booted, booted, why_not_booted
from tests.support.lan import Machine, lan, wait_for

REASON = why_not_booted()
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(REASON is not None, reason=REASON or ""),
    pytest.mark.timeout(300),
]

INVENTORY = """\
all:
  vars: {{ssh_config: {config}, address: {address}, interval_s: 3600}}
masters:
  hosts:
    master: {{remote: /srv/remote, ssh_user: jobs, become: true}}
slaves:
  vars: {{cache: "/srv/{{name}}"}}
  hosts:
    a: {{ssh_user: jobs, become: true}}
    b: {{tcp_port: 5001, udp_port: 5001, ssh_user: jobs, become: true{more}}}
    own: {{tcp_port: 5002, udp_port: 5002, ssh_user: plain, cache: /home/plain/cache}}
    refused: {{tcp_port: 5003, udp_port: 5003, ssh_user: plain, become: true}}
"""
AGENTS = ("master", "a", "b", "own")
OTHERS = """\
masters:
  hosts:
    m: {address: 127.0.0.1, tcp_port: 4441, remote: /srv/remote}
slaves:
  hosts:
    s: {address: 127.0.0.1, tcp_port: 6000, udp_port: 600, cache: /srv/s}
"""
NO_LINGER = """\
<busconfig><policy context="default"><deny send_interface="org.freedesktop.login1.Manager"\
 send_member="SetUserLinger"/></policy><policy user="root"><allow send_member="SetUserLinger"\
 send_interface="org.freedesktop.login1.Manager"/></policy></busconfig>
"""
QUICK = "[Service]\nWatchdogSec=2\nRestartSec=0\n"


@dataclass
class Site:
    """A desk, and a machine that has booted."""

    box: Booted
    desk: Machine
    folder: Path
    config: Path

    def write_inventory(self, more: str = "") -> None:
        text = INVENTORY.format(config=self.config, address=self.box.address, more=more)
        (self.folder / "jsync.yaml").write_text(text)

    def run(self, *words: str) -> tuple[int, Any]:
        """Run a command at the desk and return its exit code and its document."""
        environ = (f"JSYNC_STATE_DIR={self.folder}/state", f"JSYNC_INVENTORY={self.folder}/jsync.yaml")
        done = self.desk.run("env", *environ, sys.executable, "-m", "cli", *words, "-o", "json")
        return done.returncode, json.loads(done.stdout)

    def outcomes(self, *words: str) -> dict[str, str]:
        """Return what a command that must succeed did with each agent."""
        code, document = self.run(*words, *AGENTS)
        assert code == 0, document
        return {one["host"]: one["outcome"] for one in document["agents"]}

    def pids(self) -> dict[str, int]:
        """Return the agents, as soon as all run and are in sync."""
        found: dict[str, int] = {}

        def are_well() -> bool:
            code, document = self.run("status", *AGENTS)
            found.update({one["host"]: one["pid"] for one in document["agents"] if code == 0})
            return code == 0

        wait_for(are_well, "all agents are well")
        return found

    def unit(self, name: str, what: str) -> str:
        """Return a property of a unit."""
        return self.box.run(f"systemctl show -P {what} jsync-{name}").strip()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("booted")
    with lan(folder) as net:
        desk, machine = net.add("desk", has_ssh=False), net.add("box", has_ssh=False)
        with booted(net, machine, desk) as box:
            box.run("mkdir -p /srv/remote/_all && echo '<job/>' > /srv/remote/_all/one.job.xml")
            made = Site(box, desk, folder, net.ssh_config)
            made.write_inventory()
            yield made


@pytest.fixture
def agents(site: Site) -> dict[str, int]:
    """Agents that run."""
    site.write_inventory()
    site.outcomes("up", "-d")
    return site.pids()


def test_agents_are_units_that_come_and_go(site: Site) -> None:
    site.write_inventory()
    site.outcomes("down")
    assert site.outcomes("up", "-d") == dict.fromkeys(AGENTS, "started")
    pids = site.pids()
    for name in ("master", "a", "b"):
        assert site.unit(name, "MainPID") == str(pids[name])
        assert site.unit(name, "UnitFileState") == "enabled"
    site.box.run(f"nsenter -m -t {pids['a']} touch /srv/a/.mine && rm /srv/a/.mine")
    site.box.run(f"nsenter -m -t {pids['a']} touch /srv/remote/elsewhere", exit_code=1)
    assert site.box.run("stat -c %U /srv/a/one.job.xml /home/plain/cache/one.job.xml").split() == ["root", "plain"]

    assert site.outcomes("up", "-d") == dict.fromkeys(AGENTS, "running")
    site.write_inventory(more=", max_delete: 7")
    assert site.outcomes("up", "-d") == {**dict.fromkeys(AGENTS, "running"), "b": "reloaded"}
    assert site.pids() == pids
    site.write_inventory(more=", listen: 0.0.0.0")
    assert site.outcomes("up", "-d") == {**dict.fromkeys(AGENTS, "running"), "b": "restarted"}
    assert {name for name, pid in site.pids().items() if pid != pids[name]} == {"b"}

    assert site.outcomes("down") == dict.fromkeys(AGENTS, "stopped")
    assert site.outcomes("down") == dict.fromkeys(AGENTS, "not-running")
    left = "find /etc/systemd /home/plain/.config -name 'jsync-*'; pgrep -af ' agent ' -u 0,plain | grep -v bash"
    assert site.box.run(left, exit_code=None) == ""


def test_who_may_not_become_root_is_told_how(site: Site) -> None:
    code, document = site.run("up", "-d", "refused")
    error = document["agents"][0]["error"]
    assert code == 2
    assert error["message"] == "sudo: a password is required"
    assert error["hint"] == "allow it in sudoers without a password, or leave out `become`"


def test_a_unit_of_a_users_own_outlives_the_login(site: Site, agents: dict[str, int]) -> None:
    shown = site.box.run("systemctl --user show -P MainPID jsync-own", user="plain").strip()
    assert shown == str(agents["own"])
    assert site.box.run("loginctl show-user -P Linger plain").strip() == "yes"
    site.box.run("loginctl terminate-user jobs; loginctl list-sessions --no-legend | grep -w plain", exit_code=1)
    assert site.pids() == agents


@pytest.fixture
def no_linger(site: Site) -> Iterator[None]:
    """No user's manager stays without a login."""
    site.run("down", "own")
    site.box.run(f"printf '{NO_LINGER}' > /etc/dbus-1/system.d/no-linger.conf && systemctl reload dbus")
    site.box.run("loginctl disable-linger plain")
    yield
    site.run("down", "own")
    site.box.run("rm /etc/dbus-1/system.d/no-linger.conf && systemctl reload dbus")


def test_without_a_manager_that_stays_a_users_agent_is_a_process(site: Site, no_linger: None) -> None:
    code, document = site.run("up", "-d", "own")
    (own,) = document["agents"]
    assert (code, own["outcome"]) == (0, "started")
    ends = "loginctl show-user -P State plain"
    wait_for(lambda: site.box.run(ends).strip() == "closing", "the login ends")
    assert site.box.run(f"ps -o user= -p {own['pid']}").split() == ["plain"]
    site.box.run("find /home/plain/.config -name 'jsync-*' | grep jsync", exit_code=1)
    assert site.run("down", "own")[1]["agents"][0]["outcome"] == "stopped"


def test_logs_are_there_whoever_runs_the_agent(site: Site, agents: dict[str, int]) -> None:
    code, document = site.run("logs", *AGENTS, "-n", "1000")
    ready = {line["host"] for line in document["lines"] if "SCHEDULER-956" in line["line"]}
    assert (code, ready) == (0, set(AGENTS))


def test_one_that_is_killed_comes_back_by_itself(site: Site, agents: dict[str, int]) -> None:
    site.box.run(f"kill -9 {agents['a']} {agents['own']}")
    wait_for(lambda: site.unit("a", "MainPID") not in {"0", str(agents["a"])}, "it is started again")
    pids = site.pids()
    assert {name for name in AGENTS if pids[name] == agents[name]} == {"master", "b"}
    assert site.outcomes("up", "-d") == dict.fromkeys(AGENTS, "running")


def test_one_that_hangs_is_ended_and_started_again(site: Site, agents: dict[str, int]) -> None:
    site.box.run(f"mkdir -p /run/systemd/system/jsync-a.service.d && printf '{QUICK}' > $_/quick.conf")
    site.box.run("systemctl daemon-reload && systemctl restart jsync-a")
    before = site.unit("a", "MainPID")
    site.box.run(f"kill -STOP {before}")
    wait_for(lambda: site.unit("a", "NRestarts") == "1", "it is started again")
    assert site.pids()["a"] != int(before)
    assert "Watchdog timeout" in site.box.run("journalctl -u jsync-a -o cat")
    site.box.run("rm -r /run/systemd/system/jsync-a.service.d")


def test_an_administrators_units_run_as_their_own_user(site: Site) -> None:
    box = site.box
    box.run(f"mkdir /etc/jsync && cat > /etc/jsync/jsync.yaml << 'END'\n{OTHERS}END")
    box.run("install -d -o jsync /srv/s")
    for host in ("m", "s"):
        box.run(f"jsync -i /etc/jsync/jsync.yaml service {host} > /etc/systemd/system/jsync-{host}.service")
    assert box.run("systemd-analyze verify /etc/systemd/system/jsync-[ms].service 2>&1") == ""
    box.run("systemctl daemon-reload && systemctl enable --quiet --now jsync-m jsync-s")
    wait_for(lambda: box.run("jsync status -q; echo $?", exit_code=None) == "0\n", "the slave is in sync")
    running = box.run("ps -o user= -p $(systemctl show -P MainPID jsync-m),$(systemctl show -P MainPID jsync-s)")
    assert running.split() == ["jsync", "jsync"]
    assert box.run("stat -c %U /srv/s/one.job.xml").strip() == "jsync"

    box.run("echo '<job/>' > /srv/remote/_all/two.job.xml")
    wait_for(lambda: box.run("test -e /srv/s/two.job.xml; echo $?") == "0\n", "what is new is fetched")
    box.run("jsync up -d -q && jsync down -q")  # both leave it alone
    box.run("systemctl restart jsync-m && systemctl is-active jsync-m jsync-s")
    box.run("rm /srv/remote/_all/two.job.xml; systemctl disable --quiet --now jsync-m jsync-s")
    assert site.unit("s", "Result") == "success"


def test_all_come_back_after_a_reboot(site: Site, agents: dict[str, int]) -> None:
    site.box.run("rm -r /srv/b")  # as it is where caches lie in memory
    site.box.reboot()
    site.pids()
    assert site.box.run("cat /srv/b/one.job.xml") == "<job/>\n"
    assert site.outcomes("up", "-d") == dict.fromkeys(AGENTS, "running")
