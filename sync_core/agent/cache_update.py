"""An update of a cache under way: what came last is written on the cache's thread while more is received."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from sync_core.model.path import RelPath
from sync_core.tree.apply import Update
from sync_core.tree.staged_file import StagedFile

__all__ = ["CacheUpdate", "write_awaited"]

T = TypeVar("T")

_MOST_UNDER_WAY: Final = 3
"""Pieces of work that wait, of a window of contents at most each."""


class _Runs(Protocol):
    def __call__(self, work: Callable[[], T]) -> asyncio.Future[T]: ...


class CacheUpdate:
    """An update under way: contents go in here, and are staged in this order while others are received.

    What a method raises may be the trouble of what was given before; after that nothing more is staged.

    Args:
        update: begun.
        run: does blocking work on the cache's thread.
    """

    def __init__(self, update: Update, run: _Runs) -> None:
        self._update = update
        self._run = run
        self._pieces: dict[RelPath, StagedFile] = {}
        self._under_way: deque[asyncio.Future[None]] = deque()
        self._trouble: Exception | None = None

    async def write(self, contents: Mapping[RelPath, bytes]) -> None:
        """Stage whole contents.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            FileTroubleError: one can't be written, or is not what was announced.
        """
        await self._stage(lambda: write_awaited(self._update, contents))

    async def begin(self, path: RelPath) -> int:
        """Begin a file that comes in pieces; return how many bytes of it are there already.

        Raises:
            UnsafeNameError, FileTroubleError: as ``write``.
        """
        file = self._pieces[path] = await self._run(lambda: self._update.open(path))
        return file.size_bytes

    async def add(self, path: RelPath, pieces: Sequence[bytes]) -> None:
        """Add the next bytes of a file that comes in pieces; raises as ``write``."""
        file = self._pieces[path]
        await self._stage(lambda: _add(file, pieces))

    async def end(self, path: RelPath) -> None:
        """Say that all pieces have come; raises as ``write``."""
        await self._stage(self._pieces.pop(path).done)

    async def leave_out(self, path: RelPath) -> None:
        """Say that the content of ``path`` does not come: what stands there stays."""
        await self._stage(lambda: self._update.leave_out(path))

    async def settle(self) -> None:
        """Return when all that was given is staged; raises as ``write``."""
        await self._wait(until=0)

    async def _stage(self, work: Callable[[], None]) -> None:
        """Have work done behind what is under way, and wait while that is much."""
        self._under_way.append(self._run(lambda: self._do(work)))
        await self._wait(until=_MOST_UNDER_WAY)

    async def _wait(self, *, until: int) -> None:
        while len(self._under_way) > until:
            await asyncio.shield(self._under_way.popleft())  # none is ever passed over for the next one
        if self._trouble is not None:
            raise self._trouble

    def _do(self, work: Callable[[], None]) -> None:
        if self._trouble is None:
            try:
                work()
            except Exception as trouble:
                self._trouble = trouble


def write_awaited(update: Update, contents: Mapping[RelPath, bytes]) -> None:
    """Stage those contents that the update awaits; blocks, and raises as ``Update.write``."""
    for path, content in contents.items():
        if update.awaits(path):
            update.write(path, content)


def _add(file: StagedFile, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        file.write(piece)
