"""Questions to the system's name service: on few threads, and so that a name that hangs holds up nobody else.

A question can't be broken off: its thread ends when the system gives up. So there are places for so many at once, and
who has not answered in time leaves its place; its thread is left alone, and only so many of these may be about. Not all
places are for everybody: a name that never answered yet leaves some to those that did, and one that hung lately leaves
most to all others.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

__all__ = ["LOOKUP_TIMEOUT_S", "Ask", "Lookups", "Rank"]

LOOKUP_TIMEOUT_S = 10.0
"""The longest wait for one name from the moment it is asked; beyond it the name counts as unresolvable."""

Ask = Callable[[str], Sequence[str]]
"""Asks the system, and blocks; raises OSError or ValueError where there is no answer."""

_MOST_STUCK: Final = 24
"""Threads whose answer nobody waits for any more; with more of these, they take places as the others do."""


class Rank(IntEnum):
    """Whose turn is first."""

    ANSWERED = 0
    NEW = 1
    HUNG = 2


_PLACES: Final = {Rank.ANSWERED: 8, Rank.NEW: 6, Rank.HUNG: 2}
"""How many questions may run while another one of this rank begins."""


@dataclass(slots=True, eq=False)
class _Question:
    name: str
    rank: Rank
    answer: asyncio.Future[Sequence[str]]
    is_stuck: bool = False


class Lookups:
    """Asks on threads of its own, of which there are 8, and at most 24 more that hang. For one event loop.

    Args:
        ask: asks the system about one name.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._waiting: dict[Rank, deque[_Question]] = {rank: deque() for rank in Rank}
        self._running: dict[Rank, int] = dict.fromkeys(Rank, 0)
        self._stuck = 0

    async def look_up(self, name: str, *, rank: Rank = Rank.NEW) -> Sequence[str]:
        """Return what the system says of ``name``.

        Args:
            name: what to ask about.
            rank: how it did so far.

        Raises:
            TimeoutError: it did not answer in ``LOOKUP_TIMEOUT_S`` after it was asked.
            OSError: there is no such name.
            ValueError: that can be no name.
        """
        question = _Question(name, rank, asyncio.get_running_loop().create_future())
        self._waiting[rank].append(question)
        self._begin()
        return await question.answer

    def _begin(self) -> None:
        """Ask what may be asked now, the best rank first."""
        for rank in Rank:
            waiting = self._waiting[rank]
            while waiting and self._has_place(rank):
                question = waiting.popleft()
                if not question.answer.done():  # else who asked has given up
                    self._start(question)

    def _has_place(self, rank: Rank) -> bool:
        over = max(0, self._stuck - _MOST_STUCK)
        worse_or_same = sum(self._running[other] for other in Rank if other >= rank)
        return worse_or_same + over < _PLACES[rank] and sum(self._running.values()) + over < _PLACES[Rank.ANSWERED]

    def _start(self, question: _Question) -> None:
        loop = asyncio.get_running_loop()
        self._running[question.rank] += 1
        timer = loop.call_later(LOOKUP_TIMEOUT_S, self._give_up, question)
        work = threading.Thread(
            target=self._run, args=(loop, question, timer), name=f"resolve {question.name!r}", daemon=True
        )
        work.start()  # a daemon: a name service that hangs must not delay our exit

    def _run(self, loop: asyncio.AbstractEventLoop, question: _Question, timer: asyncio.TimerHandle) -> None:
        texts: Sequence[str] = ()
        failure: Exception | None = None
        try:
            texts = self._ask(question.name)
        except (OSError, ValueError) as error:
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._take, question, timer, texts, failure)

    def _take(
        self, question: _Question, timer: asyncio.TimerHandle, texts: Sequence[str], failure: Exception | None
    ) -> None:
        timer.cancel()
        if question.is_stuck:
            self._stuck -= 1
        else:
            self._running[question.rank] -= 1
        if not question.answer.done():
            if failure is None:
                question.answer.set_result(texts)
            else:
                question.answer.set_exception(failure)
        self._begin()

    def _give_up(self, question: _Question) -> None:
        question.is_stuck = True
        self._running[question.rank] -= 1
        self._stuck += 1
        if not question.answer.done():
            question.answer.set_exception(TimeoutError())
        self._begin()
