"""A master's ``remote`` folder, kept in view: scanned, watched, settled, merged per slave.

The periodic scan is the truth; events only say where to look now, and which files are complete (``design.md``
section 3). Until the first look has settled nobody is answered from here, so no list is ever half of one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from sync_core.agent.views import Views
from sync_core.model.errors import FileTroubleError, RootVanishedError, TreeError
from sync_core.model.limits import MAX_FILE_BYTES
from sync_core.model.manifest import EMPTY_MANIFEST
from sync_core.model.observation import Observations, Scan, Trouble
from sync_core.model.path import ROOT, RelPath, join
from sync_core.model.settle import SETTLE_CHANGED_S, Settler
from sync_core.tree.content import read_content
from sync_core.tree.scan import rescan, scan
from sync_core.tree.watch import Hint, Watch, trusted_paths

__all__ = ["RemoteFolder"]

_log = logging.getLogger(__name__)

_GATHER_S = 0.01
"""Events of one burst come within this; waiting for them saves looks."""

_MISSED_AGAIN_S = 5.0
"""A folder that vanished is looked for this often, since no event tells that it came back."""


class RemoteFolder:
    """What a master distributes.

    Args:
        root: the folder that holds ``_all`` and the slaves' own folders.
        interval_s: most seconds between two full scans.
        known: settled observations of an earlier run.
        save: called with the settled observations after each change, to keep them over a restart.
        on_change: called in the event loop after the settled view has changed, or the folder vanished or came back.
        missed_again_s: seconds between two looks for a folder that vanished.
        watch: makes the source of hints.
    """

    def __init__(
        self,
        root: Path,
        *,
        interval_s: float,
        known: Observations,
        save: Callable[[Observations], None],
        on_change: Callable[[], None],
        missed_again_s: float = _MISSED_AGAIN_S,
        watch: Callable[[Path, Callable[[Hint], None]], Watch] = Watch,
    ) -> None:
        self.root = root
        self._interval_s = interval_s
        self._save = save
        self._on_change = on_change
        self._missed_again_s = missed_again_s
        self._known = known
        self._watch = watch(root, self._pass_on)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_unwatched = False
        self._settler = Settler(known)
        self._scan: Scan | None = None
        self._view = EMPTY_MANIFEST
        self._views = Views(EMPTY_MANIFEST)
        self._vanished: RootVanishedError | None = None
        self._first_look = asyncio.Event()
        self._hints: list[Hint] = []
        self._hinted = asyncio.Event()
        self._troubles: frozenset[Trouble] = frozenset()
        self._look_now = False

    @property
    def last_error(self) -> str | None:
        """What is wrong with the folder now, if anything."""
        return str(self._vanished) if self._vanished is not None else None

    async def views(self) -> Views:
        """Return the settled views, waiting for the first look to be done.

        Raises:
            RootVanishedError: the remote folder is not there; it is never taken for an empty one.
        """
        await self._first_look.wait()
        if self._vanished is not None:
            raise self._vanished
        return self._views

    def is_newest(self, views: Views) -> bool:
        """Whether nothing changed since ``views`` were handed out."""
        return views is self._views

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

    async def run(self) -> None:
        """Keep the views true until cancelled; an error that nobody foresaw ends it, and must end the agent."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._look_until_settled()
            await self._follow()
        finally:
            await asyncio.to_thread(self._watch.stop)

    def _pass_on(self, hint: Hint) -> None:
        """Take a hint on the watch's own thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._take_hint, hint)

    def _take_hint(self, hint: Hint) -> None:
        self._hints.append(hint)
        self._hinted.set()

    async def _look_until_settled(self) -> None:
        """The first look: young files get the time to settle before anybody is answered."""
        give_up_at = time.monotonic() + SETTLE_CHANGED_S + 0.5
        await self._look(dirty=None)
        while (deadline := self._settles_at()) is not None and time.monotonic() < give_up_at:
            await asyncio.sleep(max(0.0, min(deadline, give_up_at) - time.monotonic()))
            await self._look(dirty=self._waiting())
        self._first_look.set()

    async def _follow(self) -> None:
        full_scan_at = self._next_full_scan()
        while True:
            deadline = min(full_scan_at, self._settles_at() or full_scan_at)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await self._hinted.wait()
            if self._hinted.is_set():
                await asyncio.sleep(_GATHER_S)
            self._hinted.clear()
            if self._look_now or time.monotonic() >= full_scan_at or any(hint.path == ROOT for hint in self._hints):
                self._look_now = False
                await self._look(dirty=None)
                full_scan_at = self._next_full_scan()
            else:
                await self._look(dirty=self._waiting() | {hint.path for hint in self._hints})

    def _next_full_scan(self) -> float:
        pause_s = self._interval_s if self._vanished is None else min(self._interval_s, self._missed_again_s)
        return time.monotonic() + pause_s

    def _settles_at(self) -> float | None:
        """When the next look at what settles is due; never while the folder is away and nothing can be seen."""
        return self._settler.next_deadline() if self._vanished is None else None

    def _waiting(self) -> frozenset[RelPath]:
        return frozenset(entry.path for entry in self._settler.view() if entry.is_settling)

    async def _look(self, *, dirty: frozenset[RelPath] | None) -> None:
        """Look at the folder, or only at the paths ``dirty``, and let what is seen settle."""
        hints, self._hints = self._hints, []
        try:
            seen = await asyncio.to_thread(self._see, dirty)
        except TreeError as error:
            self._root_is_gone(error)
            return
        was_vanished, self._vanished = self._vanished is not None, None
        self._scan = seen
        # A hint that came during the look may tell of a writer who began again: it takes back the trust.
        trusted = trusted_paths(hints, newer=self._hints)
        changed = self._settler.observe(seen, now=time.monotonic(), trusted=trusted)
        self._report_troubles(frozenset(seen.troubles))
        if self._settler.view() != self._view:
            self._view = self._settler.view()
            self._views = Views(self._view)
        if was_vanished:
            _log.info("%s is back", self.root)
        if changed or was_vanished:
            self._on_change()
        if changed:
            await asyncio.to_thread(self._save_quietly, dict(self._settler.settled()))

    def _see(self, dirty: frozenset[RelPath] | None) -> Scan:
        if dirty is not None and self._scan is not None and self._vanished is None:
            return rescan(self.root, self._scan, dirty)
        is_watched = self._watch.start()  # first, so that nothing happens unseen between the scan and the first event
        seen = scan(self.root, known=self._scan.observations if self._scan is not None else self._known)
        if not is_watched and not self._is_unwatched:
            _log.warning(
                "%s can't be watched for events: changes are seen by the scan every %g s", self.root, self._interval_s
            )
        self._is_unwatched = not is_watched
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

    def _save_quietly(self, settled: Observations) -> None:
        try:
            self._save(settled)
        except FileTroubleError as error:
            _log.warning("the digest cache could not be saved, the next start hashes again: %s", error)
