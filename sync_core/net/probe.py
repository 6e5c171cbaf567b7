"""Probes: what a connection attempt or a few datagrams meet. Values come out, never errors (``ports.md``)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from sync_core.model.probe import Outcome, ProbeResult
from sync_core.model.security import IpAddress, parse_ip
from sync_core.net.addresses import endpoint
from sync_core.net.datagrams import heard, is_probe, probe_datagram
from sync_core.net.listeners import socket_family

__all__ = ["DATAGRAMS", "TemporaryListener", "probe_tcp", "probe_udp", "temporary_listener"]

DATAGRAMS = 5
"""Sent per UDP probe; one alone may be lost by chance."""
DATAGRAM_PAUSE_S = 0.1
CLOSE_WAIT_S = 0.15
"""How long a fresh TCP connection is watched for the close that says "not allowed"."""
_QUICK_MS = 2000.0
"""EHOSTUNREACH that comes sooner is a router's or firewall's word; later it is a neighbour that nobody is."""


async def probe_tcp(
    address: IpAddress, port: int, *, timeout_s: float, source_ip: IpAddress | None = None
) -> ProbeResult:
    """Connect, watch for a moment whether the peer closes at once, and close; not a byte is sent.

    Args:
        address: where to.
        port: likewise.
        timeout_s: for the connection; below 1.1 s a reject by IPv6 is taken for a drop.
        source_ip: our address; ``None`` leaves it to the system.
    """
    at = endpoint(address, port)
    with _Attempt(address, socket.SOCK_STREAM) as attempt:
        try:
            attempt.bind(source_ip)
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(attempt.socket, (str(address), port))
        except TimeoutError:
            return attempt.result(Outcome.SILENT, f"no answer to connections to {at} within {timeout_s:g} s")
        except OSError as error:
            return attempt.failure(error, f"connecting to {at}")
        if attempt.socket.getsockname()[:2] == attempt.socket.getpeername()[:2]:
            # Where nobody listens, the system may by chance connect a socket to itself.
            return attempt.result(Outcome.REFUSED, f"connecting to {at}: nobody there", errno.ECONNREFUSED)
        if await _is_closed_at_once(attempt.socket):
            return attempt.result(Outcome.CLOSED, f"{at} took the connection and closed it at once without a byte")
        return attempt.result(Outcome.CONNECTED, f"{at} took the connection")


async def probe_udp(
    address: IpAddress, port: int, *, timeout_s: float, source_ip: IpAddress | None = None
) -> ProbeResult:
    """Send datagrams that a jsync agent echoes, until one comes back, an error is reported, or the time is over.

    Args:
        address: where to.
        port: likewise.
        timeout_s: for all of it.
        source_ip: our address; ``None`` leaves it to the system.
    """
    at = endpoint(address, port)
    datagram = probe_datagram(secrets.token_hex(16))
    with _Attempt(address, socket.SOCK_DGRAM) as attempt:
        sent = 0
        try:
            attempt.bind(source_ip)
            attempt.socket.connect((str(address), port))  # only a connected socket is told of ICMP errors
            async with asyncio.timeout(timeout_s):
                for sent in range(1, DATAGRAMS + 1):
                    attempt.socket.send(datagram)
                    outcome = await _reply(attempt.socket, datagram, DATAGRAM_PAUSE_S if sent < DATAGRAMS else None)
                    if outcome is not None:
                        return attempt.result(outcome, _REPLIES[outcome].format(at=at))
        except TimeoutError:
            pass
        except OSError as error:
            return attempt.failure(error, f"datagrams to {at}")
        return attempt.result(Outcome.SILENT, f"{sent} datagrams sent to {at}, none answered")


@dataclass(slots=True)
class TemporaryListener:
    """A UDP listener that lives as long as a check.

    Attributes:
        received: probes that arrived.
    """

    received: int = 0


@contextlib.asynccontextmanager
async def temporary_listener(address: IpAddress, port: int) -> AsyncIterator[TemporaryListener | None]:
    """Listen on this very address and UDP port, say "heard" to probes, and be gone afterwards.

    Yields:
        What arrives, or ``None`` if the address and port can't be bound: somebody holds them, or we may not.
    """
    with socket.socket(socket_family(address), socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.bind((str(address), port))
        except OSError:
            yield None
            return
        listener = TemporaryListener()
        loop = asyncio.get_running_loop()
        loop.add_reader(sock, _hear, sock, listener)
        try:
            yield listener
            _hear(sock, listener)
        finally:
            loop.remove_reader(sock)


_OUTCOMES = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.EPERM: Outcome.NOT_PERMITTED,
    errno.EACCES: Outcome.PROHIBITED,
    errno.ENETUNREACH: Outcome.NO_ROUTE,
    errno.EADDRNOTAVAIL: Outcome.NO_ROUTE,
    errno.ETIMEDOUT: Outcome.SILENT,
}
_REPLIES = {
    Outcome.ECHO: "a jsync agent at {at} sent the datagram back",
    Outcome.HEARD: "a temporary listener at {at} answered",
}


class _Attempt:
    """A socket that is tried out, the time that it takes, and the address that it got."""

    def __init__(self, address: IpAddress, kind: socket.SocketKind) -> None:
        self.socket = socket.socket(socket_family(address), kind)
        self.socket.setblocking(False)
        self._started_s = time.perf_counter()

    def __enter__(self) -> _Attempt:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def bind(self, source_ip: IpAddress | None) -> None:
        if source_ip is not None:
            self.socket.bind((str(source_ip), 0))

    def result(self, outcome: Outcome, what: str, number: int | None = None) -> ProbeResult:
        source_ip = parse_ip(self.socket.getsockname()[0])
        if source_ip is not None and source_ip.is_unspecified:
            source_ip = None
        seen = (f"{what} (from {source_ip})" if source_ip else what,)
        return ProbeResult(
            outcome=outcome, elapsed_ms=self._elapsed_ms, source_ip=source_ip, errno=number, evidence=seen
        )

    def failure(self, error: OSError, doing: str) -> ProbeResult:
        number = error.errno
        reason = f"{errno.errorcode.get(number, number)} {os.strerror(number)}" if number else str(error)
        return self.result(_outcome_of(number, self._elapsed_ms), f"{doing}: {reason}", number)

    @property
    def _elapsed_ms(self) -> float:
        return round((time.perf_counter() - self._started_s) * 1000, 3)


def _outcome_of(number: int | None, elapsed_ms: float) -> Outcome:
    if number == errno.EHOSTUNREACH:
        return Outcome.PROHIBITED if elapsed_ms < _QUICK_MS else Outcome.NO_ROUTE
    return _OUTCOMES.get(number or 0, Outcome.FAILED)


async def _is_closed_at_once(sock: socket.socket) -> bool:
    try:
        async with asyncio.timeout(CLOSE_WAIT_S):
            return await asyncio.get_running_loop().sock_recv(sock, 1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


async def _reply(sock: socket.socket, datagram: bytes, wait_s: float | None) -> Outcome | None:
    """Return what came back within ``wait_s`` (``None``: as long as the caller's own deadline allows)."""
    try:
        async with asyncio.timeout(wait_s):
            while True:
                reply = await asyncio.get_running_loop().sock_recv(sock, len(datagram) + 1)
                if reply == datagram:
                    return Outcome.ECHO
                if reply == heard(datagram):
                    return Outcome.HEARD
    except TimeoutError:
        return None


def _hear(sock: socket.socket, listener: TemporaryListener) -> None:
    for datagram, peer in _waiting(sock):
        if is_probe(datagram):
            listener.received += 1
            with contextlib.suppress(OSError):  # the way back is another question
                sock.sendto(heard(datagram), peer)


def _waiting(sock: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    while True:
        try:
            yield sock.recvfrom(4097)
        except BlockingIOError:
            return
        except OSError:
            continue  # an ICMP error for an answer of ours
