"""Probes on loopback. Firewalls, and what they do to packets, come in tests/e2e/test_ports_netns.py."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sync_core.model.probe import Outcome, ProbeResult
from sync_core.model.security import IpAddress, Level
from sync_core.net import probe as probe_module
from sync_core.net.datagrams import WakeUpListener, probe_datagram
from sync_core.net.probe import DATAGRAMS, probe_tcp, probe_udp, temporary_listener
from tests.support.net import LOCALHOST, LOCALHOST6, Lines, eventually, free_port, ip, listening, run

Accept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def accepting(accept: Accept) -> AsyncIterator[int]:
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail\r\n")
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_that_takes_connections(address: str) -> None:
    with listening(address) as port:
        result = run(probe_tcp(ip(address), port, timeout_s=5))
    assert (result.outcome, result.source_ip, result.errno) == (Outcome.CONNECTED, ip(address), None)
    assert result.elapsed_ms > 0
    shown = f"[::1]:{port}" if address == "::1" else f"127.0.0.1:{port}"
    assert result.evidence == (f"{shown} took the connection (from {address})",)


@pytest.mark.parametrize(
    ("accept", "outcome"), [(close, Outcome.CLOSED), (reset, Outcome.CLOSED), (greet, Outcome.CONNECTED)]
)
def test_a_close_without_a_byte_is_noticed(accept: Accept, outcome: Outcome) -> None:
    async def scenario() -> ProbeResult:
        async with accepting(accept) as port:
            result = await probe_tcp(LOCALHOST, port, timeout_s=5)
            await asyncio.sleep(0.01)
            return result

    assert run(scenario()).outcome is outcome


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_where_nobody_listens(address: str) -> None:
    port = free_port(address)
    for result in (run(probe_tcp(ip(address), port, timeout_s=5)), run(probe_udp(ip(address), port, timeout_s=5))):
        assert (result.outcome, result.errno) == (Outcome.REFUSED, errno.ECONNREFUSED)
        assert "ECONNREFUSED Connection refused" in result.evidence[0]


def test_a_socket_that_meets_itself_has_met_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as port:
        monkeypatch.setattr(socket.socket, "getpeername", lambda sock: sock.getsockname())
        assert run(probe_tcp(LOCALHOST, port, timeout_s=5)).outcome is Outcome.REFUSED


def test_no_answer_to_a_connection_is_silence() -> None:
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # fill the queue of connections; further ones get no answer
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        result = run(probe_tcp(LOCALHOST, full.getsockname()[1], timeout_s=0.05))
    assert result.outcome is Outcome.SILENT


def test_the_source_address_is_the_given_one() -> None:
    with listening() as port, listening(udp=True) as udp_port:
        assert run(probe_tcp(LOCALHOST, port, timeout_s=5, source_ip=ip("127.0.0.2"))).source_ip == ip("127.0.0.2")
        result = run(probe_udp(LOCALHOST, udp_port, timeout_s=0.01, source_ip=ip("127.0.0.2")))
        assert result.source_ip == ip("127.0.0.2")


@pytest.mark.parametrize("probe", [probe_tcp, probe_udp])
def test_a_source_address_of_another_machine_is_no_route(probe: Callable[..., Awaitable[ProbeResult]]) -> None:
    async def scenario() -> ProbeResult:
        return await probe(LOCALHOST, 9, timeout_s=5, source_ip=ip("203.0.113.9"))

    result = run(scenario())
    assert (result.outcome, result.source_ip, result.errno) == (Outcome.NO_ROUTE, None, errno.EADDRNOTAVAIL)


@pytest.mark.parametrize(
    ("number", "elapsed_ms", "outcome"),
    [
        (errno.ECONNREFUSED, 1, Outcome.REFUSED),
        (errno.EPERM, 1, Outcome.NOT_PERMITTED),
        (errno.EACCES, 1000, Outcome.PROHIBITED),
        (errno.EHOSTUNREACH, 1, Outcome.PROHIBITED),
        (errno.EHOSTUNREACH, 1050, Outcome.PROHIBITED),
        (errno.EHOSTUNREACH, 3080, Outcome.NO_ROUTE),
        (errno.ENETUNREACH, 1, Outcome.NO_ROUTE),
        (errno.ETIMEDOUT, 1, Outcome.SILENT),
        (errno.ENOBUFS, 1, Outcome.FAILED),
        (None, 1, Outcome.FAILED),
    ],
)
def test_the_kernel_s_answers_mean_what_ports_md_says(number: int | None, elapsed_ms: float, outcome: Outcome) -> None:
    assert probe_module._outcome_of(number, elapsed_ms) is outcome


@pytest.mark.parametrize(
    ("error", "shown"),
    [(OSError(errno.EPERM, os.strerror(errno.EPERM)), "EPERM Operation not permitted"), (OSError("odd"), "odd")],
)
def test_an_error_at_sending_is_told(monkeypatch: pytest.MonkeyPatch, error: OSError, shown: str) -> None:
    def send(*_: object) -> int:
        raise error

    monkeypatch.setattr(socket.socket, "send", send)
    result = run(probe_udp(LOCALHOST, 9, timeout_s=5))
    assert result.evidence == (f"datagrams to 127.0.0.1:9: {shown} (from 127.0.0.1)",)


@pytest.mark.parametrize("address", [LOCALHOST, LOCALHOST6])
def test_an_agent_echoes(address: IpAddress) -> None:
    async def scenario() -> ProbeResult:
        listener = WakeUpListener(listen=None, port=0, on_wake_up=lambda _: None, level_of=lambda _: Level.ALL)
        await listener.start()
        try:
            return await probe_udp(address, listener.port, timeout_s=5)
        finally:
            await listener.close()

    with Lines.of() as lines:
        assert run(scenario()).outcome is Outcome.ECHO
    assert {level for level, _, _ in lines.lines} == {"DEBUG"}


def test_a_silent_service_gets_five_datagrams() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        result = run(probe_udp(LOCALHOST, port, timeout_s=0.6))
        sock.setblocking(False)
        got = [sock.recv(4096) for _ in range(DATAGRAMS)]
        with pytest.raises(BlockingIOError):
            sock.recv(4096)
    assert len(set(got)) == 1
    assert result.outcome is Outcome.SILENT
    assert result.evidence == (f"5 datagrams sent to 127.0.0.1:{port}, none answered (from 127.0.0.1)",)


def test_what_is_no_answer_to_this_probe_is_passed_over() -> None:
    async def scenario() -> ProbeResult:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
            probing = asyncio.create_task(probe_udp(LOCALHOST, sock.getsockname()[1], timeout_s=5))
            loop = asyncio.get_running_loop()
            probe, peer = await loop.sock_recvfrom(sock, 4096)
            for answer in (b"what?", probe_datagram("f" * 32), probe + b"!", probe):
                sock.sendto(answer, peer)
            return await probing

    assert run(scenario()).outcome is Outcome.ECHO


def test_a_temporary_listener_is_reached_answers_and_is_gone() -> None:
    port = free_port()

    async def scenario() -> None:
        async with temporary_listener(LOCALHOST, port) as listener:
            assert listener is not None
            result = await probe_udp(LOCALHOST, port, timeout_s=5)
            assert result.outcome is Outcome.HEARD
            assert listener.received == 1
        assert (await probe_udp(LOCALHOST, port, timeout_s=5)).outcome is Outcome.REFUSED

    run(scenario())


def test_a_temporary_listener_counts_only_probes_also_those_that_come_last() -> None:
    port = free_port()

    async def scenario() -> None:
        async with temporary_listener(LOCALHOST, port) as listener:
            assert listener is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(b"<check_folders/>", ("127.0.0.1", port))
                sock.sendto(probe_datagram("0" * 32), ("127.0.0.1", port))
        assert listener.received == 1

    run(scenario())


def test_a_temporary_listener_survives_that_its_answers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    real = socket.socket.recvfrom
    failures = [OSError(errno.ECONNREFUSED, "Connection refused")]

    def recvfrom(sock: socket.socket, size: int) -> object:
        if failures:
            raise failures.pop()
        return real(sock, size)

    monkeypatch.setattr(socket.socket, "recvfrom", recvfrom)

    async def scenario() -> None:
        async with temporary_listener(LOCALHOST, port) as listener:
            assert listener is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(probe_datagram("0" * 32), ("127.0.0.1", port))
            await eventually(lambda: listener.received == 1)

    run(scenario())


def test_a_held_port_gets_no_temporary_listener() -> None:
    async def scenario(port: int) -> None:
        async with temporary_listener(LOCALHOST, port) as listener:
            assert listener is None

    with listening(udp=True) as port:
        run(scenario(port))
