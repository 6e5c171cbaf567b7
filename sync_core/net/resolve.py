"""Names to addresses, remembered for a while and never at the price of a blocked event loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sync_core.model.errors import UnreachableError
from sync_core.model.security import IpAddress, parse_ip
from sync_core.net.addresses import endpoint
from sync_core.net.lookups import LOOKUP_TIMEOUT_S, Lookups, Rank

__all__ = [
    "KEEP_FAILURES_S",
    "KEEP_S",
    "LOOKUP_TIMEOUT_S",
    "MOST_KEPT",
    "Lookup",
    "Resolver",
    "display",
    "display_endpoint",
]

KEEP_S = 15 * 60.0
"""How long an answer is believed; the original keeps names as long."""
KEEP_FAILURES_S = 60.0
"""How long a failure is believed: a name server that comes back is noticed within one check."""
MOST_KEPT = 20_000
"""Names that are remembered; beyond these the one that was asked for longest ago is forgotten."""
WAIT_TIMEOUT_S = 30.0
"""The longest wait of one caller, the time included in which its question waits for others."""

Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""Asks the system for the addresses of a name; raises OSError where there are none."""

_SILENT = "the name service does not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    addresses: tuple[IpAddress, ...]
    failure: str
    until_s: float


class Resolver:
    """Resolves names and remembers the answers, failures too.

    Args:
        lookup: asks the system; for tests something else.
        clock: monotonic seconds.
    """

    def __init__(self, *, lookup: Lookup | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup
        self._system = Lookups(_ask_system)
        self._clock = clock
        self._known: dict[str, _Known] = {}  # in the order in which they were asked for last
        self._running: dict[str, asyncio.Task[_Known]] = {}

    def known(self, name: str) -> tuple[IpAddress, ...] | None:
        """Return what ``resolve`` would return at once: nothing for a failure, ``None`` where it would have to ask."""
        literal = parse_ip(name)
        if literal is not None:
            return (literal,)
        known = self._known.get(name)
        return known.addresses if known is not None and known.until_s > self._clock() else None

    async def resolve(self, name: str, *, retry_failures: bool = False) -> tuple[IpAddress, ...]:
        """Return the addresses of ``name`` in the system's order, without duplicates; literals never ask DNS.

        Args:
            name: a host name or an address.
            retry_failures: ask again although the last answer was a failure; for those who pace their retries.

        Raises:
            UnreachableError: there is no such name, or nobody told us in time.
        """
        literal = parse_ip(name)
        if literal is not None:
            return (literal,)
        known = self._known.get(name)
        if known is None or known.until_s <= self._clock() or (retry_failures and known.failure):
            known = await self._ask(name)
        if known.failure:
            raise UnreachableError(
                f"cannot resolve {name!r}: {known.failure}", hint="correct the address, or the name's DNS entry"
            )
        return known.addresses

    async def _ask(self, name: str) -> _Known:
        task = self._running.get(name)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._look_up(name))
            self._running[name] = task
            task.add_done_callback(lambda _: self._running.pop(name, None))
        try:
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                # Shielded: several callers may wait for the same answer, and one of them may give up.
                return await asyncio.shield(task)
        except TimeoutError:
            return _Known(addresses=(), failure=_SILENT, until_s=self._clock())

    async def _look_up(self, name: str) -> _Known:
        addresses: tuple[IpAddress, ...] = ()
        failure = ""
        try:
            texts = await self._ask_for(name)
            addresses = tuple(dict.fromkeys(ip for ip in map(parse_ip, texts) if ip is not None))
            failure = "" if addresses else "it has no address"
        except TimeoutError:
            failure = _SILENT
        except (OSError, ValueError) as error:  # ValueError: what cannot be a name (NUL, a label too long for IDNA)
            failure = error.strerror if isinstance(error, OSError) and error.strerror else "no such name"
        known = _Known(
            addresses=addresses,
            failure=failure,
            until_s=self._clock() + (KEEP_FAILURES_S if failure else KEEP_S),
        )
        self._known.pop(name, None)
        self._known[name] = known
        if len(self._known) > MOST_KEPT:
            del self._known[next(iter(self._known))]
        return known

    async def _ask_for(self, name: str) -> Sequence[str]:
        if self._lookup is not None:
            return await asyncio.wait_for(self._lookup(name), LOOKUP_TIMEOUT_S)
        last = self._known.get(name)
        rank = Rank.NEW if last is None else Rank.HUNG if last.failure == _SILENT else Rank.ANSWERED
        return await self._system.look_up(name, rank=rank)


def display(name: str, ip: IpAddress) -> str:
    """Return how logs write a host: ``192.11.0.79/dialin-0.sos``, or just the address where the name is one."""
    return str(ip) if parse_ip(name) is not None else f"{ip}/{name}"


def display_endpoint(name: str, ip: IpAddress, port: int) -> str:
    """Return how logs write a host with a port: ``192.11.0.79/dialin-0.sos:5000``, ``192.11.0.79:5000``."""
    return endpoint(ip, port) if parse_ip(name) is not None else f"{display(name, ip)}:{port}"


def _ask_system(name: str) -> Sequence[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
