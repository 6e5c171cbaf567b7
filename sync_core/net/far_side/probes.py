"""Connection attempts, datagrams and name look-ups from this host; what came of them, in numbers."""

import errno
import socket
import time
from typing import Any, Dict, List, Optional, Tuple

from sync_core.net.far_side import routes, secure, sockets

__all__ = ["resolve", "tcp", "udp"]

CLOSE_WAIT_S = 0.15
"""How long a fresh TCP connection is watched for a close or a greeting before we say anything ourselves."""
ANSWER_WAIT_S = 1.5
"""JobScheduler may pause for a second between two steps."""
DATAGRAM_PAUSE_S = 0.1
_MOST_BYTES = 200
_NOWHERE = {"0.0.0.0", "::"}  # noqa: S104 - nothing is bound


class _Attempt:
    """A socket that is tried out, and the time that it takes."""

    def __init__(self, kind: int, address: str, source: Optional[str]) -> None:
        self.address = address
        self.started_s = time.monotonic()
        self.socket = socket.socket(sockets.family_of(address), kind)
        self.source = source

    def __enter__(self) -> "_Attempt":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def bind(self) -> None:
        if self.source:
            self.socket.bind((self.source, 0))

    def left_s(self, timeout_s: float) -> float:
        return self.started_s + timeout_s - time.monotonic()

    def result(self, **facts: Any) -> Dict[str, Any]:
        facts.setdefault("elapsed_ms", self.elapsed_ms)
        name = self.socket.getsockname()
        source = sockets.numeric(name)
        facts["source"] = [source, name[1]] if source not in _NOWHERE else self._would_be_source()
        return facts

    def _would_be_source(self) -> Optional[List[Any]]:
        """Return the address that packets would have, of a socket that has lost its own; nothing is sent."""
        if self.source:
            return [self.source, 0]
        with socket.socket(sockets.family_of(self.address), socket.SOCK_DGRAM) as trial:
            try:
                trial.connect((self.address, 9))
            except OSError:
                return None
            return [sockets.numeric(trial.getsockname()), 0]

    def silence(self, **facts: Any) -> Dict[str, Any]:
        is_missing = routes.is_neighbour_missing(self.address)
        return self.result(is_silent=True, is_neighbour_missing=is_missing, **facts)

    @property
    def elapsed_ms(self) -> float:
        return round((time.monotonic() - self.started_s) * 1000, 3)


def tcp(
    address: str,
    port: int,
    *,
    timeout_s: float,
    source: Optional[str],
    question: Optional[str],
    tls: Optional[Dict[str, str]] = None,
) -> Dict[str, Any]:
    """Connect, see whether the peer closes or speaks at once, and if not, ask ``question`` and wait for its answer.

    Without a question the connection is only opened and closed. With ``tls`` (``cert``, ``key``, ``ca``, and the
    peer's ``name``) it is asked in TLS, as far as these can be read here.
    """
    with _Attempt(socket.SOCK_STREAM, address, source) as attempt:
        attempt.socket.settimeout(timeout_s)
        try:
            attempt.bind()
            attempt.socket.connect((address, port))
            is_itself = attempt.socket.getsockname()[:2] == attempt.socket.getpeername()[:2]
        except socket.timeout:
            return attempt.silence()
        except OSError as error:
            if error.errno in {errno.ECONNRESET, errno.ENOTCONN}:  # it stood, and was closed before we saw it
                return attempt.result(is_connected=True, is_closed=True, was_asked=False, said="")
            return attempt.silence() if error.errno == errno.ETIMEDOUT else attempt.result(errno=error.errno)
        if is_itself:
            # Where nobody listens, the system may by chance connect a socket to itself.
            return attempt.result(errno=errno.ECONNREFUSED)
        elapsed_ms = attempt.elapsed_ms
        if tls is not None and question is not None:
            try:
                made = secure.contexts(tls["cert"], tls["key"], tls["ca"])
            except OSError as error:
                untried = "{}: {}".format(type(error).__name__, error.strerror or error)
                return dict(_asked(attempt, question, elapsed_ms), tls_untried=untried)
            # TLS takes the socket away, so what is to be said of it is said first.
            facts = attempt.result(is_connected=True, elapsed_ms=elapsed_ms)
            return dict(facts, **_asked_in_tls(attempt.socket, made, tls["name"], question, timeout_s))
        return _asked(attempt, question, elapsed_ms)


