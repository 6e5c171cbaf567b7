"""Temporary listeners: they live as long as a check, say "heard" to what they expect, and are gone afterwards."""

import contextlib
import select
import socket
import struct
import threading
from typing import Any, Dict, List, Set, Tuple

from sync_core.net.far_side import sockets

__all__ = ["Listener", "TcpListener", "TcpWatch", "UdpListener", "start"]

_STEP_S = 0.05
_WATCH_STEP_S = 0.02
_MOST_SEEN = 256


class Listener:
    """Something that notes who comes, in a thread of its own, until it is stopped."""

    def __init__(self) -> None:
        self.seen: List[Tuple[str, int]] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.daemon = True

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> Dict[str, Any]:
        """End, and return who came."""
        self._is_over.set()
        self._thread.join()
        self._close()
        return {"seen": [list(one) for one in self.seen]}

    def _run(self) -> None:
        while not self._is_over.is_set():
            self._step()
        self._last_step()

    def _note(self, peer: Tuple[Any, ...]) -> None:
        if len(self.seen) < _MOST_SEEN:
            self.seen.append((sockets.numeric(peer), peer[1]))

    def _step(self) -> None:
        """Take who comes, or wait a moment for somebody."""
        self._is_over.wait(_STEP_S)

    def _last_step(self) -> None:
        """Take what came at the last moment."""

    def _close(self) -> None:
        """Let go of what is held."""


class UdpListener(Listener):
    """Answers exactly the datagrams that it expects; nothing that it says is longer than what it heard."""

    def __init__(self, address: str, port: int, answers: Dict[str, str]) -> None:
        super().__init__()
        self._answers = {question.encode("ascii"): answer.encode("ascii") for question, answer in answers.items()}
        self._socket = _bound(socket.SOCK_DGRAM, address, port)
        self._socket.setblocking(False)

    def _step(self) -> None:
        select.select([self._socket], [], [], _STEP_S)
        self._last_step()

    def _last_step(self) -> None:
        while True:
            try:
                datagram, peer = self._socket.recvfrom(4097)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error for an answer of ours
            answer = self._answers.get(datagram)
            if answer is not None:
                self._note(peer)
                with contextlib.suppress(OSError):  # the way back is another question
                    self._socket.sendto(answer, peer)

    def _close(self) -> None:
        self._socket.close()


class TcpListener(Listener):
    """Accepts connections and leaves it to the other side to end them, so that none lingers on this port."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__()
        self._open: List[socket.socket] = []
        self._socket = _bound(socket.SOCK_STREAM, address, port)
        self._socket.listen(16)
        self._socket.setblocking(False)

    def _step(self) -> None:
        select.select([self._socket], [], [], _STEP_S)
        self._last_step()

    def _last_step(self) -> None:
        while len(self._open) < _MOST_SEEN:
            try:
                connection, peer = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._open.append(connection)
            self._note(peer)

    def _close(self) -> None:
        for one in [self._socket, *self._open]:
            one.close()


class TcpWatch(Listener):
    """Notes new connections to a port that somebody else holds."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._known: Set[Tuple[str, int]] = sockets.connections(port)

    def _step(self) -> None:
        self._last_step()
        self._is_over.wait(_WATCH_STEP_S)

    def _last_step(self) -> None:
        for peer in sockets.connections(self._port) - self._known:
            self._known.add(peer)
            self._note(peer)


def start(kind: str, address: str, port: int, answers: Dict[str, str]) -> Listener:
    """Return a running listener: ``udp``, ``tcp``, or ``watch``.

    Raises:
        OSError: the address and port can't be bound.
    """
    listener: Listener
    if kind == "udp":
        listener = UdpListener(address, port, answers)
    elif kind == "tcp":
        listener = TcpListener(address, port)
    else:
        listener = TcpWatch(port)
    listener.start()
    return listener


def _bound(kind: int, address: str, port: int) -> socket.socket:
    sock = socket.socket(sockets.family_of(address), kind)
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ":" in address:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock
