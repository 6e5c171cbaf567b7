from __future__ import annotations

import os
import socket

import psutil
import pytest

from sync_core.model.probe import Protocol
from sync_core.net.listeners import find_listeners, is_held
from tests.support.net import LOCALHOST, LOCALHOST6, free_port, ip, listening

PROTOCOLS = pytest.mark.parametrize("protocol", Protocol)


@PROTOCOLS
def test_a_listener_is_found_with_its_process(protocol: Protocol) -> None:
    with listening(udp=protocol is Protocol.UDP) as port:
        (found,) = find_listeners(protocol, port)
    assert found.address == LOCALHOST
    assert found.pid == os.getpid()
    assert found.process_name == psutil.Process().name()


@PROTOCOLS
def test_listeners_of_both_families_come_sorted(protocol: Protocol) -> None:
    is_udp = protocol is Protocol.UDP
    port = free_port()
    with listening("::1", port=port, udp=is_udp), listening("127.0.0.1", port=port, udp=is_udp):
        assert [one.address for one in find_listeners(protocol, port)] == [LOCALHOST, LOCALHOST6]


@PROTOCOLS
def test_nobody_is_found_where_nobody_is(protocol: Protocol) -> None:
    assert find_listeners(protocol, free_port()) == ()


def test_connections_are_no_listeners() -> None:
    with listening() as port, socket.create_connection(("127.0.0.1", port)) as connection:
        assert find_listeners(Protocol.TCP, connection.getsockname()[1]) == ()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(("127.0.0.1", 9))
        assert find_listeners(Protocol.UDP, sock.getsockname()[1]) == ()


def test_a_process_that_may_not_be_seen_or_has_gone_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(_: int) -> psutil.Process:
        raise psutil.AccessDenied

    with listening() as port:
        monkeypatch.setattr(psutil, "Process", hidden)
        (found,) = find_listeners(Protocol.TCP, port)
    assert found.process_name is None


def test_processes_of_others_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as port:
        seen = [entry._replace(pid=None) for entry in psutil.net_connections(kind="tcp")]
        monkeypatch.setattr(psutil, "net_connections", lambda kind: seen)
        (found,) = find_listeners(Protocol.TCP, port)
    assert (found.pid, found.process_name) == (None, None)


@PROTOCOLS
def test_the_kernel_says_whether_an_address_is_held(protocol: Protocol) -> None:
    with listening(udp=protocol is Protocol.UDP) as port:
        assert is_held(protocol, LOCALHOST, port) is True
        assert is_held(protocol, ip("127.0.0.2"), port) is False
        assert is_held(protocol, LOCALHOST6, port) is False
    assert is_held(protocol, LOCALHOST, port) is False


@PROTOCOLS
def test_a_wildcard_holds_every_address_of_its_family(protocol: Protocol) -> None:
    with listening("0.0.0.0", udp=protocol is Protocol.UDP) as port:
        assert is_held(protocol, ip("127.0.0.2"), port) is True
        assert is_held(protocol, LOCALHOST6, port) is False


def test_a_listener_of_ipv6_that_takes_ipv4_too_holds_both() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        sock.listen()
        assert is_held(Protocol.TCP, LOCALHOST, sock.getsockname()[1]) is True


@PROTOCOLS
def test_of_an_address_elsewhere_nothing_can_be_known(protocol: Protocol) -> None:
    assert is_held(protocol, ip("203.0.113.9"), 5000) is None
