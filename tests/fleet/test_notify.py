from __future__ import annotations

import json
import socket
from dataclasses import replace

import pytest

from sync_core.fleet.each import FleetOptions
from sync_core.fleet.notify import Notified, notify_slaves
from sync_core.model.errors import UnreachableError, UsageError
from sync_core.model.inventory import Connection, Host, Role
from sync_core.net.runner import Runner
from sync_core.protocol.messages import CheckFolders, ErrorAnswer
from tests.support.agents import ScriptedPeer, in_thread
from tests.support.net import a_host, an_inventory, free_port
from tests.support.runners import ScriptedRunner

MASTER = a_host("m", role=Role.MASTER, connection=Connection.LOCAL)


def notify(
    slaves: list[Host], *, master: Host = MASTER, check: bool = False, runner: Runner | None = None
) -> tuple[Notified, ...]:
    slaves = [slave if slave.is_master else replace(slave, masters=("m",)) for slave in slaves]
    options = FleetOptions(runner_of=lambda _: runner or ScriptedRunner(error=UnreachableError("away")), timeout_s=20)
    known = [slave for slave in slaves if not slave.is_master]
    return notify_slaves(an_inventory(master, *known), slaves, check=check, options=options)


def test_a_wake_up_by_udp_and_none_with_check() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        port = sock.getsockname()[1]
        slave = a_host("s", udp_port=port)
        (checked,) = notify([slave], check=True)
        (sent,) = notify([slave])
        assert checked == sent
        assert (sent.protocol, sent.endpoint, sent.error) == ("udp", f"127.0.0.1:{port}", None)
        assert (sent.sent_by, sent.note) == ("m", None)
        assert sock.recv(100) == b"<check_folders/>"
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(100)


def test_without_a_wake_up_port_by_tcp() -> None:
    with in_thread(ScriptedPeer()) as peer:
        slave = a_host("s", udp_port=None, tcp_port=peer.port)
        notify([slave], check=True)
        assert peer.requests == []
        (sent,) = notify([slave])
        assert (sent.protocol, sent.error) == ("tcp", None)
        assert peer.requests == [CheckFolders()]


def test_one_slaves_failure_is_its_own() -> None:
    with in_thread(ScriptedPeer(lambda _: ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  no"))) as peer:
        results = notify(
            [
                a_host("unknown", address="nobody.invalid"),
                a_host("away", udp_port=None, tcp_port=free_port()),
                a_host("refuses", udp_port=None, tcp_port=peer.port),
                a_host("broadcast", address="255.255.255.255"),
                a_host("well", udp_port=free_port()),
            ]
        )
    errors = {result.slave: result.error for result in results}
    assert [name for name, error in errors.items() if error is None] == ["well"]
    assert isinstance(errors["unknown"], UnreachableError)
    assert isinstance(errors["broadcast"], UnreachableError)
    assert str(errors["broadcast"]).startswith("UDP to 255.255.255.255:5000: ")
    assert str(errors["refuses"]) == "SCHEDULER-121  no"


def test_a_master_is_not_woken_up() -> None:
    with pytest.raises(UsageError):
        notify([a_host("m", role=Role.MASTER)])


FAR = replace(MASTER, connection=Connection.SSH, address="192.0.2.1")


def test_it_goes_from_the_masters_machine() -> None:
    slave = a_host("s", udp_port=5000)
    entry = {"slave": "s", "protocol": "udp", "endpoint": "10.9.0.2:5000", "error": None}
    runner = ScriptedRunner(json.dumps({"slaves": [entry]}).encode())
    (checked,) = notify([slave], master=FAR, check=True, runner=runner)
    assert (checked.sent_by, checked.endpoint, runner.commands) == ("m", "127.0.0.1:5000", [])
    (sent,) = notify([slave], master=FAR, runner=runner)
    assert (sent.sent_by, sent.protocol, sent.endpoint, sent.error) == ("m", "udp", "10.9.0.2:5000", None)
    assert runner.commands[0][3:6] == ("jsync", "notify", "s")
    bad = {**entry, "error": {"code": "unreachable", "message": "Network is unreachable"}}
    (failed,) = notify([slave], master=FAR, runner=ScriptedRunner(json.dumps({"slaves": [bad]}).encode()))
    assert str(failed.error) == "Network is unreachable"
    assert failed.outcome == "failed"


@pytest.mark.parametrize(
    ("master", "runner", "reason"),
    [
        (FAR, ScriptedRunner(error=UnreachableError("SSH to 192.0.2.1: away")), "SSH to 192.0.2.1: away"),
        (
            FAR,
            ScriptedRunner(exit_code=127, complaint=b"sh: jsync: not found"),
            "there is no ",
        ),
        (FAR, ScriptedRunner(b"{}"), "the jsync of 192.0.2.1 says nothing of it"),
        (replace(FAR, connection=Connection.NONE), None, "m has `connection: none`"),
    ],
)
def test_without_the_masters_machine_it_goes_from_here_with_a_word(
    master: Host, runner: Runner | None, reason: str
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        (sent,) = notify([a_host("s", udp_port=sock.getsockname()[1])], master=master, runner=runner)
        assert sock.recv(100) == b"<check_folders/>"
    assert (sent.sent_by, sent.error) == (None, None)
    assert str(sent.note).startswith(f"it goes from here, where no master is ({reason}")


def test_an_error_needs_no_further_word() -> None:
    (sent,) = notify([a_host("s", address="nobody.invalid")], master=FAR)
    assert sent.note is None
    assert isinstance(sent.error, UnreachableError)
