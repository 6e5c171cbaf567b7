from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sync_core.net.far_side import sockets
from tests.support.net import free_port, listening

KINDS = pytest.mark.parametrize("protocol", ["tcp", "udp"])


@KINDS
@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0"])
def test_a_listener_is_found_with_its_process(protocol: str, address: str) -> None:
    with listening(address, udp=protocol == "udp") as port:
        found = sockets.listeners(protocol, port)
    assert found == [
        {"address": address, "pid": os.getpid(), "name": psutil.Process().name(), "is_agent": False, "waiting": 0}
    ]


@KINDS
def test_nobody_is_found_where_nobody_is(protocol: str) -> None:
    assert sockets.listeners(protocol, free_port()) == []


def test_connections_are_no_listeners_but_conversations() -> None:
    with listening() as port, socket.create_connection(("127.0.0.1", port)) as connection:
        name = connection.getsockname()
        assert sockets.listeners("tcp", name[1]) == []
        assert name in sockets.connections(port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.1", 9))
        assert sockets.listeners("udp", sock.getsockname()[1]) == []


@pytest.mark.parametrize(
    ("argv", "is_agent"),
    [
        (["/usr/bin/jsync", "agent", "slave-5000"], True),
        (["/usr/bin/python3", "/usr/bin/jsync", "agent", "slave-5000"], True),
        (["/usr/bin/python3", "-P", "-m", "cli", "agent", "slave-5000"], True),
        (["/usr/bin/jsync", "up"], False),
        (["/opt/scheduler/bin/scheduler", "-config=agent"], False),
    ],
)
def test_an_agent_is_known_by_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], is_agent: bool
) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cmdline").write_text("\0".join(argv) + "\0")
    monkeypatch.setattr(sockets, "PROC", str(tmp_path))
    assert sockets._is_agent(7) is is_agent


def test_what_may_not_be_seen_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as port:
        tables = tmp_path / "net"
        tables.mkdir()
        (tables / "tcp").write_text(Path("/proc/net/tcp").read_text())
        monkeypatch.setattr(sockets, "PROC", str(tmp_path))
        assert sockets.listeners("tcp", port) == [
            {"address": "127.0.0.1", "pid": None, "name": None, "is_agent": None, "waiting": 0}
        ]


@KINDS
def test_the_kernel_says_whether_an_address_is_held(protocol: str) -> None:
    with listening(udp=protocol == "udp") as port:
        assert sockets.is_held(protocol, "127.0.0.1", port) is True
        assert sockets.is_held(protocol, "127.0.0.2", port) is False
        assert sockets.is_held(protocol, "::1", port) is False
    assert sockets.is_held(protocol, "203.0.113.9", 5000) is None


def test_own_addresses_are_those_of_all_interfaces() -> None:
    families = {socket.AF_INET, socket.AF_INET6}
    expected = {
        entry.address.split("%")[0]
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in families
    }
    assert set(sockets.own_addresses()) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [(("10.0.0.1", 1), "10.0.0.1"), (("::ffff:10.0.0.1", 1, 0, 0), "10.0.0.1"), (("fe80::1%eth0", 1, 0, 2), "fe80::1")],
)
def test_addresses_are_written_one_way(name: tuple[object, ...], text: str) -> None:
    assert sockets.numeric(name) == text


def test_holders_of_other_users_are_skipped() -> None:
    code = "from sync_core.net.far_side import sockets; print(sockets._holders({'1'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "{}\n"
