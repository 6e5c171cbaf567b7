"""What anybody may ask for as often as he likes, done at most once in a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

__all__ = ["Paced"]

_PAUSE_S: Final = 1.0


class Paced:
    """Calls ``work`` at once, and not again within ``pause_s``: calls that come meanwhile are one more, then.

    A plain wake-up by UDP may come from anybody, and by TCP from everybody who may look; proven ones go past this. A
    check costs a slave its whole list, a scan a master all of its disk. None is lost: what is done later sees what was
    there when somebody asked.

    Args:
        work: must return at once.
        pause_s: seconds.
    """

    def __init__(self, work: Callable[[], None], *, pause_s: float = _PAUSE_S) -> None:
        self._work = work
        self._pause_s = pause_s
        self._is_due = False
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        """Do it, now or when the pause is over."""
        if self._timer is not None:
            self._is_due = True
            return
        self._is_due = False
        self._timer = asyncio.get_running_loop().call_later(self._pause_s, self._look)
        self._work()

    def _look(self) -> None:
        self._timer = None
        if self._is_due:
            self()