def _asked(attempt: _Attempt, question: Optional[str], elapsed_ms: float) -> Dict[str, Any]:
    is_closed, said, asked = False, b"", False
    if question is not None:
        is_closed, said = _hear(attempt.socket, CLOSE_WAIT_S)
        if not is_closed and not said:
            asked = True
            is_closed, said = _ask(attempt.socket, question.encode("ascii"))
    return attempt.result(
        is_connected=True, is_closed=is_closed, was_asked=asked, said=said.decode("latin-1"), elapsed_ms=elapsed_ms
    )


def _asked_in_tls(
    sock: socket.socket, made: Tuple[Any, Any], name: str, question: str, timeout_s: float
) -> Dict[str, Any]:
    stream, failure = secure.begin(sock, made, name, timeout_s)
    if stream is None:
        return failure
    with stream:
        is_closed, said = _ask(stream, question.encode("ascii"))
    if is_closed and not said:
        return {"tls_failure": {"reason": "HUNG_UP", "code": 0, "whose": "peer"}}
    return {"is_closed": is_closed, "was_asked": True, "said": said.decode("latin-1"), "is_proven": True}


def udp(
    address: str, port: int, *, timeout_s: float, source: Optional[str], datagrams: List[str], replies: List[str]
) -> Dict[str, Any]:
    """Send ``datagrams`` a moment apart until one of ``replies`` or an error comes back, or the time is over."""
    with _Attempt(socket.SOCK_DGRAM, address, source) as attempt:
        sent = 0
        try:
            attempt.bind()
            attempt.socket.connect((address, port))  # only a connected socket is told of ICMP errors
            for datagram in datagrams:
                attempt.socket.send(datagram.encode("ascii"))
                sent += 1
                is_last = sent == len(datagrams)
                wait_s = attempt.left_s(timeout_s) if is_last else min(DATAGRAM_PAUSE_S, attempt.left_s(timeout_s))
                reply = _reply(attempt.socket, replies, wait_s)
                if reply is not None:
                    return attempt.result(sent=sent, reply=reply)
        except OSError as error:
            return attempt.result(errno=error.errno, sent=sent)
        return attempt.silence(sent=sent)


def resolve(name: str) -> Dict[str, Any]:
    """Return the addresses of ``name`` as this host sees them, or the resolver's complaint."""
    try:
        found = socket.getaddrinfo(name, None, 0, socket.SOCK_STREAM)
    except (OSError, ValueError) as error:  # ValueError: what can't be a name
        return {"failure": getattr(error, "strerror", None) or "no such name"}
    addresses: List[str] = []
    for entry in found:
        address = sockets.numeric(entry[4])
        if address not in addresses:
            addresses.append(address)
    return {"addresses": addresses}


def _hear(sock: socket.socket, wait_s: float) -> Tuple[bool, bytes]:
    """Return whether the peer closed, and what it said."""
    sock.settimeout(wait_s)
    try:
        said = sock.recv(_MOST_BYTES)
    except socket.timeout:
        return False, b""
    except OSError:
        return True, b""
    return not said, said


def _ask(sock: socket.socket, question: bytes) -> Tuple[bool, bytes]:
    try:
        sock.sendall(question)
    except OSError:
        return True, b""
    return _hear(sock, ANSWER_WAIT_S)


def _reply(sock: socket.socket, replies: List[str], wait_s: float) -> Optional[str]:
    """Return which of ``replies`` came within ``wait_s``; anything else is not for us."""
    until_s = time.monotonic() + wait_s
    while True:
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            return None
        sock.settimeout(left_s)
        try:
            text = sock.recv(4097).decode("latin-1")
        except socket.timeout:
            return None
        if text in replies:
            return text
