"""Those that ask by HTTP: they choose who they are, so there are only so many of them, and of one address fewer."""

from __future__ import annotations

from typing import Final

from sync_core.model.registry.registration import Slave
from sync_core.model.security import IpAddress

__all__ = ["MOST_BY_HTTP", "MOST_FROM_ONE", "Askers"]

MOST_BY_HTTP: Final = 10_000
"""Beyond these the one that was silent longest makes room."""
MOST_FROM_ONE: Final = 256
"""The same for one address: a change is told to all of them, one datagram for each that somebody made up."""


class Askers:
    """Who they are and whence they ask, in the order of their last questions.

    Args:
        most: of all.
        most_from_one: of one address.
    """

    def __init__(self, *, most: int = MOST_BY_HTTP, most_from_one: int = MOST_FROM_ONE) -> None:
        self._most = most
        self._most_from_one = most_from_one
        self._origins: dict[Slave, IpAddress] = {}
        self._from: dict[IpAddress, dict[Slave, None]] = {}

    def who_goes(self, origin: IpAddress) -> Slave | None:
        """Return who makes room for another one from ``origin``; ``None`` where there is room."""
        others = self._from.get(origin, {})
        if len(others) >= self._most_from_one:
            return next(iter(others))
        return next(iter(self._origins)) if len(self._origins) >= self._most else None

    def ask(self, slave: Slave, origin: IpAddress) -> None:
        """Note that a slave asks, for the first time or again."""
        self.forget(slave)
        self._origins[slave] = origin
        self._from.setdefault(origin, {})[slave] = None

    def forget(self, slave: Slave) -> None:
        """Forget one, if it is one of them."""
        origin = self._origins.pop(slave, None)
        if origin is not None:
            others = self._from[origin]
            del others[slave]
            if not others:
                del self._from[origin]
