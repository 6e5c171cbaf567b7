"""Ports for tests: below those that the system gives to outgoing connections, which would take them away again."""

from __future__ import annotations

import random
import socket

__all__ = ["free_port"]

_CHOICE = range(10_000, 32_000)
_HERE = ("127.0.0.1", "::1")


def free_port() -> int:
    """Return a port that nobody holds on loopback, in TCP and UDP, IPv4 and IPv6."""
    while not _is_free(port := random.SystemRandom().choice(_CHOICE)):
        pass
    return port


def _is_free(port: int) -> bool:
    return all(_can_bind(address, port, kind) for address in _HERE for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))


def _can_bind(address: str, port: int, kind: socket.SocketKind) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            probe.bind((address, port))
    except OSError:
        return False
    return True
