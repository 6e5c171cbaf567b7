"""File events: they only say where to look now; the periodic scan stays the truth (``design.md`` section 3).

Events are read in the event loop and told at once. Nothing waits for the other half of a move: while one did, the
begin of a write would be told too late, and half a file would be trusted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sync_core.model.hints import Hint, HintKind
from sync_core.model.path import ROOT
from sync_core.tree.inotify import Inotify, KernelEvent, reason_of
from sync_core.tree.inotify_reader import InotifyReader, beside_loop
from sync_core.tree.root_way import WatchedWay, find_way, watch_way
from sync_core.tree.watched_tree import WatchedTree

__all__ = ["Watch", "WatchStatus"]

_log = logging.getLogger(__name__)

_AGAIN_S: Final = 5.0
"""Between two tries where there are no events, and two signs of life where there are."""

_REST_S: Final = 0.25
"""A watch that is lost again and again is made anew this often at most."""

_ALL_BEGUN: Final = Hint(path=ROOT, kind=HintKind.BEGUN)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchStatus:
    """Whether events are told.

    Attributes:
        reason: why they are not, from the whole tree; only the periodic scan sees everything then.
    """

    reason: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether they are."""
        return self.reason is None


_NOT_STARTED: Final = WatchStatus(reason="it is not watched")


class Watch:
    """Watches a tree for changes, and watches again when that ends.

    It is made anew when the root was removed, moved or replaced, or when its path leads elsewhere (a link was
    re-pointed, a folder on the way moved), when events were lost and when they ceased. Then there is a hint at the
    root that takes all trust away, and a second one when the new watch stands.

    Args:
        root: the folder, with all that is below. Names that begin with ``.`` are ignored; links are not followed.
        on_hint: called in the event loop, for every event that counts; it must be quick.
        again_s: seconds between two tries where there are no events, and two signs of life where there are.
        kernel: gives an inotify instance.
    """

    def __init__(
        self,
        root: Path,
        on_hint: Callable[[Hint], None],
        *,
        again_s: float = _AGAIN_S,
        kernel: Callable[[], Inotify] = Inotify,
    ) -> None:
        self._root = root.absolute()
        self._on_hint = on_hint
        self._again_s = again_s
        self._kernel = kernel
        self._status = _NOT_STARTED
        self._is_known = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._lost: asyncio.Future[None]  # of the watch that stands, or is being made
        self._way: WatchedWay | None = None
        self._has_tree = False

    @property
    def status(self) -> WatchStatus:
        """Whether events are told now, or why not."""
        return self._status

    async def start(self) -> WatchStatus:
        """Watch from now on; return whether that works.

        What happens after it returned is told, so a scan belongs after it. Where it does not work yet it goes on
        trying, and gives a hint at the root as soon as it does.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._keep_watching())
        await self._is_known.wait()
        return self._status

    async def stop(self) -> None:
        """Stop watching; no hint comes after it was called. Harmless when nothing is watched."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._status = _NOT_STARTED
        self._is_known.clear()

    async def _keep_watching(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            next_at = loop.time() + _REST_S
            try:
                await self._watch_once()
            except OSError as error:
                self._say(reason_of(error))
                next_at = loop.time() + self._again_s
            except Exception as error:  # an error here must not pass for quiet, nor end the watch
                _log.exception("%s could not be watched", self._root)
                self._say(repr(error))
                self._hint(_ALL_BEGUN)
                next_at = loop.time() + self._again_s
            await asyncio.sleep(next_at - loop.time())

    async def _watch_once(self) -> None:
        """Watch until that is lost.

        Raises:
            OSError: it can't be watched.
        """
        self._lost = asyncio.get_running_loop().create_future()
        self._way, self._has_tree = None, False
        async with AsyncExitStack() as opened:
            reader = InotifyReader(self._kernel(), self._take_on_way, self._lose)
            opened.push_async_callback(reader.close)
            self._way = await beside_loop(partial(watch_way, reader.kernel, self._root))
            reader.open()
            real = self._way.way.real
            if real is None:
                self._say("there is no such folder")
                await asyncio.wait([self._lost], timeout=self._again_s)
                return
            tree = WatchedTree(
                real, self._kernel(), on_hint=self._pass_on, on_lost=self._lose, on_walked=self._take_walk
            )
            opened.push_async_callback(tree.close)
            self._has_tree = True
            await tree.stand()
            await self._look_after(tree, reader)

    async def _look_after(self, tree: WatchedTree, reader: InotifyReader) -> None:
        """Keep a tree watched, and ask for signs of life, until it is lost."""
        work = asyncio.create_task(tree.keep_standing())
        try:
            while not self._lost.done():
                await asyncio.wait([self._lost, work], timeout=self._again_s, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    work.result()
                if not self._lost.done():
                    await self._check(tree, reader)
        finally:
            work.cancel()
            await asyncio.wait([work])

    async def _check(self, tree: WatchedTree, reader: InotifyReader) -> None:
        """See to what no event tells of: another file system on the way, an instance that somebody closed."""
        reader.beat()
        tree.check()
        if self._way is not None and await beside_loop(partial(find_way, self._root)) != self._way.way:
            self._lose("the path leads to another folder")

    def _take_on_way(self, event: KernelEvent) -> None:
        if self._way is not None and self._way.is_changed_by(event):
            self._lose("the path leads to another folder")

    def _take_walk(self, reason: str | None) -> None:
        if not self._lost.done() and self._say(reason):
            self._hint(_ALL_BEGUN if reason else Hint(path=ROOT, kind=HintKind.LOOK))

    def _pass_on(self, hint: Hint) -> None:
        if not self._lost.done():
            self._hint(hint)

    def _lose(self, reason: str) -> None:
        if self._lost.done():
            return
        self._lost.set_result(None)
        if self._has_tree:
            self._say(reason)
            self._hint(_ALL_BEGUN)

    def _hint(self, hint: Hint) -> None:
        if self._task is not None:
            self._on_hint(hint)

    def _say(self, reason: str | None) -> bool:
        """Take over why there are no events, and say what is new; return whether that follows on another state."""
        before, self._status = self._status, WatchStatus(reason=reason)
        is_first = not self._is_known.is_set()
        self._is_known.set()
        if self._status == before:
            return False
        if reason is not None:
            _log.warning("no events from %s: %s; changes are seen by the periodic scan", self._root, reason)
        elif not is_first:
            _log.info("%s is watched again", self._root)
        return not is_first
