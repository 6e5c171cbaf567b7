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
from sync_core.model.errors import JsyncError, RootVanishedError, TreeError
from sync_core.model.limits import MAX_FILE_BYTES
from sync_core.model.manifest import Manifest
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


class RemoteFolder:
    """What a master distributes.

    Args:
        root: the folder that holds ``_all`` and the slaves' own folders.
        interval_s: most seconds between two full scans.
        known: settled observations of an earlier run.
        save: called with the settled observations after each change, to keep them over a restart.
        on_change: called in the event loop after the settled view has changed.
    """

    def __init__(
        self,
        root: Path,
        *,
        interval_s: float,
        known: Observations,
        save: Callable[[Observations], None],
        on_change: Callable[[], None],
    ) -> None:
        self.root = root
        self._interval_s = interval_s
        self._save = save
        self._on_change = on_change
        self._known = known
        self._settler = Settler(known)
        self._scan: Scan | None = None
        self._views = Views(Manifest())
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
        """Keep the views true until cancelled."""
        loop = asyncio.get_running_loop()

        def on_hint(hint: Hint) -> None:
            loop.call_soon_threadsafe(self._take_hint, hint)  # events come on the watcher's own thread

        watch = Watch(self.root, on_hint)
        is_watching = await asyncio.to_thread(watch.start)
        if not is_watching:
            _log.warning(
                "%s can't be watched for events: changes are seen by the scan every %g s", self.root, self._interval_s
            )
        try:
            await self._look_until_settled()
            await self._follow()
        finally:
            await asyncio.to_thread(watch.stop)

    def _take_hint(self, hint: Hint) -> None:
        self._hints.append(hint)
        self._hinted.set()

    async def _look_until_settled(self) -> None:
        """The first look: young files get the time to settle before anybody is answered."""
        give_up_at = time.monotonic() + SETTLE_CHANGED_S + 0.5
        await self._look(dirty=None)
        while (deadline := self._settler.next_deadline()) is not None and time.monotonic() < give_up_at:
            await asyncio.sleep(max(0.0, min(deadline, give_up_at) - time.monotonic()))
            await self._look(dirty=self._waiting())
        self._first_look.set()

    async def _follow(self) -> None:
        full_scan_at = time.monotonic() + self._interval_s
        while True:
            deadline = min(full_scan_at, self._settler.next_deadline() or full_scan_at)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hinted.wait(), max(0.0, deadline - time.monotonic()))
            if self._hinted.is_set():
                await asyncio.sleep(_GATHER_S)
            self._hinted.clear()
            if self._look_now or time.monotonic() >= full_scan_at or any(hint.path == ROOT for hint in self._hints):
                self._look_now = False
                full_scan_at = time.monotonic() + self._interval_s
                await self._look(dirty=None)
            else:
                await self._look(dirty=self._waiting() | {hint.path for hint in self._hints})

    def _waiting(self) -> frozenset[RelPath]:
        return frozenset(entry.path for entry in self._settler.view() if entry.is_settling)

    async def _look(self, *, dirty: frozenset[RelPath] | None) -> None:
        """Look at the folder, or only at the paths ``dirty``, and let what is seen settle."""
        hints, self._hints = self._hints, []
        try:
            if dirty is None or self._scan is None:
                known = self._scan.observations if self._scan is not None else self._known
                seen = await asyncio.to_thread(scan, self.root, known=known)
            else:
                seen = await asyncio.to_thread(rescan, self.root, self._scan, dirty)
        except TreeError as error:
            self._root_is_gone(error)
            return
        self._vanished = None
        self._scan = seen
        # A hint that came during the look may tell of a writer who began again: it takes back the trust.
        trusted = trusted_paths([*hints, *self._hints])
        changed = self._settler.observe(seen, now=time.monotonic(), trusted=trusted)
        self._report_troubles(frozenset(seen.troubles))
        self._views = Views(self._settler.view())
        if changed:
            settled = dict(self._settler.settled())
            await asyncio.to_thread(self._save_quietly, settled)
            self._on_change()

    def _root_is_gone(self, error: TreeError) -> None:
        if self._vanished is None:
            _log.error("SCHEDULER-882  %s; slaves keep what they have", error)
        self._vanished = error if isinstance(error, RootVanishedError) else RootVanishedError(str(error))

    def _report_troubles(self, troubles: frozenset[Trouble]) -> None:
        for trouble in sorted(troubles - self._troubles, key=lambda t: t.path):
            _log.warning("%s/%s is left out: %s", self.root, trouble.path, trouble.reason)
        self._troubles = troubles

    def _save_quietly(self, settled: Observations) -> None:
        try:
            self._save(settled)
        except (JsyncError, OSError) as error:
            _log.warning("the digest cache could not be saved, the next start hashes again: %s", error)
