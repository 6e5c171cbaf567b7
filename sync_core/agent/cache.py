"""A slave's copy: listed, updated, and never both at the same time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from sync_core.model.answer_plan import BuiltChanges, Plan, PlannedWrite, build_changes
from sync_core.model.change import Changes
from sync_core.model.errors import FileTroubleError, RootVanishedError
from sync_core.model.inventory import MaxDelete
from sync_core.model.limits import MAX_FILE_BYTES
from sync_core.model.manifest import EMPTY_MANIFEST, Manifest
from sync_core.model.observation import Observations, Trouble
from sync_core.model.path import RelPath
from sync_core.model.settle import manifest_of
from sync_core.tree.apply import Applied, apply_changes
from sync_core.tree.content import read_content
from sync_core.tree.scan import scan
from sync_core.tree.temporaries import clean_temporaries
from sync_core.tree.update import check_removals, split_hidden, with_removals

__all__ = ["CacheFolder"]

_log = logging.getLogger(__name__)


class CacheFolder:
    """The cache folder of one slave.

    Args:
        root: the folder; it is made when it is missing.
        max_delete: most files that one update may remove.
        known: observations of an earlier run.
        save: called with the newest observations, to keep them over a restart.
    """

    def __init__(
        self, root: Path, *, max_delete: MaxDelete, known: Observations, save: Callable[[Observations], None]
    ) -> None:
        self.root = root
        self._max_delete = max_delete
        self._known = known
        self._save = save
        self._lock = asyncio.Lock()
        self._troubles: frozenset[Trouble] = frozenset()

    async def prepare(self) -> None:
        """Make the folder if it is missing, and remove what an update left behind that broke off.

        Raises:
            FileTroubleError: the folder can't be made.
        """
        async with self._lock:
            await asyncio.to_thread(self._make_root)
            removed = await asyncio.to_thread(clean_temporaries, self.root)
        if removed:
            _log.info("removed %d left-over temporary files from %s", removed, self.root)

    async def manifest(self) -> Manifest:
        """Return what the cache holds now.

        Raises:
            FileTroubleError: it can't be read.
        """
        async with self._lock:
            return await self._list()

    async def peek(self) -> Manifest:
        """Return what the cache holds now and write nothing anywhere; a missing folder is an empty copy."""
        async with self._lock:
            try:
                return manifest_of(await asyncio.to_thread(scan, self.root, known=self._known))
            except RootVanishedError:
                return EMPTY_MANIFEST

    def check(self, before: Manifest, changes: Changes) -> None:
        """Return if ``update`` would begin to write.

        Raises:
            TooManyRemovalsError: ``max_delete`` forbids it.
        """
        check_removals(with_removals(split_hidden(changes)[0], before), before, self._max_delete)

    async def read(self, path: RelPath) -> bytes:
        """Return the content of one of its files.

        Raises:
            FileTroubleError: it can't be read.
        """
        return await asyncio.to_thread(read_content, self.root, path, max_bytes=MAX_FILE_BYTES)

    async def update(self, before: Manifest, changes: Changes) -> Applied:
        """Bring the cache in line with the master.

        Args:
            before: what was listed to the master.
            changes: its answer.

        Raises:
            UnsafeNameError: a name must not reach the file system; nothing was written.
            TooManyRemovalsError: ``max_delete`` forbids it; nothing was written.
            FileTroubleError: a file could not be written; each file is either old or new.
        """
        async with self._lock:
            return await asyncio.to_thread(
                apply_changes, self.root, changes, before=before, max_delete=self._max_delete
            )

    async def build(self, plan: Plan) -> BuiltChanges:
        """Return the plan with the contents of this cache."""
        async with self._lock:
            return await asyncio.to_thread(build_changes, plan, self._read_planned)

    def _read_planned(self, item: PlannedWrite) -> bytes:
        return read_content(self.root, item.path, max_bytes=MAX_FILE_BYTES)

    def _make_root(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileTroubleError(
                f"the cache folder {self.root} can't be made: {error.strerror}", hint="check its path and owner"
            ) from error

    async def _list(self) -> Manifest:
        try:
            seen = await asyncio.to_thread(scan, self.root, known=self._known)
        except RootVanishedError:
            # The copy is ours to make: an empty list brings everything back.
            await asyncio.to_thread(self._make_root)
            seen = await asyncio.to_thread(scan, self.root, known=self._known)
        if seen.observations != self._known:
            self._known = seen.observations
            try:
                await asyncio.to_thread(self._save, seen.observations)
            except FileTroubleError as error:
                _log.warning("the digest cache could not be saved, the next start hashes again: %s", error)
        for trouble in sorted(set(seen.troubles) - self._troubles, key=lambda t: t.path):
            _log.warning("%s/%s is left out: %s", self.root, trouble.path, trouble.reason)
        self._troubles = frozenset(seen.troubles)
        return manifest_of(seen)
