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
from functools import partial
from pathlib import Path
from typing import Final

from sync_core.agent.own_folder import opener
from sync_core.agent.state import HostState
from sync_core.model.errors import StateError
from sync_core.net.threads import in_thread

__all__ = ["BEAT_S", "beat", "forget_beat", "keep_beating", "silent_s"]

_log = logging.getLogger(__name__)

BEAT_S: Final = 2.0
"""Seconds between two beats of an agent."""
_LONG_S: Final = 10.0
_HUNG_AFTER_S: Final = 30.0
"""A machine that is busy, or a disk that is slow, may hold up some beats."""
_NAME: Final = "beat"


def beat(state: HostState, now: float) -> None:
    """Say that the agent is alive; where that can't be written nothing is said, which is no sign of trouble.

    Args:
        state: of its host.
        now: monotonic seconds, which all processes share.
    """
    try:
        with state.open() as folder, open(_NAME, "wb", opener=partial(_in_place, folder=folder)) as file:
            file.write(f"{now:20.3f}".encode())  # always as long, so that no reader finds a part of it
    except (OSError, StateError):
        with contextlib.suppress(OSError):
            forget_beat(state)


def forget_beat(state: HostState) -> None:
    """Say nothing about whether the agent is alive."""
    (state.folder / _NAME).unlink(missing_ok=True)


def silent_s(state: HostState, now: float) -> float | None:
    """Return for how long an agent that runs has given no sign of life, where that means that it hangs.

    Args:
        state: of its host.
        now: monotonic seconds.

    Raises:
        StateError: others may write to the folder.
    """
    try:
        with state.open() as folder, open(_NAME, "rb", opener=partial(opener, folder=folder)) as file:
            at = float(file.read(64))
    except (OSError, ValueError):
        return None
    return now - at if now - at > _HUNG_AFTER_S else None


def _in_place(name: str, flags: int, *, folder: int) -> int:
    return opener(name, flags & ~os.O_TRUNC, folder=folder)


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
        await in_thread(lambda: beat(state, time.monotonic()), name="beat")
        await asyncio.sleep(pause_s)
