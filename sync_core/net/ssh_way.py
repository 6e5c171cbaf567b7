"""The TCP connection below a login by SSH: each address of a name gets its share of the time."""

from __future__ import annotations

import socket
import time

from sync_core.model.errors import UnreachableError
from sync_core.net.ssh_config import SshTarget

__all__ = ["straight_to"]

_SILENCE_MS = 30_000
"""A host that vanishes while we only listen is noticed: the login asks it now and then, and it must acknowledge."""


def straight_to(target: SshTarget, *, connect_s: float) -> socket.socket:
    """Return a connection to the SSH port of ``target``; blocks.

    Args:
        target: where.
        connect_s: seconds, for all of its addresses together.

    Raises:
        UnreachableError: its name is unknown, or none of its addresses answers in time.
    """
    until_s = time.monotonic() + connect_s
    failure: OSError = TimeoutError(f"no answer within {connect_s:g} s")
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        for at, (family, kind, number, _, name) in enumerate(found):
            left_s = (until_s - time.monotonic()) / (len(found) - at)  # each address gets its share
            sock = socket.socket(family, kind, number)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENCE_MS)
                sock.settimeout(max(left_s, 0.1))
                sock.connect(name)
                return sock
            except TimeoutError:
                sock.close()
            except OSError as error:
                sock.close()
                failure = error
    except OSError as error:
        failure = error
    raise UnreachableError(
        f"SSH to {target.host} port {target.port}: {failure.strerror or failure}", errno=failure.errno
    ) from failure
