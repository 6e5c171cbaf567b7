"""One folder with all that is below, watched by one inotify instance until that is lost.

Only folders have watches. Their paths are kept beside the kernel's numbers, and kept true by the events themselves:
whatever happens to a folder's name ends the watches below that name, and what appears under a name is walked.
Walks happen in a thread, one at a time, while events are read on: three things follow from that.

- Events of a watch that the walk has added, but not yet handed over, wait for it.
- What a walk saw at a name to which something happened meanwhile is not believed; that name is walked again.
- A folder that was moved in counts as complete only when all in it is watched: else a writer who goes on would not be
  heard. What is heard from within until then is told after it.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sync_core.model.hints import Hint, HintKind
from sync_core.model.path import ROOT, RelPath, ancestors, join, lies_below
from sync_core.tree.inotify import Inotify, KernelEvent, Mask, reason_of
from sync_core.tree.inotify_reader import InotifyReader, beside_loop
from sync_core.tree.watch_walk import Walked, counts, watch_folder, watch_folders
from sync_core.tree.watched_folders import WatchedFolders

__all__ = ["WatchedTree"]

_MOST_WAITING: Final = 10_000
"""Events or hints that wait for a walk; more are a loss."""

_TOO_MUCH: Final = "too much happened while folders were added"

_GONE: Final = Mask.MOVED_FROM | Mask.DELETE
_COMPLETE: Final = Mask.CLOSE_WRITE | Mask.MOVED_TO
_BEGUN: Final = Mask.CREATE | Mask.MODIFY | _GONE


class WatchedTree:
    """Hears of everything in a tree.

    Args:
        root: the folder, without links on the way. Names that begin with ``.`` are ignored, links are not followed.
        kernel: an instance for this tree alone; owned from now on.
        on_hint: called in the loop.
        on_lost: called with the reason when nothing more will be heard, or something was not.
        on_walked: called after a walk; with the reason if the kernel's limits ended it, else when all is watched.
    """

    def __init__(
        self,
        root: Path,
        kernel: Inotify,
        *,
        on_hint: Callable[[Hint], None],
        on_lost: Callable[[str], None],
        on_walked: Callable[[str | None], None],
    ) -> None:
        self._root = root
        self._kernel = kernel
        self._on_hint = on_hint
        self._on_lost = on_lost
        self._on_walked = on_walked
        self._folders = WatchedFolders()
        self._to_walk: dict[RelPath, list[Hint] | None] = {}
        self._asked = asyncio.Event()
        self._arriving: dict[RelPath, list[Hint]] = {}
        self._early: defaultdict[int, list[KernelEvent]] | None = None
        self._early_count = 0
        self._disturbed: set[RelPath] = set()
        self._refused: dict[RelPath, None] = {}
        self._reader = InotifyReader(kernel, self._take, self._on_lost)

    async def stand(self) -> None:
        """Return when all folders are watched, as far as the kernel allows.

        Raises:
            OSError: the root can't be watched.
        """
        self._put(watch_folder(self._kernel, self._root, ROOT), ROOT)
        self._reader.open()
        self._to_walk[ROOT] = None
        await self._work_off()

    async def keep_standing(self) -> None:
        """Watch the folders that appear, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._work_off()

    def check(self) -> None:
        """Ask for a sign of life, and try again what the kernel refused."""
        self._reader.beat()
        if self._refused:
            self._to_walk.update((path, None) for path in self._refused if path not in self._to_walk)
            self._refused = {}
            self._asked.set()

    async def close(self) -> None:
        """Stop; nobody may be waiting for ``stand`` or ``keep_standing`` any more."""
        await self._reader.close()

    def _take(self, event: KernelEvent) -> None:
        folder = self._folders.path_of(event.watch)
        if folder is not None:
            self._take_in(folder, event)
        elif self._early is not None:
            self._early[event.watch].append(event)
            self._early_count += 1
            if self._early_count > _MOST_WAITING:
                self._on_lost(_TOO_MUCH)

    def _take_in(self, folder: RelPath, event: KernelEvent) -> None:
        if not event.name:
            self._take_own(folder, event)
            return
        name = os.fsdecode(event.name)
        if name.startswith("."):
            return
        if not counts(name):
            self._tell(folder, HintKind.LOOK)  # which reports the name
            return
        path = join(folder, name)
        if event.mask & Mask.ISDIR:
            self._take_folder(path, event.mask)
        elif event.mask & _COMPLETE:
            self._tell(path, HintKind.COMPLETE)
        else:
            self._tell(path, HintKind.BEGUN if event.mask & _BEGUN else HintKind.LOOK)

    def _take_own(self, folder: RelPath, event: KernelEvent) -> None:
        """Take what happened to a watched folder itself."""
        if event.mask & Mask.IGNORED:
            self._folders.forget(event.watch)
        if folder != ROOT:
            if event.mask & Mask.UNMOUNT:
                self._tell(folder, HintKind.BEGUN)
        elif event.mask & (Mask.DELETE_SELF | Mask.IGNORED):
            self._on_lost("the folder was removed")
        elif event.mask & Mask.MOVE_SELF:
            self._on_lost("the folder was moved away")

    def _take_folder(self, path: RelPath, mask: int) -> None:
        """Take what happened to a folder's name, or to its permission bits or times."""
        if mask & Mask.ATTRIB:
            self._take_attributes(path)
        elif mask & Mask.MOVED_TO:
            self._drop(path)
            arrival = self._arriving[path] = []
            self._ask(path, arrival)
        elif mask & Mask.CREATE:
            self._tell(path, HintKind.BEGUN)
            self._ask(path, None)
        elif mask & _GONE:
            self._drop(path)
            self._tell(path, HintKind.BEGUN)

    def _take_attributes(self, path: RelPath) -> None:
        """Of a folder only one thing matters: whether it can be read, now or no longer."""
        if path not in self._folders:
            self._tell(path, HintKind.LOOK)
            self._ask(path, None)
        elif not self._watch_now(path):
            self._tell(path, HintKind.LOOK)

    def _ask(self, path: RelPath, arrival: list[Hint] | None) -> None:
        """Watch a folder now, and what is below soon: what is made in it at once should be heard of."""
        self._watch_now(path)
        self._to_walk[path] = arrival
        self._asked.set()

    def _watch_now(self, path: RelPath) -> bool:
        try:
            self._put(watch_folder(self._kernel, self._root, path), path)
        except OSError:
            return False  # the walk meets it again
        return True

    def _put(self, watch: int, path: RelPath) -> None:
        displaced = self._folders.put(watch, path)
        if displaced is not None:
            self._kernel.remove(displaced)
        if self._early:
            for event in self._early.pop(watch, ()):
                self._take(event)

    def _drop(self, path: RelPath) -> None:
        """End the watches at and below a name that no longer means what it meant."""
        inner = self._folders.take_below(path)
        for watch in inner:
            self._kernel.remove(watch)
        for waiting in (self._arriving, self._to_walk, self._refused):
            waiting.pop(path, None)
        if len(inner) != 0:  # a folder that was removed had nothing in it any more: this is one that was moved
            for below in [place for place in self._arriving if path in ancestors(place)]:
                del self._arriving[below]
        if self._early is not None:
            self._disturbed.add(path)

    async def _work_off(self) -> None:
        while self._to_walk:
            tops, self._to_walk = self._to_walk, {}
            await self._walk(tops)

    async def _walk(self, tops: dict[RelPath, list[Hint] | None]) -> None:
        rest, refused, filled = list(tops), None, set[RelPath]()
        self._early, self._early_count, self._disturbed = defaultdict(list), 0, set()
        while rest and refused is None:
            work = functools.partial(watch_folders, self._kernel, self._root, rest)
            walked = await beside_loop(work)
            self._merge(walked)
            rest, refused = walked.rest, walked.refused
            filled |= walked.filled & tops.keys()
        self._early = None
        self._refused.update(dict.fromkeys(rest))
        for top, arrival in tops.items():
            if arrival is not None:
                self._end_arrival(top, arrival, is_watched=refused is None)
            elif top in filled and top != ROOT:
                self._tell(top, HintKind.LOOK)  # it may have been filled before the watch stood
        if refused is not None:
            self._on_walked(reason_of(refused))
        elif not self._refused and not self._to_walk:
            self._on_walked(None)

    def _merge(self, walked: Walked) -> None:
        """Believe what the walk saw, except where something happened meanwhile."""
        for watch, path in walked.watched:
            if self._disturbed and (path in self._disturbed or lies_below(path, self._disturbed)):
                if self._folders.path_of(watch) is None:
                    self._kernel.remove(watch)
            else:
                self._put(watch, path)

    def _end_arrival(self, path: RelPath, arrival: list[Hint], *, is_watched: bool) -> None:
        if self._arriving.get(path) is not arrival:
            return  # something else has happened at its name since
        del self._arriving[path]
        self._tell(path, HintKind.COMPLETE if is_watched else HintKind.BEGUN)
        for hint in arrival:
            self._tell(hint.path, hint.kind)

    def _tell(self, path: RelPath, kind: HintKind) -> None:
        hint = Hint(path=path, kind=kind)
        if self._arriving:
            for place in (path, *reversed(ancestors(path))):
                arrival = self._arriving.get(place)
                if arrival is not None:
                    arrival.append(hint)
                    if len(arrival) > _MOST_WAITING:
                        self._on_lost(_TOO_MUCH)
                    return
        self._on_hint(hint)
