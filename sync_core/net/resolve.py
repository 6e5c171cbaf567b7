"""Names to addresses, remembered for a while and never at the price of a blocked event loop."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sync_core.model.errors import UnreachableError
from sync_core.model.security import IpAddress, parse_ip
from sync_core.net.addresses import endpoint

__all__ = ["KEEP_FAILURES_S", "KEEP_S", "LOOKUP_TIMEOUT_S", "Lookup", "Resolver", "display", "display_endpoint"]

KEEP_S = 15 * 60.0
"""How long an answer is believed; the original keeps names as long."""
KEEP_FAILURES_S = 60.0
"""How long a failure is believed: a name server that comes back is noticed within one check."""
LOOKUP_TIMEOUT_S = 10.0
"""The longest wait for one name; beyond it the name counts as unresolvable."""

Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""Asks the system for the addresses of a name; raises OSError where there are none."""


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
        self._lookup = lookup or _ask_system
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._running: dict[str, asyncio.Task[_Known]] = {}

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
        # Shielded: several callers may wait for the same answer, and one of them may give up.
        return await asyncio.shield(task)

    async def _look_up(self, name: str) -> _Known:
        addresses: tuple[IpAddress, ...] = ()
        failure = ""
        try:
            texts = await asyncio.wait_for(self._lookup(name), LOOKUP_TIMEOUT_S)
            addresses = tuple(dict.fromkeys(ip for ip in map(parse_ip, texts) if ip is not None))
            failure = "" if addresses else "it has no address"
        except TimeoutError:
            failure = "the name service does not answer"
        except (OSError, ValueError) as error:  # ValueError: what cannot be a name (NUL, a label too long for IDNA)
            failure = error.strerror if isinstance(error, OSError) and error.strerror else "no such name"
        now = self._clock()
        self._known = {key: value for key, value in self._known.items() if value.until_s > now}
        known = _Known(addresses=addresses, failure=failure, until_s=now + (KEEP_FAILURES_S if failure else KEEP_S))
        self._known[name] = known
        return known


def display(name: str, ip: IpAddress) -> str:
    """Return how logs write a host: ``192.11.0.79/dialin-0.sos``, or just the address where the name is one."""
    return str(ip) if parse_ip(name) is not None else f"{ip}/{name}"


def display_endpoint(name: str, ip: IpAddress, port: int) -> str:
    """Return how logs write a host with a port: ``192.11.0.79/dialin-0.sos:5000``, ``192.11.0.79:5000``."""
    return endpoint(ip, port) if parse_ip(name) is not None else f"{display(name, ip)}:{port}"


async def _ask_system(name: str) -> Sequence[str]:
    # A daemon thread per question: a name service that hangs must neither fill a pool nor delay our exit.
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[str]] = loop.create_future()

    def deliver(texts: Sequence[str], error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(texts)
        else:
            answer.set_exception(error)

    def ask() -> None:
        texts: Sequence[str] = ()
        failure: Exception | None = None
        try:
            texts = [str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
        except (OSError, ValueError) as error:
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, texts, failure)

    threading.Thread(target=ask, name=f"resolve {name!r}", daemon=True).start()
    return await answer
