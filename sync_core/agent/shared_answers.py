"""What many slaves are told is built once: answers as bytes, kept for the next one who asks the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final, NamedTuple

__all__ = ["Built", "SharedAnswers"]

_MOST_BYTES: Final = 32 << 20
_KEPT_BYTES: Final = 1024
"""What an answer costs beside its bytes, key included."""


class Built(NamedTuple):
    """An answer.

    Attributes:
        data: as it goes over the wire.
        is_lasting: whether who asks the same later is to be answered the same.
    """

    data: bytes
    is_lasting: bool = True


class SharedAnswers:
    """Encoded answers by what they answer; those that nobody asked for longest make room.

    A key must say everything that the answer depends on, and be short whatever a peer asks.

    Args:
        most_bytes: of all that is kept.
    """

    def __init__(self, *, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._size_bytes = 0
        self._kept: dict[Hashable, bytes] = {}
        self._under_way: dict[Hashable, asyncio.Task[Built]] = {}

    async def get(self, key: Hashable, build: Callable[[], Coroutine[Any, Any, Built]]) -> bytes:
        """Return the answer; who asks the same while it is built waits for it.

        Args:
            key: what is asked.
            build: makes the answer where there is none.
        """
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._kept[key] = kept
            return kept
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.get_running_loop().create_task(build())
            task.add_done_callback(lambda done: self._keep(key, done))
        return (await asyncio.shield(task)).data  # others wait for the same answer

    def _keep(self, key: Hashable, task: asyncio.Task[Built]) -> None:
        del self._under_way[key]
        if task.cancelled() or task.exception() is not None or not task.result().is_lasting:
            return
        data = self._kept[key] = task.result().data
        self._size_bytes += _KEPT_BYTES + len(data)
        while self._size_bytes > self._most_bytes:
            self._size_bytes -= _KEPT_BYTES + len(self._kept.pop(next(iter(self._kept))))
