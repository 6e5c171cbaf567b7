"""The same work for many hosts at once: one host's failure or slowness is its own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from sync_core.fleet.access import RunnerOf, runners
from sync_core.model.errors import JsyncError, UnreachableError
from sync_core.model.inventory import Connection, Host

__all__ = [
    "DEFAULT_FORKS",
    "DEFAULT_TIMEOUT_S",
    "FleetOptions",
    "Outcome",
    "Watcher",
    "for_each",
    "outcome_of",
    "runnable",
]

DEFAULT_FORKS = 20
DEFAULT_TIMEOUT_S = 120.0
_CONNECT_S = 10.0

T = TypeVar("T")


class Outcome(StrEnum):
    """What came of the work for one host."""

    OK = "ok"
    CHANGED = "changed"
    UNREACHABLE = "unreachable"
    FAILED = "failed"


class Watcher(Protocol):
    """Is told how a run gets on; must return at once."""

    def started(self, host: str) -> None:
        """The work for a host begins."""

    def ended(self, host: str, outcome: Outcome) -> None:
        """It is over."""


class _Nobody:
    def started(self, host: str) -> None:
        pass

    def ended(self, host: str, outcome: Outcome) -> None:
        pass


NOBODY: Watcher = _Nobody()


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """How a command works on many hosts.

    Attributes:
        forks: hosts at once.
        timeout_s: for each host, everything included; infinite: it has deadlines of its own.
        password: for SSH, where keys and agent are not enough.
        watcher: is told how it gets on.
        runner_of: makes runners; for tests something else.
    """

    forks: int = DEFAULT_FORKS
    timeout_s: float = DEFAULT_TIMEOUT_S
    password: str | None = field(default=None, repr=False)
    watcher: Watcher = NOBODY
    runner_of: RunnerOf | None = None

    def runners(self) -> RunnerOf:
        """Return what makes runners."""
        return self.runner_of or runners(password=self.password, connect_s=min(_CONNECT_S, self.timeout_s))


def outcome_of(error: JsyncError | None, *, is_changed: bool = False) -> Outcome:
    """Return what an error, or none, means for the recap."""
    if error is None:
        return Outcome.CHANGED if is_changed else Outcome.OK
    return Outcome.UNREACHABLE if isinstance(error, UnreachableError) else Outcome.FAILED


async def for_each(
    hosts: Sequence[Host],
    work: Callable[[Host], Awaitable[T]],
    *,
    options: FleetOptions,
    failed: Callable[[Host, JsyncError], T],
    outcome: Callable[[T], Outcome],
) -> tuple[T, ...]:
    """Return the result of ``work`` for each host, in their order.

    Args:
        hosts: whose turn it is.
        work: for one host; a JsyncError of it, and the end of its time, become a result.
        options: how many at once, and how long each may take.
        failed: makes that result.
        outcome: what a result means, for whoever watches.
    """
    places = asyncio.Semaphore(options.forks)

    async def one(host: Host) -> T:
        async with places:
            options.watcher.started(host.name)
            result = await _in_time(host, work, failed, options.timeout_s)
            options.watcher.ended(host.name, outcome(result))
            return result

    return tuple(await asyncio.gather(*map(one, hosts)))


async def _in_time(
    host: Host, work: Callable[[Host], Awaitable[T]], failed: Callable[[Host, JsyncError], T], timeout_s: float
) -> T:
    try:
        async with asyncio.timeout(None if timeout_s == math.inf else timeout_s):
            return await work(host)
    except TimeoutError:
        return failed(host, UnreachableError(f"not done within {timeout_s:g} s", host=host.name))
    except JsyncError as error:
        return failed(host, error)


def runnable(hosts: Iterable[Host]) -> tuple[Host, ...]:
    """Return the hosts that have agents: those with ``connection: none`` are only reached, never run."""
    return tuple(host for host in hosts if host.connection is not Connection.NONE)
