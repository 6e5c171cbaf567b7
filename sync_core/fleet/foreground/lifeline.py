"""What ties agents elsewhere to the jsync that stays with them: its end of our standard input.

It says something every few seconds. When it lets go, or when nothing comes any more because the network between us is
gone, whoever holds this end stops: no agent runs on that nobody stays with.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

from sync_core.model.errors import UnreachableError
from sync_core.net.runner import Process

__all__ = ["BEAT", "BEAT_S", "SILENCE_S", "keep_company", "until_alone"]

BEAT = b"\n"
BEAT_S = 10.0
SILENCE_S = 45.0
"""A machine that is busy, or a line that is slow, may miss some beats."""


async def keep_company(process: Process) -> None:
    """Beat, until cancelled or until the process takes no more, which whoever reads from it notices."""
    with contextlib.suppress(UnreachableError):
        while True:
            await process.send(BEAT)
            await asyncio.sleep(BEAT_S)


async def until_alone(handle: int, *, silence_s: float = SILENCE_S) -> None:
    """Return when the other end of ``handle`` was closed, or nothing came from it for ``silence_s`` seconds.

    Args:
        handle: a pipe or socket to read from.
        silence_s: how long it may say nothing.
    """
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[bool] = asyncio.Queue()

    def read() -> None:
        try:
            is_there = bool(os.read(handle, 4096))
        except OSError:
            is_there = False
        if not is_there:
            loop.remove_reader(handle)
        heard.put_nowait(is_there)

    loop.add_reader(handle, read)
    try:
        async with asyncio.timeout(silence_s) as patience:
            while await heard.get():
                patience.reschedule(loop.time() + silence_s)
    except TimeoutError:
        pass
    finally:
        loop.remove_reader(handle)
