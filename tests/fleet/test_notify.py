from __future__ import annotations

import socket

import pytest

from sync_core.fleet.notify import notify_slaves
from sync_core.model.errors import UnreachableError, UsageError
from sync_core.model.inventory import Role
from sync_core.protocol.messages import CheckFolders, ErrorAnswer
from tests.support.agents import ScriptedPeer, in_thread
from tests.support.net import a_host, free_port


def test_a_wake_up_by_udp_and_none_with_check() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        port = sock.getsockname()[1]
        slave = a_host("s", udp_port=port)
        (checked,) = notify_slaves([slave], check=True)
        (sent,) = notify_slaves([slave])
        assert checked == sent
        assert (sent.protocol, sent.endpoint, sent.error) == ("udp", f"127.0.0.1:{port}", None)
        assert sock.recv(100) == b"<check_folders/>"
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(100)


def test_without_a_wake_up_port_by_tcp() -> None:
    with in_thread(ScriptedPeer()) as peer:
        slave = a_host("s", udp_port=None, tcp_port=peer.port)
        notify_slaves([slave], check=True)
        assert peer.requests == []
        (sent,) = notify_slaves([slave])
        assert (sent.protocol, sent.error) == ("tcp", None)
        assert peer.requests == [CheckFolders()]


def test_one_slaves_failure_is_its_own() -> None:
    with in_thread(ScriptedPeer(lambda _: ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  no"))) as peer:
        results = notify_slaves(
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
        notify_slaves([a_host("m", role=Role.MASTER)])
