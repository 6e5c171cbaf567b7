"""Limits that keep one peer, or too many of them, from hurting the rest."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["MOST_CONNECTIONS", "RESERVED_FILES", "RateLimit", "max_connections", "raise_file_limit"]

MOST_CONNECTIONS = 100_000
"""More than any fleet has; systems without a limit on files must not lead to one without end."""
RESERVED_FILES = 256
"""File descriptors kept for everything that is no connection: logs, scans, staged files."""
_MOST_KEYS = 1024

K = TypeVar("K")


def raise_file_limit() -> int:
    """Raise this process's limit of open files to what the system allows and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = MOST_CONNECTIONS + RESERVED_FILES
    wanted = ceiling if hard == resource.RLIM_INFINITY else min(hard, ceiling)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return ceiling if soft == resource.RLIM_INFINITY else soft


def max_connections(file_limit: int) -> int:
    """Return how many connections fit below ``file_limit``; at least half of the limit, and at least one."""
    return max(1, min(MOST_CONNECTIONS, max(file_limit - RESERVED_FILES, file_limit // 2)))


class RateLimit(Generic[K]):
    """Lets through so many events per second and key; the keys themselves are bounded too.

    Args:
        count: events that may come at once, and per ``per_s``.
        per_s: seconds in which ``count`` tokens grow back.
        clock: monotonic seconds.
    """

    def __init__(self, *, count: int, per_s: float, clock: Callable[[], float]) -> None:
        self._count = float(count)
        self._rate = count / per_s
        self._clock = clock
        self._tokens: dict[K, tuple[float, float]] = {}

    def allows(self, key: K) -> bool:
        """Count one event of ``key``; ``False`` if it is one too many."""
        now = self._clock()
        tokens, at = self._tokens.get(key, (self._count, now))
        tokens = min(self._count, tokens + (now - at) * self._rate)
        if key not in self._tokens and len(self._tokens) >= _MOST_KEYS:
            self._tokens.clear()  # somebody invents addresses: forgetting costs less than remembering them all
        is_allowed = tokens >= 1.0
        self._tokens[key] = (tokens - is_allowed, now)
        return is_allowed
