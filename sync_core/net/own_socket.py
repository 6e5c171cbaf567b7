"""The socket in an agent's state folder, by which root and its own user ask it: the kernel says who they are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sync_core.model.errors import UnreachableError

__all__ = ["is_of_root_or_us", "listen_own", "open_own"]

_MOST_PATH_BYTES: Final = 107
"""Room for a socket's path in its address (unix(7))."""
_CREDENTIALS: Final = struct.Struct("3i")


def listen_own(path: Path, *, backlog: int) -> socket.socket:
    """Return a socket that listens at ``path``, which nobody but its owner may open; one that was left there goes.

    Raises:
        OSError: it can't be made.
    """
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.setblocking(False)
        os.fchmod(sock.fileno(), 0o600)  # what it is bound as, so that it is never open to others
        path.unlink(missing_ok=True)
        with _short(path) as name:
            sock.bind(name)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def is_of_root_or_us(sock: socket.socket) -> bool:
    """Whether who connected is root or our own user."""
    _, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return uid in {0, os.geteuid()}


async def open_own(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the agent at ``path``.

    Raises:
        UnreachableError: nobody listens there, or this user may not.
    """
    try:
        with _short(path) as name:
            return await asyncio.open_unix_connection(name)
    except OSError as error:
        raise UnreachableError(f"{path}: {error.strerror}", errno=error.errno) from error


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a name for ``path`` that has room in an address, however deep it lies."""
    if len(os.fsencode(path)) <= _MOST_PATH_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
