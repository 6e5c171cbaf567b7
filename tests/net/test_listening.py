from __future__ import annotations

import errno
import os
import socket

import pytest

from sync_core.model.errors import HostError, PortInUseError, UnreachableError
from sync_core.model.probe import Protocol
from sync_core.model.security import IpAddress
from sync_core.net import listening as listening_module
from sync_core.net.listening import bind
from tests.support.net import free_port, listening

PROTOCOLS = pytest.mark.parametrize("protocol", Protocol)


def names_of(sockets: tuple[socket.socket, ...]) -> list[tuple[str, int]]:
    names = [sock.getsockname()[:2] for sock in sockets]
    for sock in sockets:
        sock.close()
    return names


@PROTOCOLS
def test_by_default_both_families_get_the_same_port(protocol: Protocol) -> None:
    (v4, port), (v6, port6) = names_of(bind(protocol, None, 0))
    assert (v4, v6) == ("0.0.0.0", "::")
    assert port == port6 > 0


@PROTOCOLS
@pytest.mark.parametrize(("listen", "expected"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("0.0.0.0", "0.0.0.0")])
def test_one_address_gives_one_socket(protocol: Protocol, listen: str, expected: str) -> None:
    port = free_port()
    assert names_of(bind(protocol, listen, port)) == [(expected, port)]


def test_a_name_gives_a_socket_for_each_of_its_addresses() -> None:
    found = names_of(bind(Protocol.TCP, "localhost", 0))
    assert {address for address, _ in found} <= {"127.0.0.1", "::1"}
    assert found


def test_tcp_sockets_listen_and_nothing_blocks() -> None:
    (sock,) = bind(Protocol.TCP, "127.0.0.1", 0)
    with sock, socket.create_connection(sock.getsockname()):
        assert not sock.getblocking()


@PROTOCOLS
def test_a_port_in_use_names_who_holds_it(protocol: Protocol) -> None:
    with listening(udp=protocol is Protocol.UDP) as port, pytest.raises(PortInUseError) as caught:
        bind(protocol, None, port)
    assert str(caught.value).startswith(f"{protocol.upper()} port {port} is in use by ")
    assert f"(pid {os.getpid()}) on 127.0.0.1" in str(caught.value)
    assert caught.value.hint


def test_only_the_one_in_the_way_is_named() -> None:
    with listening("127.0.0.2") as port, listening("127.0.0.1", port=port), pytest.raises(PortInUseError) as caught:
        bind(Protocol.TCP, "127.0.0.1", port)
    assert str(caught.value).endswith("on 127.0.0.1")


def test_a_port_whose_holder_went_in_the_meantime_is_in_use_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening_module, "find_listeners", lambda *_: ())
    with listening() as port, pytest.raises(PortInUseError) as caught:
        bind(Protocol.TCP, "127.0.0.1", port)
    assert str(caught.value) == f"TCP port {port} is in use"


def test_a_failure_in_one_family_leaves_no_socket_behind() -> None:
    with listening("::1") as port:
        with pytest.raises(PortInUseError):
            bind(Protocol.TCP, None, port)
        assert names_of(bind(Protocol.TCP, "0.0.0.0", port)) == [("0.0.0.0", port)]


def test_two_agents_never_share_a_udp_port() -> None:
    first = bind(Protocol.UDP, None, 0)
    port = first[0].getsockname()[1]
    with pytest.raises(PortInUseError):
        bind(Protocol.UDP, None, port)
    names_of(first)


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(HostError, match=r"cannot listen on 203.0.113.9: no such address here") as caught:
        bind(Protocol.TCP, "203.0.113.9", 0)
    assert not isinstance(caught.value, PortInUseError)


def test_a_name_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(UnreachableError, match=r"cannot resolve 'no-such-name.invalid', the address to listen on"):
        bind(Protocol.TCP, "no-such-name.invalid", 0)


class Failing:
    """A stand-in for the binding of one socket that fails as a system may."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, number: int | None, version: int, times: int = 1000) -> None:
        self.times = times
        real = listening_module._bind_one

        def bind_one(protocol: Protocol, address: IpAddress, port: int) -> socket.socket:
            if address.version == version and self.times:
                self.times -= 1
                raise OSError(number, os.strerror(number)) if number else OSError("no more words")
            return real(protocol, address, port)

        monkeypatch.setattr(listening_module, "_bind_one", bind_one)


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_machine_without_ipv6_listens_in_ipv4(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    Failing(monkeypatch, number=number, version=6)
    assert [address for address, _ in names_of(bind(Protocol.TCP, None, 0))] == ["0.0.0.0"]


def test_a_port_that_is_free_in_one_family_only_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Failing(monkeypatch, number=errno.EADDRINUSE, version=6, times=3)
    assert len(names_of(bind(Protocol.TCP, None, 0))) == 2
    assert failing.times == 0


def test_the_search_for_a_free_port_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    Failing(monkeypatch, number=errno.EADDRINUSE, version=6)
    with pytest.raises(PortInUseError):
        bind(Protocol.TCP, None, 0)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EACCES, "no right to listen on TCP port 80"),
        (errno.ENOBUFS, "cannot listen on TCP 0.0.0.0:80: No buffer space available"),
        (None, "cannot listen on TCP 0.0.0.0:80: no more words"),
    ],
)
def test_other_failures_say_why(monkeypatch: pytest.MonkeyPatch, number: int | None, text: str) -> None:
    Failing(monkeypatch, number=number, version=4)
    with pytest.raises(HostError) as caught:
        bind(Protocol.TCP, None, 80)
    assert str(caught.value) == text


def test_a_failure_to_listen_closes_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(socket.socket, "listen", refuse)
    with pytest.raises(PortInUseError):
        bind(Protocol.TCP, "127.0.0.1", 0)
