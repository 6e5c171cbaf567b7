"""What an agent tells the service manager that started it: ready, alive, stopping (``sd_notify(3)``)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping

__all__ = ["ServiceManager"]

_MICROSECONDS = 1_000_000


class ServiceManager:
    """The manager that waits at ``NOTIFY_SOCKET``; without one nothing is said.

    Args:
        environ: the environment that the process was started with.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A name that begins with @ has no file: it lives in the abstract name space of Linux (unix(7)).
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog_s = _watchdog_s(environ)

    def ready(self) -> None:
        """Say that the ports are bound."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Say that the end is wanted."""
        self._tell("STOPPING=1")

    async def keep_telling(self) -> None:
        """Say again and again that the event loop turns, twice as often as the manager wants to hear it.

        It lasts as long as the agent; where nobody wants to hear it nothing is done.
        """
        if self._watchdog_s is None:
            await asyncio.Event().wait()
        while True:
            self._tell("WATCHDOG=1")
            await asyncio.sleep((self._watchdog_s or 0) / 2)

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        # A manager that does not listen just now is no reason to stop: it asks by its watchdog.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(words.encode("ascii"), self._address)


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """Return within how many seconds the manager wants to hear of this process (``sd_watchdog_enabled(3)``)."""
    interval = environ.get("WATCHDOG_USEC", "")
    if (
        not interval.isdecimal()
        or int(interval) == 0
        or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid())
    ):
        return None
    return int(interval) / _MICROSECONDS
