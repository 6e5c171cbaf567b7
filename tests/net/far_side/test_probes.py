from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sync_core.net.far_side import probes
from tests.support.net import free_port, listening


@contextlib.contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept one connection and let ``talk`` deal with it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(20)


def tcp(port: int, *, question: str | None = "<check_folders/>", **changes: Any) -> dict[str, Any]:
    details: dict[str, Any] = {"address": "127.0.0.1", "timeout_s": 10, "source": None, **changes}
    return probes.tcp(port=port, question=question, **details)


def udp(port: int, *, times: int = 2, timeout_s: float = 0.4, **changes: Any) -> dict[str, Any]:
    details: dict[str, Any] = {"address": "127.0.0.1", "source": None, "replies": ["there"], **changes}
    return probes.udp(port=port, timeout_s=timeout_s, datagrams=["hello"] * times, **details)


def test_an_answer_to_the_question() -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heard.append(connection.recv(99))
        connection.sendall(b"<spooler/>")
        connection.recv(1)

    with serving(talk) as port:
        facts = tcp(port)
    assert heard == [b"<check_folders/>"]
    assert (facts["is_connected"], facts["is_closed"], facts["was_asked"], facts["said"]) == (
        True, False, True, "<spooler/>",
    )  # fmt: skip
    assert facts["source"][0] == "127.0.0.1"


def test_who_greets_is_not_asked() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.sos\xff")
        assert connection.recv(1) == b""

    with serving(talk) as port:
        facts = tcp(port)
    assert (facts["was_asked"], facts["said"]) == (False, "220 mail.sos\xff")


def test_who_closes_at_once_is_not_asked() -> None:
    with serving(lambda connection: None) as port:
        facts = tcp(port)
    assert (facts["is_closed"], facts["was_asked"]) == (True, False)


def test_who_resets_at_once_has_closed_too() -> None:
    def talk(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(talk) as port:
        assert tcp(port)["is_closed"] is True


def test_without_a_question_nothing_is_waited_for() -> None:
    with listening() as port:
        facts = tcp(port, question=None)
    assert (facts["is_connected"], facts["said"]) == (True, "")


def test_silence_after_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "ANSWER_WAIT_S", 0.1)
    with listening() as port:
        facts = tcp(port)
    assert (facts["is_connected"], facts["was_asked"], facts["said"], facts["is_closed"]) == (True, True, "", False)


def test_a_refusal_has_a_number_and_the_address_that_would_have_been_used() -> None:
    facts = tcp(free_port())
    assert facts["errno"] == errno.ECONNREFUSED
    assert facts["source"][0] == "127.0.0.1"


def test_an_address_without_a_way() -> None:
    facts = tcp(9, address="255.255.255.255")
    assert facts["errno"] in {errno.ENETUNREACH, errno.EACCES, errno.EINVAL, errno.ECONNREFUSED}


def test_a_source_that_is_not_ours() -> None:
    assert tcp(free_port(), source="203.0.113.9")["errno"] == errno.EADDRNOTAVAIL
    assert tcp(free_port(), source="127.0.0.9")["source"][0] == "127.0.0.9"


def test_a_full_queue_is_silence() -> None:
    with socket.socket() as server, contextlib.ExitStack() as stack:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(8):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        facts = tcp(server.getsockname()[1], timeout_s=0.3)
    assert facts["is_silent"] is True
    assert facts["is_neighbour_missing"] is False


def test_a_socket_that_meets_itself_met_nobody() -> None:
    port = free_port()

    class Itself(socket.socket):
        def getpeername(self) -> Any:
            return self.getsockname()

    with pytest.MonkeyPatch.context() as patch, listening(port=port):
        patch.setattr(socket, "socket", Itself)
        assert tcp(port)["errno"] == errno.ECONNREFUSED


@contextlib.contextmanager
def answering(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Answer each datagram with all of ``answers``."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                payload, peer = sock.recvfrom(99)
                if payload == b"end":
                    return
                heard.append(payload)
                for answer in answers:
                    sock.sendto(answer, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1], heard
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", sock.getsockname())
        thread.join(20)


def test_the_reply_that_is_waited_for_ends_it() -> None:
    with answering(b"something else", b"there") as (port, heard):
        facts = udp(port, timeout_s=10)
    assert (facts["sent"], facts["reply"]) == (1, "there")
    assert heard == [b"hello"]


def test_other_replies_are_not_for_us() -> None:
    with answering(b"something else") as (port, heard):
        facts = udp(port)
    assert (facts["sent"], facts["is_silent"], facts.get("reply")) == (2, True, None)
    assert heard == [b"hello"] * 2


def test_a_refused_datagram_has_a_number() -> None:
    facts = udp(free_port(), timeout_s=5)
    assert facts["errno"] == errno.ECONNREFUSED
    assert facts["sent"] >= 1


def test_the_resolver_is_this_host_s() -> None:
    assert set(probes.resolve("localhost")["addresses"]) <= {"127.0.0.1", "::1"}
    assert probes.resolve("10.0.0.7") == {"addresses": ["10.0.0.7"]}
    assert probes.resolve("no-such-name.invalid")["failure"]
    assert probes.resolve("a" * 70) == {"failure": "no such name"}
