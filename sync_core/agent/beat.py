"""The sign of life of an agent: a moment in its state folder, written again and again.

A process that is there may be stopped, or wait for a network disk that never answers. So a beat proves both: the event
loop turns, and the folder that the agent serves or keeps is answered for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sync_core.agent.state import BEAT_S, HostState
from sync_core.net.threads import in_thread

__all__ = ["keep_beating"]

_log = logging.getLogger(__name__)

_LONG_S: Final = 10.0


def _ask(folder: Path) -> None:
    with contextlib.suppress(OSError):
        os.statvfs(folder)  # unlike stat never answered from what is remembered of a network disk


async def keep_beating(
    state: HostState, folder: Path, *, pause_s: float = BEAT_S, ask: Callable[[Path], None] = _ask
) -> None:
    """Write a beat, pause, and so on, until cancelled.

    Args:
        state: where it is written.
        folder: must be answered for before each; that it is missing is an answer.
        pause_s: seconds between two beats.
        ask: returns when the folder's file system has answered.
    """
    while True:
        # Threads of their own: those of the loop may all wait for the same disk.
        asking = asyncio.ensure_future(in_thread(lambda: ask(folder), name="beat"))
        try:
            done, _ = await asyncio.wait({asking}, timeout=_LONG_S)
            if not done:
                _log.error("the file system of %s does not answer", folder)
                await asking
                _log.info("the file system of %s answers again", folder)
        finally:
            asking.cancel()
        await in_thread(lambda: state.beat(time.monotonic()), name="beat")
        await asyncio.sleep(pause_s)
