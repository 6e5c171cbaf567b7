"""The status of one agent on the disk: written beside the event loop, at once in a quiet moment, else now and then."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["StatusWriter"]

_PAUSE_S: Final = 0.2
"""Changes within this after a write make one more."""


class StatusWriter:
    """Writes the newest values; of those that come while it writes or pauses only the last.

    Args:
        write: replaces the status; blocks.
        pause_s: seconds between two writes.
    """

    def __init__(self, write: Callable[[Mapping[str, Any]], None], *, pause_s: float = _PAUSE_S) -> None:
        self._write = write
        self._pause_s = pause_s
        self._next: Mapping[str, Any] | None = None
        self._closing = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def put(self, values: Mapping[str, Any]) -> None:
        """Have the values written, soon."""
        self._next = dict(values)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._go_on())

    async def close(self) -> None:
        """Return when the newest values are written."""
        self._closing.set()
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def _go_on(self) -> None:
        while self._next is not None:
            values, self._next = self._next, None
            await asyncio.to_thread(self._write, values)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await self._closing.wait()
