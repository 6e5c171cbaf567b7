"""The digest cache of one agent, saved beside the event loop and never in the way of an answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from sync_core.model.errors import FileTroubleError
from sync_core.model.folder import Folder
from sync_core.tree.memory import DigestCache

__all__ = ["DigestKeeper"]

_GATHER_S: Final = 1.0
"""What is lost when an agent is killed in this time is hashed again, no more."""

_log = logging.getLogger(__name__)


class DigestKeeper:
    """Remembers a tree over a restart. One thread does the work; of trees that come meanwhile the newest is saved.

    Args:
        path: of the cache; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._cache = DigestCache(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="digests")
        self._next: Folder | None = None
        self._closing = asyncio.Event()
        self._saving: asyncio.Task[None] | None = None

    async def load(self) -> Folder:
        """Return what was remembered; nothing where that is not to be believed."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._cache.load)

    def keep(self, tree: Folder) -> None:
        """Remember a tree, soon; it costs what differs from the one that was saved last."""
        self._next = tree
        if self._saving is None or self._saving.done():
            self._saving = asyncio.get_running_loop().create_task(self._save())

    async def close(self) -> None:
        """Return when what is to be remembered is on the disk."""
        self._closing.set()
        try:
            if self._saving is not None:
                await asyncio.wait([self._saving])
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._cache.close)
            self._thread.shutdown(wait=False)

    async def _save(self) -> None:
        while self._next is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GATHER_S):
                    await self._closing.wait()
            tree, self._next = self._next, None
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._cache.save, tree)
            except FileTroubleError as error:
                _log.warning("the digest cache could not be saved, the next start hashes again: %s", error)
