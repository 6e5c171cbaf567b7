"""A master's ``remote`` folder, kept in view: scanned, watched, settled, laid over each other per slave.

The periodic scan is the truth; events only say where to look now, and which files are complete (``design.md``
section 3). Until the first look has settled nobody is answered from here, so no list is ever half of one.

An event of a quiet moment is acted on at once; those that come while a look is under way are gathered for the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Protocol

from sync_core.agent.digest_keeper import DigestKeeper
from sync_core.agent.views import Views
from sync_core.model.errors import RootVanishedError, TreeError
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.hints import Hint, HintedLook, PendingHints
from sync_core.model.limits import MAX_FILE_BYTES
from sync_core.model.path import ROOT, RelPath, join
from sync_core.model.scan import Scan, Trouble
from sync_core.model.settle import SETTLE_CHANGED_S, Settler
from sync_core.tree.content import read_content
from sync_core.tree.scan import rescan, scan
from sync_core.tree.watch import Watch, WatchStatus

__all__ = ["RemoteFolder", "Watcher"]

_log = logging.getLogger(__name__)

_MISSED_AGAIN_S = 5.0
"""A folder that vanished is looked for this often, since not every event tells that it came back."""

_FEW_PATHS = 64
"""What so few paths change is settled in the event loop; more is settled beside it."""


class Watcher(Protocol):
    """What gives hints."""

    @property
    def status(self) -> WatchStatus:
        """Whether events are told now."""

    async def start(self) -> WatchStatus:
        """Watch from now on."""

    async def stop(self) -> None:
        """Stop watching."""


class RemoteFolder:
    """What a master distributes.

    Args:
        root: the folder that holds ``_all`` and the slaves' own folders.
        interval_s: most seconds between two full scans.
        digests: what is remembered of an earlier run, and takes what is to be remembered.
        prefetch: called beside the loop with what a look at few paths saw: its contents will be asked for.
        on_change: called in the event loop after the settled view has changed, or the folder vanished or came back.
        on_first_look: called once, when the tree is known.
        guard: returns if the folder is the one that is meant, or raises TreeError. Called beside the loop.
        missed_again_s: seconds between two looks for a folder that vanished.
        watch: makes the source of hints.
    """

    def __init__(
        self,
        root: Path,
        *,
        interval_s: float,
        digests: DigestKeeper,
        on_change: Callable[[], None],
        prefetch: Callable[[Folder, Collection[RelPath]], None] = lambda _tree, _paths: None,
        on_first_look: Callable[[], None] = lambda: None,
        guard: Callable[[], None] = lambda: None,
        missed_again_s: float = _MISSED_AGAIN_S,
        watch: Callable[[Path, Callable[[Hint], None]], Watcher] = Watch,
    ) -> None:
        self.root = root
        self._interval_s = interval_s
        self._digests = digests
        self._prefetch = prefetch
        self._on_change = on_change
        self._on_first_look = on_first_look
        self._guard = guard
        self._missed_again_s = missed_again_s
        self._watch = watch(root, self._take_hint)
        self._settler = Settler(EMPTY_FOLDER)
        self._scan: Scan | None = None
        self._known = EMPTY_FOLDER
        self._views = Views(EMPTY_FOLDER)
        self._most_entries = 0
        self._vanished: RootVanishedError | None = None
        self._told_unwatched: str | None = None
        self._first_look = asyncio.Event()
        self._hints = PendingHints()
        self._hinted = asyncio.Event()
        self._troubles: frozenset[Trouble] = frozenset()
        self._look_now = False

    @property
    def last_error(self) -> str | None:
        """What is wrong with the folder now, if anything."""
        return str(self._vanished) if self._vanished is not None else None

    @property
    def most_entries(self) -> int | None:
        """How many entries the largest view has or had; ``None`` before the first look.

        After a large removal slaves still list what they are to remove.
        """
        if not self._first_look.is_set():
            return None
        self._most_entries = max(self._most_entries, self._views.most_entries)
        return self._most_entries

    @property
    def unwatched_because(self) -> str | None:
        """Why changes are seen by the periodic scan only; ``None`` while events are told."""
        return self._watch.status.reason

    async def views(self) -> Views:
        """Return the settled views, waiting for the first look to be done.

        Raises:
            RootVanishedError: the remote folder is not there; it is never taken for an empty one.
        """
        await self._first_look.wait()
        if self._vanished is not None:
            raise self._vanished
        return self._views

    def read(self, folder: str, path: RelPath) -> bytes:
        """Return the content of a file as it is now; blocks, so it belongs into a thread.

        Args:
            folder: the first-level folder that holds it.
            path: the file below that folder.

        Raises:
            FileTroubleError: it can't be read.
        """
        return read_content(self.root, join(RelPath(folder), path), max_bytes=MAX_FILE_BYTES)

    def look_now(self) -> None:
        """Scan the whole folder as soon as possible."""
        self._look_now = True
        self._hinted.set()

    def look_every(self, interval_s: float) -> None:
        """Take another ``interval_s``; the first full scan of its rhythm is now."""
        if interval_s != self._interval_s:
            self._interval_s = interval_s
            self.look_now()

    async def run(self) -> None:
        """Keep the views true until cancelled; an error that nobody foresaw ends it, and must end the agent."""
        self._known = await self._digests.load()
        self._settler = Settler(self._known)
        try:
            await self._watch.start()  # first, so that nothing happens unseen between the scan and the first event
            await self._look_until_settled()
            await self._follow()
        finally:
            await self._watch.stop()

    def _take_hint(self, hint: Hint) -> None:
        self._hints.add(hint)
        self._hinted.set()

    async def _look_until_settled(self) -> None:
        """The first look: young files get the time to settle before anybody is answered."""
        give_up_at = time.monotonic() + SETTLE_CHANGED_S + 0.5
        await self._look(is_full=True)
        while (deadline := self._settles_at()) is not None and time.monotonic() < give_up_at:
            await asyncio.sleep(max(0.0, min(deadline, give_up_at) - time.monotonic()))
            await self._look()
        self._on_first_look()
        self._first_look.set()

    async def _follow(self) -> None:
        full_scan_at = self._next_full_scan()
        while True:
            deadline = min(full_scan_at, self._settles_at() or full_scan_at)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await self._hinted.wait()
            self._hinted.clear()
            is_full = self._look_now or time.monotonic() >= full_scan_at
            self._look_now = False
            if await self._look(is_full=is_full):
                full_scan_at = self._next_full_scan()

    def _next_full_scan(self) -> float:
        pause_s = self._interval_s if self._vanished is None else min(self._interval_s, self._missed_again_s)
        return time.monotonic() + pause_s

    def _settles_at(self) -> float | None:
        """When the next look at what settles is due; never while the folder is away and nothing can be seen."""
        return self._settler.next_deadline() if self._vanished is None else None

    async def _look(self, *, is_full: bool = False) -> bool:
        """Look at the folder, or only where hints and settling files ask for it; return whether it was a full scan."""
        look, began = self._hints.take(), time.monotonic()
        is_full = is_full or ROOT in look.dirty or self._scan is None or self._vanished is not None
        dirty = None if is_full else look.dirty | self._settling(began)
        try:
            seen = await asyncio.to_thread(self._see, dirty)
        except TreeError as error:
            self._root_is_gone(error)
            return is_full
        was_vanished, self._vanished = self._vanished is not None, None
        self._scan = seen
        changed = await self._settle(seen, look, began, is_few=dirty is not None and len(dirty) <= _FEW_PATHS)
        self._report_troubles(frozenset(seen.troubles))
        if was_vanished:
            _log.info("%s is back", self.root)
        was_unwatched, self._told_unwatched = self._told_unwatched, self.unwatched_because
        if changed or was_vanished or self._told_unwatched != was_unwatched:
            self._on_change()
        return is_full

    async def _settle(self, seen: Scan, look: HintedLook, began: float, *, is_few: bool) -> bool:
        """Let what was seen settle; return whether a slave could get or lose something by it."""
        # A hint that came during the look may tell of a writer who began again: it takes back the trust.
        # What shows through a link is never trusted: nobody hears of a writer who is at its target.
        trusted = self._hints.trusted_after(look) - seen.links
        before = self._settler.view()
        observe = partial(self._settler.observe, seen.root, now=time.monotonic(), trusted=trusted, began=began)
        changed = observe() if is_few else await asyncio.to_thread(observe)
        if self._settler.view() is not before:
            self._views = Views(self._settler.view(), self._views)
        if changed:
            self._digests.keep(self._settler.settled())
        return changed

    def _settling(self, now: float) -> frozenset[RelPath]:
        """Return what has to be looked at because it is due to count."""
        deadline = self._settles_at()
        return self._settler.waiting() if deadline is not None and now >= deadline else frozenset()

    def _see(self, dirty: frozenset[RelPath] | None) -> Scan:
        self._guard()
        if dirty is not None and self._scan is not None:
            seen = rescan(self.root, self._scan, dirty)
            self._prefetch(seen.root, dirty)
        else:
            seen = scan(self.root, known=self._scan.root if self._scan is not None else self._known)
        _ = seen.root.digest  # what is settled shares its folders: their digests are computed here, beside the loop
        return seen

    def _root_is_gone(self, error: TreeError) -> None:
        was_there = self._vanished is None
        self._vanished = error if isinstance(error, RootVanishedError) else RootVanishedError(str(error))
        if was_there:
            _log.error("SCHEDULER-882  %s; slaves keep what they have", error)
            self._on_change()

    def _report_troubles(self, troubles: frozenset[Trouble]) -> None:
        for trouble in sorted(troubles - self._troubles, key=lambda t: t.path):
            _log.warning("%s/%s is left out: %s", self.root, trouble.path, trouble.reason)
        self._troubles = troubles
