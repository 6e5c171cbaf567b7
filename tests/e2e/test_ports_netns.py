"""check-ports against real firewalls, each in a network namespace of its own (``ports.md``)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.netns import Namespace, namespace, why_no_namespaces

REASON = why_no_namespaces()
if REASON is not None and os.environ.get("JSYNC_REQUIRE_NETNS"):
    raise RuntimeError(REASON)
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(REASON is not None, reason=REASON or "")]

MASTER = ("tcp", "127.0.0.1", 4440)
SLAVE = (("tcp", "127.0.0.1", 5000), ("udp", "127.0.0.1", 5000))
INVENTORY = """\
masters:
  hosts:
    master: {{address: 127.0.0.1, connection: local, remote: remote}}
slaves:
  hosts:
    slave: {{address: "{address}", connection: local, cache: cache}}
"""


@pytest.fixture
def machine() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


def check_ports(machine: Namespace, folder: Path, *, slave: str = "127.0.0.1", exit_code: int) -> dict[str, Any]:
    """Run the command in the namespace and return its checks by purpose."""
    inventory = folder / "jsync.yaml"
    inventory.write_text(INVENTORY.format(address=slave))
    command = [sys.executable, "-m", "cli", "check-ports", "-i", str(inventory), "-o", "json", "--timeout", "2"]
    done = machine.run(*command)
    assert done.returncode == exit_code, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "jsync.check-ports/1"
    assert document["ok"] is (exit_code == 0)
    return {check["purpose"]: check for check in document["checks"]}


def verdicts(checks: dict[str, Any]) -> tuple[str, str, str]:
    return tuple(checks[purpose]["verdict"] for purpose in ("registration", "wake-up", "commands"))


def test_open(machine: Namespace, tmp_path: Path) -> None:
    with machine.agents(MASTER, *SLAVE):
        checks = check_ports(machine, tmp_path, exit_code=0)
    assert verdicts(checks) == ("open", "open", "open")
    assert [check["fix"] for check in checks.values()] == [None] * 3


def test_no_listener(machine: Namespace, tmp_path: Path) -> None:
    checks = check_ports(machine, tmp_path, exit_code=1)
    assert verdicts(checks) == ("no-listener", "no-listener", "no-listener")
    assert checks["wake-up"]["fix"] == "start the agent: jsync up slave"


def test_no_listener_where_only_the_way_back_is_blocked(machine: Namespace, tmp_path: Path) -> None:
    machine.firewall("input udp sport 5000 drop")
    checks = check_ports(machine, tmp_path, exit_code=1)
    assert checks["wake-up"]["verdict"] == "no-listener"
    assert "a temporary listener on 127.0.0.1:5000 was reached" in checks["wake-up"]["evidence"]


DROP = ("input tcp dport { 4440, 5000 } drop", "input udp dport 5000 drop")


def test_filtered_where_agents_run(machine: Namespace, tmp_path: Path) -> None:
    machine.firewall(*DROP)
    with machine.agents(MASTER, *SLAVE):
        checks = check_ports(machine, tmp_path, exit_code=1)
    assert verdicts(checks) == ("filtered", "filtered", "filtered")
    evidence = checks["wake-up"]["evidence"]
    assert "the kernel of slave counted fewer datagrams than were sent: they did not arrive" in evidence
    assert "nft: inet filter input: `udp dport 5000 drop` drops it" in evidence
    assert checks["wake-up"]["fix"] == "nft insert rule inet filter input ip saddr 127.0.0.1 udp dport 5000 accept"


def test_filtered_where_nobody_listens(machine: Namespace, tmp_path: Path) -> None:
    machine.firewall(*DROP)
    checks = check_ports(machine, tmp_path, exit_code=1)
    assert verdicts(checks) == ("filtered", "filtered", "filtered")
    assert "a temporary listener on 127.0.0.1:5000 was not reached" in checks["wake-up"]["evidence"]


def test_prohibited_where_a_rule_rejects_what_agents_wait_for(machine: Namespace, tmp_path: Path) -> None:
    machine.firewall("input tcp dport { 4440, 5000 } reject with tcp reset", "input udp dport 5000 reject")
    with machine.agents(MASTER, *SLAVE):
        checks = check_ports(machine, tmp_path, exit_code=1)
    assert verdicts(checks) == ("prohibited", "prohibited", "prohibited")


def test_prohibited_where_a_rule_says_so(machine: Namespace, tmp_path: Path) -> None:
    machine.firewall(
        "input tcp dport { 4440, 5000 } reject with icmpx type admin-prohibited",
        "input udp dport 5000 reject with icmpx type admin-prohibited",
    )
    checks = check_ports(machine, tmp_path, exit_code=1)
    assert verdicts(checks) == ("prohibited", "prohibited", "prohibited")


def test_egress_blocked_where_the_source_may_not_send(machine: Namespace, tmp_path: Path) -> None:
    machine.firewall("output udp dport 5000 drop")
    with machine.agents(MASTER, *SLAVE):
        checks = check_ports(machine, tmp_path, exit_code=1)
    assert verdicts(checks) == ("open", "egress-blocked", "open")


@pytest.mark.parametrize("address", ["127.0.0.2", "::1"])
def test_wrong_bind(machine: Namespace, tmp_path: Path, address: str) -> None:
    with machine.agents(MASTER, *SLAVE):
        checks = check_ports(machine, tmp_path, slave=address, exit_code=1)
    assert verdicts(checks) == ("open", "wrong-bind", "wrong-bind")
    assert checks["commands"]["address"] == address


def test_afterwards_nobody_listens_any_more(machine: Namespace, tmp_path: Path) -> None:
    check_ports(machine, tmp_path, exit_code=1)
    assert machine.run("ss", "-Hlntu").stdout == ""
