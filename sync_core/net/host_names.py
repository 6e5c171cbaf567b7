"""Addresses to names, for display only: asked beside the work, and nobody ever waits for the answer."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sync_core.model.security import IpAddress
from sync_core.net.resolve import KEEP_S

__all__ = ["HostNames", "NameOf"]

NameOf = Callable[[IpAddress], str | None]
"""Asks the system for the name of an address; blocks, so it is called on a thread."""

_MOST_KEPT = 10_000
_MOST_AT_ONCE = 8
"""Threads that ask: a name service that hangs must not cost one for each of thousands of peers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    name: str | None
    until_s: float


class HostNames:
    """Remembers the names of peers. Call ``want`` when one comes, and ``of`` when its name would be nice to have.

    Args:
        name_of: asks the system.
        clock: monotonic seconds.
    """

    def __init__(self, *, name_of: NameOf | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._name_of = name_of or _ask_system
        self._clock = clock
        self._known: dict[IpAddress, _Known] = {}
        self._wanted: set[IpAddress] = set()
        self._waiting: deque[IpAddress] = deque()
        self._asking = 0

    def of(self, address: IpAddress) -> str | None:
        """Return the name, if it is known by now."""
        known = self._known.get(address)
        return known.name if known is not None else None

    def want(self, address: IpAddress) -> None:
        """Have the name looked up, unless somebody did lately; must be called within a running loop."""
        known = self._known.get(address)
        if (known is not None and known.until_s > self._clock()) or address in self._wanted:
            return
        if len(self._wanted) < _MOST_KEPT:
            self._wanted.add(address)
            self._waiting.append(address)
            self._ask_next()

    def _ask_next(self) -> None:
        if not self._waiting or self._asking >= _MOST_AT_ONCE:
            return
        self._asking += 1
        address = self._waiting.popleft()
        loop = asyncio.get_running_loop()
        # A daemon thread, so that a name service that hangs does not delay our exit.
        threading.Thread(target=self._ask, args=(loop, address), name=f"name of {address}", daemon=True).start()

    def _ask(self, loop: asyncio.AbstractEventLoop, address: IpAddress) -> None:
        name = self._name_of(address)
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._learn, address, name)

    def _learn(self, address: IpAddress, name: str | None) -> None:
        self._asking -= 1
        self._wanted.discard(address)
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[address] = _Known(name=name, until_s=self._clock() + KEEP_S)
        self._ask_next()


def _ask_system(address: IpAddress) -> str | None:
    try:
        return socket.getnameinfo((str(address), 0), socket.NI_NAMEREQD)[0]
    except OSError:
        return None
