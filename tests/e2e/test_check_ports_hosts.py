"""check-ports between hosts: a namespace for each, with its own SSH server and firewall (``ports.md``).

One network holds a master and one slave for each scene (``tests.support.scenes``); each test asks about one slave and
gets its verdicts, their reasons and the exit code.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.lan import wait_for, why_no_lan
from tests.support.scenes import SCENES, Site, site

REASON = why_no_lan()
if REASON is not None and os.environ.get("JSYNC_REQUIRE_NETNS"):
    raise RuntimeError(REASON)
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(REASON is not None, reason=REASON or ""),
    pytest.mark.xdist_group("check_ports_hosts"),
]

UNREAD = "the datagrams arrived and lie in the kernel of deaf: nobody reads them"
ARRIVED = "the kernel of {} counted the datagrams: they arrived"
OPENED = "nft insert rule inet filter input ip saddr {master} {} dport 5000 accept"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as built:
        yield built


TABLE: list[tuple[str, str, str, tuple[str, ...]]] = [
    # the slave; verdicts of wake-up and commands; words that the evidence and the fixes hold
    ("nothing", "no-listener", "no-listener", ("listener on {address}:5000 was reached", "start the agent: jsync up")),
    ("nothing-v6", "no-listener", "no-listener", ("listener on [{address6}]:5000 was reached",)),
    (
        "closed",
        "filtered",
        "filtered",
        (
            "listener on {address}:5000 was not reached",
            "nft: inet filter input: policy drop, no rule accepts udp dport 5000",
            "nft add rule inet filter input ip saddr {master} udp dport 5000 accept",
        ),
    ),
    ("way-back", "no-listener", "no-listener", ("the way back, from UDP port 5000 of way-back to master, is blocked",)),
    (
        "drop",
        "filtered",
        "filtered",
        (
            "counted fewer datagrams than were sent",
            "nft: inet filter input: `tcp dport 5000 drop` drops it",
            "nft insert rule inet filter input ip saddr {master} udp dport 5000 accept",
        ),
    ),
    ("drop-v6", "filtered", "filtered", ("input ip6 saddr {master6} udp dport 5000 accept",)),
    ("unreachable", "prohibited", "prohibited", ("ECONNREFUSED", "reject` rejects it", "somebody waits there")),
    ("unreachable-v6", "prohibited", "prohibited", ("ECONNREFUSED", "reject` rejects it")),
    ("prohibited", "prohibited", "prohibited", ("EHOSTUNREACH", "admin-prohibited` rejects it")),
    ("prohibited-v6", "prohibited", "prohibited", ("EACCES", "admin-prohibited` rejects it")),
    ("reset", "open", "prohibited", ("`tcp dport 5000 reject with tcp reset` rejects it",)),
    (
        "iptables",
        "filtered",
        "prohibited",
        (
            "iptables: filter INPUT: `-A INPUT -p udp -m udp --dport 5000 -j DROP` drops it",
            "iptables -I INPUT -p udp -s {master} --dport 5000 -j ACCEPT",
            "--reject-with tcp-reset` rejects it",
        ),
    ),
    ("legacy", "filtered", "prohibited", ("iptables: filter INPUT: `-A INPUT -p udp -m udp --dport 5000 -j DROP`",)),
    (
        "egress-drop",
        "egress-blocked",
        "egress-blocked",
        (
            "EPERM",
            "master: nft: inet own output: `ip daddr {address} tcp dport 5000 drop` drops it",
            "on master: nft insert rule inet own output ip daddr {address} tcp dport 5000 accept",
        ),
    ),
    ("egress-reject", "egress-blocked", "egress-blocked", ("EPERM", "rejects it")),
    ("loopback", "wrong-bind", "wrong-bind", ("on 127.0.0.1", "set `listen` of loopback to {address}")),
    ("family", "wrong-bind", "wrong-bind", ("on 0.0.0.0",)),
    ("deaf", "hung", "open", (UNREAD, "something else than jsync or JobScheduler answers there: 'SSH-2.0-")),
    ("classic", "open", "open", (ARRIVED,)),
    ("agent", "open", "open", ("a jsync agent at {address}:5000 sent the datagram back",)),
    # the agent's inventory calls the master by IPv4 alone
    (
        "agent-v6",
        "not-allowed",
        "not-allowed",
        ("they arrived, and nothing was sent back", "add {master6} to `allowed"),
    ),
    ("refusing", "not-allowed", "not-allowed", ("closed it at once", "add {master} to `allowed_hosts` of refusing")),
    ("masked", "no-listener", "no-listener", ("masked sees it come from 10.8.0.1: a NAT is in between",)),
    ("forwarded", "no-listener", "no-listener", ("forwarded sees it come from 10.8.0.1: a NAT is in between",)),
    ("no-route", "no-route", "no-route", ("ENETUNREACH",)),
    ("absent", "no-route", "no-route", ("nobody on the local network has that address",)),
    ("nameless", "dns-error", "dns-error", ("cannot resolve 'no-such-name.test'",)),
    (
        "unnamed",
        "dns-error",
        "dns-error",
        ("cannot resolve 'unnamed.test'", "this machine knows it as {address}", "or the name service of master"),
    ),
    (
        "misnamed",
        "dns-error",
        "dns-error",
        ("master takes misnamed.test for 10.9.0.251, which is no address of misnamed", "knows it as {address}"),
    ),
]


def words_of(checks: dict[str, dict[str, Any]]) -> list[str]:
    return [word for check in checks.values() for word in (*check["evidence"], check["fix"] or "")]


@pytest.mark.parametrize(("slave", "wake_up", "commands", "words"), TABLE, ids=[row[0] for row in TABLE])
def test_verdict(made: Site, slave: str, wake_up: str, commands: str, words: tuple[str, ...]) -> None:
    exit_code, checks = made.ask(slave)
    assert (checks["wake-up"]["verdict"], checks["commands"]["verdict"]) == (wake_up, commands), words_of(checks)
    assert exit_code == (0 if {wake_up, commands} == {"open"} else 1)
    assert checks["wake-up"]["vantage"] == checks["commands"]["vantage"] == "ssh"
    machine = made.lan.machines.get(slave.removesuffix("-v6"), made.machine("inner"))
    for word in words:
        wanted = word.format(
            slave,
            address=machine.address,
            address6=machine.address6,
            master=made.master.address,
            master6=made.master.address6,
        )
        assert any(wanted in line for line in words_of(checks)), (wanted, words_of(checks))


def test_every_scene_is_asked_about() -> None:
    tested = {row[0] for row in TABLE} | {"no-python", "unknown-key", "changed-key", "no-ssh", "both"}
    assert set(SCENES) <= tested


def test_registration_is_checked_from_the_slave(made: Site) -> None:
    _, checks = made.ask("nothing")
    registration = checks["registration"]
    assert (registration["verdict"], registration["vantage"]) == ("open", "ssh")
    assert registration["evidence"] == [
        f"{made.master.address}:4440 took the connection (from {made.machine('nothing').address})"
    ]


def test_a_name_with_several_addresses_is_checked_on_each(made: Site) -> None:
    done = made.controller.run(*made.command("both", "-o", "json"))
    machine = made.machine("both")
    assert sorted(re.findall(r'"address": "([^"]+)", "protocol": "(?:tcp|udp)", "port": 5000', done.stdout)) == sorted(
        [machine.address, machine.address6] * 2
    )


def test_before_go_live_a_free_way_is_enough(made: Site) -> None:
    assert made.ask("nothing", "--network-only")[0] == 0
    assert made.ask("drop", "--network-only")[0] == 1


@pytest.mark.parametrize(
    ("slave", "word"),
    [
        ("no-python", "there is no python3"),
        ("unknown-key", "its key is not known (ssh-ed25519 SHA256:"),
        ("changed-key", "its key has changed (now ssh-ed25519 SHA256:"),
        ("no-ssh", "port 22: Connection refused"),
    ],
)
def test_a_host_that_can_t_be_worked_on_is_asked_about_from_here(made: Site, slave: str, word: str) -> None:
    _, checks = made.ask(slave)
    registration, wake_up = checks["registration"], checks["wake-up"]
    assert registration["vantage"] == "controller"
    assert registration["evidence"][0].startswith("asked from this machine: ")
    assert word in registration["evidence"][0]
    assert wake_up["vantage"] == "ssh"
    assert wake_up["verdict"] == ("open" if slave == "no-ssh" else "refused")
    if slave != "no-ssh":
        assert wake_up["evidence"][0].startswith(f"{slave} could not be looked at: ")


@pytest.mark.parametrize(
    ("slave", "command"),
    [("unknown-key", "ssh-keyscan {} >> {}/known_hosts"), ("changed-key", "ssh-keygen -R {} -f {}/known_hosts")],
)
def test_a_key_that_is_not_trusted_comes_with_the_command(made: Site, slave: str, command: str) -> None:
    _, checks = made.ask(slave)
    wanted = command.format(made.machine(slave).address, made.lan.folder)
    assert wanted in checks["registration"]["evidence"][0]


def test_something_that_is_not_ours_gets_only_what_masters_send(made: Site) -> None:
    made.ask("classic")
    machine = made.machine("classic")
    got = [line for file in made.lan.folder.glob("classic-*.log") for line in file.read_text().splitlines()]
    assert machine.processes
    assert {line for line in got if line.startswith("UDP")} == {"UDP <check_folders/>"}


def test_afterwards_nothing_is_left(made: Site) -> None:
    machines = [made.master, *(made.machine(name) for name in ("nothing", "closed", "agent", "deaf"))]
    before = [(machine.pids(), machine.listeners()) for machine in machines]
    made.controller.run(*made.command("nothing,closed,agent,deaf"))
    wait_for(lambda: [(one.pids(), one.listeners()) for one in machines] == before, "the machines are as before")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_when_the_check_is_killed_in_the_middle(made: Site, how: signal.Signals) -> None:
    machines = [made.master, made.machine("closed")]
    before = [(machine.pids(), machine.listeners()) for machine in machines]
    process = made.controller.popen(*made.command("closed", timeout_s=50))
    wait_for(lambda: any(":5000" in one for one in machines[1].listeners()), "the temporary listener")
    [pid] = {pid for pid in made.controller.pids() if _is_check(pid)}
    os.kill(int(pid), how)
    assert process.wait(30) == (130 if how is signal.SIGINT else -signal.SIGKILL)
    wait_for(lambda: [(one.pids(), one.listeners()) for one in machines] == before, "the machines are as before")
    wait_for(lambda: not made.controller.pids(), "the controller is as before")


def _is_check(pid: str) -> bool:
    return b"check-ports" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_many_silent_hosts_take_about_one_time_out(made: Site) -> None:
    inventory = made.lan.folder / "silent.yaml"
    slaves = {f"silent-{n}": f"address: 198.18.{n // 200}.{n % 200 + 1}" for n in range(200)}
    made.write_inventory(inventory, slaves)
    # Packets to them go to a machine that throws them away.
    made.lan.swallow("198.18.0.0/15", made.controller, made.master)
    command = made.command("-o", "json")
    command[command.index(str(made.inventory))] = str(inventory)
    done = subprocess.run(
        ["ip", "netns", "exec", made.controller.name, *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.count('"verdict": "filtered"') == 200
    assert done.stdout.count('"verdict": "unknown"') == 200
