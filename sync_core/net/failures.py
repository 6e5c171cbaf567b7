"""System errors of connections, as ours."""

from __future__ import annotations

import errno
import os
import ssl

from sync_core.model.errors import UnreachableError
from sync_core.model.security import IpAddress
from sync_core.model.tls_words import tls_words
from sync_core.net.addresses import endpoint

__all__ = ["unreachable"]


def unreachable(error: OSError, call: str, address: IpAddress, port: int) -> UnreachableError:
    """Return a system error as ours, in words like those of the original's log.

    Args:
        error: what the system said; a ``TimeoutError`` counts as one.
        call: the call that failed, ``connect``, ``send`` or ``recv``.
        address: of the peer.
        port: of the peer.
    """
    number = errno.ETIMEDOUT if isinstance(error, TimeoutError) else error.errno
    if isinstance(error, ssl.SSLError):  # its number is none of the system's
        return UnreachableError(f"TLS: {tls_words(error.reason or '')} [{call}] [{endpoint(address, port)}]")
    reason = os.strerror(number) if number else str(error)
    return UnreachableError(f"{reason} [{call}] [{endpoint(address, port)}]", errno=number)
