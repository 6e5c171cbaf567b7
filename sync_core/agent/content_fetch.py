"""Contents from a master into an update of the cache: small files by the window, big ones in pieces."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from sync_core.agent.cache_update import CacheUpdate
from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.errors import RemoteProtocolError, TreeError
from sync_core.model.path import RelPath
from sync_core.net.dialect_client import DialectConnection
from sync_core.protocol.dialect.client import Answered, ContentReceived, Finished
from sync_core.protocol.dialect.contents import WantedContent, windows
from sync_core.protocol.dialect.limits import MAX_WINDOW_BYTES
from sync_core.protocol.dialect.messages import Bundle, Contents
from sync_core.protocol.dialect.names import path_of

__all__ = ["BrokenOffError", "ContentFetch"]


class BrokenOffError(Exception):
    """There is something newer; the pieces of a big file that have come are kept for the next update."""


class ContentFetch:
    """Brings the contents of one update.

    Args:
        connection: on which nothing is under way.
        missing: what is to be brought.
        there: contents that have come along already.
        timeout_s: the longest time in which no byte of an answer comes.
        wake: set while there is something newer.

    Attributes:
        lacking: how many files the master can't hand out now.
    """

    def __init__(
        self,
        connection: DialectConnection,
        missing: Sequence[PlannedWrite],
        there: Mapping[RelPath, bytes],
        *,
        timeout_s: float,
        wake: asyncio.Event,
    ) -> None:
        self._connection = connection
        self._missing = missing
        self._there = there
        self._timeout_s = timeout_s
        self._wake = wake
        self._sizes = {step.path: step.size_bytes or 0 for step in missing}
        self._in_pieces: set[RelPath] = set()
        self._left_out: set[RelPath] = set()

    @property
    def lacking(self) -> int:
        """How many files the master could not hand out."""
        return len(self._left_out)

    async def bring(self, update: CacheUpdate) -> None:
        """Stage every content, or say that it does not come; one window is received while the last one is written.

        Raises:
            BrokenOffError: a big file is not complete, and there is something newer.
            RemoteProtocolError: what came is not what was asked for.
            UnreachableError: the master did not answer in time.
            FileTroubleError: a file can't be written.
        """
        await update.write(self._there)
        requests = windows([await self._begun(step, update) for step in self._missing])
        waiting: deque[_Window] = deque()
        try:
            await self._take_all(requests, waiting, update)
        except TreeError:
            await self._pass_over(waiting)
            raise

    async def _take_all(self, requests: Iterator[Contents], waiting: deque[_Window], update: CacheUpdate) -> None:
        while await self._send(requests, waiting):
            part = await self._connection.next_part(timeout_s=self._timeout_s)
            match part:
                case Answered(answer=Bundle(sizes=sizes)):
                    await self._leave_out(waiting[0].announce(sizes), update)
                case ContentReceived():
                    waiting[0].parts.setdefault(part.index, []).append(part.data)
                case Finished():
                    await self._stage(waiting.popleft(), update)
                case Answered(answer=answer):
                    raise RemoteProtocolError(f"contents were asked for, and the answer is {type(answer).__name__}")

    async def _pass_over(self, waiting: deque[_Window]) -> None:
        """Take what is still due, so that the next question on this connection gets its own answer."""
        while waiting:
            if isinstance(await self._connection.next_part(timeout_s=self._timeout_s), Finished):
                waiting.popleft()

    async def _begun(self, step: PlannedWrite, update: CacheUpdate) -> WantedContent:
        assert step.sha256 is not None, "the plans of jsync peers know every SHA-256"  # noqa: S101
        size_bytes = self._sizes[step.path]
        if size_bytes <= MAX_WINDOW_BYTES:
            return WantedContent(step.path, step.sha256, size_bytes)
        self._in_pieces.add(step.path)
        return WantedContent(step.path, step.sha256, size_bytes, await update.begin(step.path))

    async def _send(self, requests: Iterator[Contents], waiting: deque[_Window]) -> bool:
        """Ask for as much as may be asked for; return whether answers are due."""
        is_urgent = self._wake.is_set() and bool(self._in_pieces)
        while not is_urgent and self._connection.can_ask and (request := next(requests, None)) is not None:
            await self._connection.send(request, timeout_s=self._timeout_s)
            waiting.append(_Window(request))
        if is_urgent and not waiting and next(requests, None) is not None:
            raise BrokenOffError
        return bool(waiting)

    async def _leave_out(self, paths: Sequence[RelPath], update: CacheUpdate) -> None:
        for path in paths:
            if path not in self._left_out:
                self._left_out.add(path)
                await update.leave_out(path)

    async def _stage(self, window: _Window, update: CacheUpdate) -> None:
        whole: dict[RelPath, bytes] = {}
        for index, parts in window.parts.items():
            path, asked = window.paths[index], window.request.files[index]
            if path in self._left_out:
                continue
            if path not in self._in_pieces:
                whole[path] = b"".join(parts)
                continue
            await update.add(path, parts)
            if asked.offset + asked.length == self._sizes[path]:
                await update.end(path)
        if whole:
            await update.write(whole)


class _Window:
    """One request for contents, and what has come of it.

    Attributes:
        request: as it was sent.
        paths: of its files.
        parts: what has come, by the file's index.
    """

    def __init__(self, request: Contents) -> None:
        self.request = request
        self.paths = [path_of(asked.path) for asked in request.files]
        self.parts: dict[int, list[bytes]] = {}

    def announce(self, sizes: Sequence[int]) -> list[RelPath]:
        """Return what does not come, or not all of it."""
        asked = self.request.files
        return [self.paths[index] for index, size in enumerate(sizes) if size != asked[index].length]
