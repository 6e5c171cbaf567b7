from __future__ import annotations

import socket

import pytest

from sync_core.net.far_side import listening
from tests.support.net import eventually, free_port, run
from tests.support.net import listening as held


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "0.0.0.0"])
def test_only_what_is_expected_is_heard(address: str) -> None:
    port = free_port()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    to = "127.0.0.1" if address == "0.0.0.0" else address
    listener = listening.start("udp", address, port, {"who": "you!"})
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        sock.connect((to, port))
        sock.send(b"what")
        sock.send(b"who")
        assert sock.recv(99) == b"you!"
        name = sock.getsockname()
    assert listener.stop() == {"seen": [[to, name[1]]]}


def test_what_comes_at_the_last_moment_counts() -> None:
    port = free_port()
    listener = listening.start("udp", "127.0.0.1", port, {"who": "you!"})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"who", ("127.0.0.1", port))
        assert len(listener.stop()["seen"]) == 1


def test_an_answer_that_is_refused_hurts_nobody() -> None:
    port = free_port()
    listener = listening.start("udp", "127.0.0.1", port, {"who": "you!"})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"who", ("127.0.0.1", port))
    run(eventually(lambda: len(listener.seen) == 1))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"who", ("127.0.0.1", port))
        run(eventually(lambda: len(listener.seen) == 2))
    assert len(listener.stop()["seen"]) == 2


def test_what_is_noted_is_bounded() -> None:
    port = free_port()
    listener = listening.start("udp", "127.0.0.1", port, {"who": "you!"})
    for number in range(400):
        listener._note(("10.0.0.1", number))
    assert len(listener.stop()["seen"]) == 256


def test_connections_are_taken_and_none_lingers() -> None:
    port = free_port()
    listener = listening.start("tcp", "127.0.0.1", port, {})
    with socket.create_connection(("127.0.0.1", port)) as connection:
        name = connection.getsockname()
        run(eventually(lambda: bool(listener.seen)))
    assert listener.stop() == {"seen": [list(name)]}
    with held(port=port):
        pass  # the port is free for an agent, without SO_REUSEADDR


def test_new_connections_to_somebody_else_s_port_are_watched() -> None:
    with held() as port, socket.create_connection(("127.0.0.1", port)):
        watch = listening.start("watch", "127.0.0.1", port, {})
        with socket.create_connection(("127.0.0.1", port)) as connection:
            name = connection.getsockname()
            run(eventually(lambda: bool(watch.seen)))
        assert watch.stop() == {"seen": [list(name)]}


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_port_that_is_held_can_t_be_listened_on(kind: str) -> None:
    with held(udp=kind == "udp") as port, pytest.raises(OSError, match="in use"):
        listening.start(kind, "127.0.0.1", port, {})
