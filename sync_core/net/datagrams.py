"""UDP: the wake-up (``protocol.md`` section 6), and the answer to a port check's probe.

A probe is ``<jsync.probe nonce="32 hex digits"/>``. An agent sends the same bytes back, a check's own temporary
listener sends them with ``heard`` for ``probe``: no answer is longer than its question, so nobody is amplified.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from sync_core.model.probe import Protocol
from sync_core.model.security import IpAddress, Level
from sync_core.net.addresses import ip_of
from sync_core.net.limits import RateLimit
from sync_core.net.listeners import socket_family
from sync_core.net.listening import bind
from sync_core.net.tally import Tally
from sync_core.protocol.proof import PROVEN
from sync_core.protocol.requests import MAX_DATAGRAM_BYTES, WAKE_UP, is_wake_up
from sync_core.protocol.texts import text

__all__ = ["WakeUpListener", "WakeUpSender", "heard", "is_probe", "probe_datagram"]

_PROBES_PER_S = 20
_DATAGRAMS_PER_S = 100
"""Of one address; of what is beyond only wake-ups are looked at, since the one that counts may be among them."""
_LINES_PER_S = 20
_BATCH = 64
_PROBE = re.compile(rb'<jsync\.probe nonce="[0-9a-f]{32}"/>')
_IP_PKTINFO = 8  # Linux; this Python's socket module has no name for it
_PKTINFO_V4 = struct.Struct("=I4s4s")

_log = logging.getLogger(__name__)


def probe_datagram(nonce: str) -> bytes:
    """Return the probe with ``nonce`` (32 lower-case hex digits)."""
    return f'<jsync.probe nonce="{nonce}"/>'.encode("ascii")


def is_probe(datagram: bytes) -> bool:
    """Whether ``datagram`` is a probe, and nothing but a probe."""
    return _PROBE.fullmatch(datagram) is not None


def heard(probe: bytes) -> bytes:
    """Return what a temporary listener answers to ``probe``."""
    return probe.replace(b"jsync.probe", b"jsync.heard", 1)


class WakeUpSender:
    """Sends wake-ups; nobody acknowledges one, the next fetch does. Call ``close`` at the end.

    Each of our addresses has one socket, since thousands are told at once, and a socket for each takes twice the time.

    Args:
        open_socket: makes one of a family.
    """

    def __init__(self, open_socket: Callable[[socket.AddressFamily], socket.socket] | None = None) -> None:
        self._open_socket = open_socket or (lambda family: socket.socket(family, socket.SOCK_DGRAM))
        self._sockets: dict[tuple[socket.AddressFamily, IpAddress | None], socket.socket] = {}

    def send(self, ip: IpAddress, port: int, *, wake_up: bytes = WAKE_UP, source_ip: IpAddress | None = None) -> None:
        """Send one, or hand it to the system, which may still wait for a neighbour's answer.

        Args:
            ip: of the slave.
            port: its ``udp_port``.
            wake_up: the datagram, plain or proven.
            source_ip: our address; ``None`` leaves it to the system, as the port in any case.

        Raises:
            OSError: the system refuses to send.
        """
        key, to = (socket_family(ip), source_ip), (str(ip), port)
        try:
            self._socket(*key).sendto(wake_up, to)
        except BlockingIOError:  # full of those for neighbours that don't answer; the system keeps them
            self._sockets.pop(key).close()
            self._socket(*key).sendto(wake_up, to)

    def close(self) -> None:
        """Close all sockets; may be called twice."""
        while self._sockets:
            self._sockets.popitem()[1].close()

    def _socket(self, family: socket.AddressFamily, source_ip: IpAddress | None) -> socket.socket:
        sock = self._sockets.get((family, source_ip))
        if sock is None:
            with contextlib.ExitStack() as failed:
                sock = failed.enter_context(self._open_socket(family))
                sock.setblocking(False)
                if source_ip is not None:
                    sock.bind((str(source_ip), 0))
                failed.pop_all()
            self._sockets[family, source_ip] = sock
        return sock


@dataclass(frozen=True, slots=True, kw_only=True)
class _Datagram:
    payload: bytes
    ip: IpAddress
    peer: tuple[str, int] | tuple[str, int, int, int]
    local_info: list[tuple[int, int, bytes]]


class WakeUpListener:
    """Receives datagrams on an agent's UDP port. Call ``start``, later ``close``.

    Args:
        listen: the address; ``None`` = all interfaces.
        port: ``0`` lets the system choose.
        on_wake_up: called with the sender for each wake-up that counts; must return at once.
        level_of: what an address may do.
        takes_proven: takes each datagram that says that it is proven, returns at once whether it is, and wakes up then.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        listen: str | None,
        port: int,
        on_wake_up: Callable[[IpAddress], None],
        level_of: Callable[[IpAddress], Level],
        takes_proven: Callable[[bytes], bool] = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listen = listen
        self._port = port
        self._on_wake_up = on_wake_up
        self._level_of = level_of
        self._takes_proven = takes_proven
        self._probes: RateLimit[IpAddress] = RateLimit(count=_PROBES_PER_S, per_s=1.0, clock=clock)
        self._datagrams: RateLimit[IpAddress] = RateLimit(count=_DATAGRAMS_PER_S, per_s=1.0, clock=clock)
        self._lines: RateLimit[None] = RateLimit(count=_LINES_PER_S, per_s=1.0, clock=clock)
        self._refused = Tally(_log, logging.ERROR)
        self._unseen, self._unlogged = Tally(_log, logging.WARNING), Tally(_log, logging.WARNING)
        self._sockets: tuple[socket.socket, ...] = ()

    @property
    def port(self) -> int:
        """The port that is listened on; of use where ``0`` was asked for."""
        return self._port

    async def start(self) -> None:
        """Listen.

        Raises:
            PortInUseError: somebody else has the port.
            HostError: the address or port can't be listened on.
        """
        self._sockets = bind(Protocol.UDP, self._listen, self._port)
        self._port = self._sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            _want_local_info(sock)
            loop.add_reader(sock, self._read, sock)

    async def close(self) -> None:
        """Stop listening; may be called twice."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock)
            sock.close()
        self._sockets = ()
        for tally in (self._refused, self._unseen, self._unlogged):
            tally.close()

    def _read(self, sock: socket.socket) -> None:
        for _ in range(_BATCH):  # others want their turn too
            try:
                payload, ancillary, _, peer = sock.recvmsg(MAX_DATAGRAM_BYTES + 1, 256)
            except BlockingIOError:
                return
            except OSError as error:  # an ICMP error for something that was sent earlier
                _log.debug("! UDP port %s: %s", self._port, error)
                return
            self._handle(sock, _Datagram(payload=payload, ip=ip_of(peer[0]), peer=peer, local_info=ancillary))

    def _handle(self, sock: socket.socket, datagram: _Datagram) -> None:
        level = self._level_of(datagram.ip)
        says_proven = datagram.payload.startswith(PROVEN)
        if not self._datagrams.allows(datagram.ip) and datagram.payload != WAKE_UP and not says_proven:
            self._unseen.note(f"more datagrams than {_DATAGRAMS_PER_S} a second from {datagram.ip} are not looked at")
            return
        if is_probe(datagram.payload):
            self._answer_probe(sock, datagram, level)
            return
        if level < Level.SIGNAL:
            self._refused.note(text("SCHEDULER-301", datagram.ip))
            return
        is_proven = says_proven and level >= Level.INFO and self._takes_proven(datagram.payload)
        if self._lines.allows(None):
            payload = WAKE_UP if is_proven else datagram.payload[:MAX_DATAGRAM_BYTES]  # a proof tells nobody anything
            _log.info("%s", text("SCHEDULER-955", datagram.ip, payload.decode("latin-1")))
        else:
            self._unlogged.note(f"datagrams are not logged one by one, the last came from {datagram.ip}")
        if level >= Level.INFO and is_wake_up(datagram.payload):
            self._on_wake_up(datagram.ip)

    def _answer_probe(self, sock: socket.socket, datagram: _Datagram, level: Level) -> None:
        if level < Level.INFO or not self._probes.allows(datagram.ip):
            _log.debug("< probe from %s, not answered", datagram.ip)
            return
        _log.debug("< probe from %s", datagram.ip)
        # From the address that was asked: the asker's connected socket takes no other.
        with contextlib.suppress(OSError):  # a lost answer is what the asker reckons with
            sock.sendmsg([datagram.payload], _reply_info(datagram.local_info), 0, datagram.peer)


def _want_local_info(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def _reply_info(received: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    for level, kind, data in received:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            _, local, _ = _PKTINFO_V4.unpack(data)
            return [(level, kind, _PKTINFO_V4.pack(0, local, bytes(4)))]
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return [(level, kind, data)]
    return []
