"""Two ways to the same thing: the better one is tried first, the other one where it fails or takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sync_core.model.errors import HostError, PeerError

__all__ = ["first_of"]

T = TypeVar("T")


async def first_of(
    better: Coroutine[Any, Any, T], other: Callable[[], Coroutine[Any, Any, T]], *, patience_s: float
) -> T:
    """Return what comes first; what is then still under way is given up.

    Args:
        better: the way that is tried first. It fails by a ``PeerError`` or ``HostError``; others are answers.
        other: the way that is tried beside it after a while, and at once where it has failed.
        patience_s: for how long it is tried alone.

    Raises:
        JsyncError: both failed; it says why ``other`` did.
    """
    asking = asyncio.ensure_future(better)
    running = {asking}
    try:
        await asyncio.wait(running, timeout=patience_s)
        if _is_good(asking):
            return asking.result()
        instead = asyncio.ensure_future(other())
        running = {asking, instead}
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        if not (_is_good(asking) or _is_good(instead)):
            await asyncio.wait(running)
        return (asking if _is_good(asking) else instead).result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _is_good(task: asyncio.Future[T]) -> bool:
    """Whether the task is done and did not just fail to get there."""
    return task.done() and not isinstance(task.exception(), PeerError | HostError)
