"""Log lines about what a peer can do as often as it likes: the first at once, the rest counted."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

__all__ = ["Tally"]

_PAUSE_S: Final = 10.0


class Tally:
    """Writes one line at once, and while there are more of its kind one every ``pause_s``, with their number.

    Args:
        log: where to.
        level: of the lines.
        pause_s: seconds.
    """

    def __init__(self, log: logging.Logger, level: int, *, pause_s: float = _PAUSE_S) -> None:
        self._log = log
        self._level = level
        self._pause_s = pause_s
        self._last = ("", "")
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether the next line is written at once."""
        return self._timer is None

    def note(self, line: str, *, prefix: str = "") -> None:
        """Write ``line``, now or counted with others: of these the last one stands for all."""
        if self._timer is None:
            self._write(line, prefix)
            self._wait()
        else:
            self._last, self._count = (line, prefix), self._count + 1

    def close(self) -> None:
        """Write what was counted so far."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._count:
            line, prefix = self._last
            self._write(f"{line} ({self._count} like this in the last {self._pause_s:.0f} s)", prefix)
            self._count = 0

    def _write(self, line: str, prefix: str) -> None:
        self._log.log(self._level, "%s", line, extra={"prefix": prefix} if prefix else None)

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._pause_s, self._look)

    def _look(self) -> None:
        goes_on = self._count > 0
        self.close()
        if goes_on:
            self._wait()
