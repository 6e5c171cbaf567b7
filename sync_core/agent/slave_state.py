"""What a slave says about itself: the slave's keys of ``jsync.status/2``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sync_core.model.folder import Folder

__all__ = ["SlaveState", "rfc3339"]


def rfc3339(wall_s: float) -> str:
    """Return a wall-clock time as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class SlaveState:
    """Keeps the values, and hands them on after every change.

    Args:
        write: takes all values by their JSON keys.
        clock: wall-clock seconds.
    """

    def __init__(self, write: Callable[[Mapping[str, Any]], None], *, clock: Callable[[], float] = time.time) -> None:
        self._write = write
        self._clock = clock
        self._values: dict[str, Any] = {
            "registered_at": None,
            "master": None,
            "in_sync": False,
            "files": None,
            "tree_digest": None,
            "last_fetch_at": None,
            "pending_since": None,
            "last_error": None,
        }

    @property
    def values(self) -> Mapping[str, Any]:
        """The values as they are now."""
        return dict(self._values)

    def registered(self, master: str) -> None:
        """The master agreed to the registration."""
        self._set(registered_at=rfc3339(self._clock()), master=master)

    def fetched(self, cache: Folder) -> None:
        """A check is done and the cache holds what the master gave."""
        self._set(
            in_sync=True,
            files=cache.totals.files,
            tree_digest=cache.tree_digest,
            last_fetch_at=rfc3339(self._clock()),
            pending_since=None,
            last_error=None,
        )

    def failed(self, error: str) -> None:
        """The master's update could not be applied."""
        self._behind(error)

    def lost(self, error: str) -> None:
        """The master is away, or refuses us."""
        self._behind(error, registered_at=None)

    def _behind(self, error: str, **also: Any) -> None:
        since = self._values["pending_since"] or rfc3339(self._clock())
        self._set(in_sync=False, pending_since=since, last_error=error, **also)

    def _set(self, **values: Any) -> None:
        self._values.update(values)
        self._write(self._values)
