"""A slave's copy: looked at, updated, and never both at the same time.

What the cache holds is known from the last look and from the updates since. Only a look finds what somebody else has
changed in it, so whoever heals it looks first.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sync_core.agent.cache_update import CacheUpdate, write_awaited
from sync_core.agent.digest_keeper import DigestKeeper
from sync_core.model.answer_plan import BuiltChanges, Plan, PlannedWrite, build_changes
from sync_core.model.change import Changes
from sync_core.model.errors import FileTroubleError, RootVanishedError
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.inventory import MaxDelete
from sync_core.model.limits import MAX_FILE_BYTES
from sync_core.model.path import RelPath
from sync_core.model.removal_budget import NO_REMOVALS
from sync_core.model.rights import with_mode
from sync_core.model.scan import Scan, Trouble
from sync_core.tree.apply import Applied, Update
from sync_core.tree.content import read_content
from sync_core.tree.disk import LOCAL_DISK, Disk
from sync_core.tree.kept import KeptFiles
from sync_core.tree.rights import NO_RIGHTS, Rights
from sync_core.tree.scan import scan
from sync_core.tree.temporaries import clean_temporaries
from sync_core.tree.update import Step, check_removals, split_hidden, with_removals
from sync_core.tree.writable import open_writable

__all__ = ["CacheFolder"]

_log = logging.getLogger(__name__)

T = TypeVar("T")


class CacheFolder:
    """The cache folder of one slave.

    Args:
        root: the folder; it is made when it is missing.
        max_delete: most files that may be removed; it may be set to another value.
        rights: what overrules the permissions and owners that come or were there.
        digests: what is remembered of an earlier run, and takes what is to be remembered.
        on_first_look: called once, when it is known what the cache holds.
        guard: returns if the folder is the one that is meant, or raises TreeError. Called beside the loop.
        monotonic: seconds.
        disk: where the folder lies.
    """

    def __init__(
        self,
        root: Path,
        *,
        max_delete: MaxDelete,
        rights: Rights = NO_RIGHTS,
        digests: DigestKeeper,
        on_first_look: Callable[[], None] = lambda: None,
        guard: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
        disk: Disk = LOCAL_DISK,
    ) -> None:
        self.root = root
        self.max_delete = max_delete
        self._rights = rights
        self._digests = digests
        self._on_first_look = on_first_look
        self._guard = guard
        self._monotonic = monotonic
        self._disk = disk
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cache")
        self._tree: Folder | None = None
        self._is_doubtful = False  # an update began to show and did not say what it has done
        self._aim = EMPTY_FOLDER, EMPTY_FOLDER  # a master's tree, and what it comes to here
        self._is_updating = False
        self._is_ending = False
        self._kept = KeptFiles()
        self._removals = NO_REMOVALS
        self._troubles: frozenset[Trouble] = frozenset()

    @property
    def entries(self) -> int | None:
        """How many files and folders it holds; ``None`` while nobody has looked."""
        return None if self._tree is None else self._tree.totals.files + self._tree.totals.folders

    def begin_no_more(self) -> bool:
        """Refuse updates from now on, and return whether one is under way, which is not disturbed."""
        self._is_ending = True
        return self._is_updating

    async def prepare(self) -> None:
        """Make the folder if it is missing, and remove what an update left behind that broke off.

        Raises:
            FileTroubleError: the folder can't be made.
            RootChangedError, RootUntrustedError: it is not the one that is meant; nothing was done.
        """
        async with self._lock:
            await self._run(self._guard)
            await self._run(self._make_root)
            removed = await self._run(lambda: clean_temporaries(self.root))
        if removed:
            _log.info("removed %d left-over temporary files from %s", removed, self.root)

    async def look(self) -> Folder:
        """Return what the cache holds now, by a look at all of it.

        Raises:
            FileTroubleError: it can't be read.
        """
        async with self._lock:
            return await self._look()

    async def known(self) -> Folder:
        """Return what the cache holds as far as is known, without a look where there was one before.

        Raises:
            FileTroubleError: it can't be read.
        """
        async with self._lock:
            return await self._before()

    async def shown(self) -> Folder:
        """Return what those see who ask: a look at the cache, or while an update is under way what was there before.

        An update may wait for its contents for a long time; nobody who only looks has to wait with it.

        Raises:
            FileTroubleError: it can't be read.
        """
        return self._tree if self._tree is not None and self._lock.locked() else await self.look()

    async def aim(self, wanted: Folder) -> Folder:
        """Return what the cache must hold to be in line with a master's tree: with the rights that are set here."""
        mode = self._rights.file_mode
        if mode is None:
            return wanted
        before, made_before = self._aim
        made = await self._run(lambda: with_mode(wanted, mode, before=before, made_before=made_before))
        await self._run(lambda: _digested(made))
        self._aim = wanted, made
        return made

    async def peek(self) -> Folder:
        """Return what the cache holds now and write nothing anywhere; a missing folder is an empty copy."""
        async with self._lock:
            known = await self._digests.load()
            try:
                return (await self._run(lambda: scan(self.root, known=known))).root
            except RootVanishedError:
                return EMPTY_FOLDER

    def check(self, before: Folder, changes: Changes) -> None:
        """Return if an update by ``changes`` would begin to write.

        Raises:
            TooManyRemovalsError: ``max_delete`` forbids it.
        """
        steps = with_removals(split_hidden(changes)[0], before)
        check_removals(steps, before, self.max_delete, self._removals.at(self._monotonic()))

    async def read(self, path: RelPath) -> bytes:
        """Return the content of one of its files.

        Raises:
            FileTroubleError: it can't be read.
        """
        return await asyncio.to_thread(read_content, self.root, path, max_bytes=MAX_FILE_BYTES)

    async def build(self, plan: Plan) -> BuiltChanges:
        """Return the plan with the contents of this cache."""
        async with self._lock:
            return await self._run(lambda: build_changes(plan, self._read_planned))

    async def apply(self, steps: Sequence[Step], contents: Mapping[RelPath, bytes]) -> Applied:
        """Bring the cache in line, where all contents are there already.

        Args:
            steps: what is to be done, in document order.
            contents: of the files to be written.

        Raises:
            UnsafeNameError: a name must not reach the file system; nothing was written.
            TooManyRemovalsError: ``max_delete`` forbids it; nothing was written.
            FileTroubleError: a file could not be written; each file is either old or new.
        """
        async with self._lock:
            before = await self._before()
            update = self._update(steps, before)
            with self._booked(update, before):
                return self._take(await self._run(lambda: _apply(update, contents)))

    async def update(self, steps: Sequence[Step], bring: Callable[[CacheUpdate], Awaitable[None]]) -> Applied:
        """Bring the cache in line with contents that come bit by bit; nothing is visible before all have come.

        Args:
            steps: what is to be done, in document order.
            bring: stages every content, or says that it does not come. What it raises breaks the update off; files
                that came in pieces are kept for the next one.

        Raises:
            UnsafeNameError, TooManyRemovalsError, FileTroubleError: as ``apply``.
        """
        async with self._lock:
            before = await self._before()
            update = self._update(steps, before)
            await self._run(update.__enter__)
            try:
                with self._booked(update, before):
                    staged = CacheUpdate(update, self._run)
                    await bring(staged)
                    await staged.settle()
                    return self._take(await self._run(lambda: _shown(update)))
            finally:
                await asyncio.shield(self._run(lambda: update.__exit__(None, None, None)))

    async def _before(self) -> Folder:
        return self._tree if self._tree is not None and not self._is_doubtful else await self._look()

    def _update(self, steps: Sequence[Step], before: Folder) -> Update:
        if self._is_ending:
            raise FileTroubleError("the agent is about to stop: what is new comes after its next start")
        burst = self._removals.at(self._monotonic())
        return Update(
            self.root,
            steps,
            before=before,
            max_delete=self.max_delete,
            burst=burst,
            rights=self._rights,
            kept=self._kept,
            guard=self._guard,
            disk=self._disk,
        )

    @contextlib.contextmanager
    def _booked(self, update: Update, before: Folder) -> Iterator[None]:
        """Count what an update removes; one that does not say what it has done leaves a tree to be looked at."""
        self._is_doubtful = self._is_updating = True
        try:
            yield
        finally:
            self._is_updating = False
            if update.is_visible:
                self._removals = self._removals.after(
                    update.vanishing, files_before=before.totals.files, now=self._monotonic()
                )

    def _take(self, applied: Applied) -> Applied:
        self._tree = applied.tree
        self._is_doubtful = False
        self._digests.keep(applied.tree)
        return applied

    def _read_planned(self, item: PlannedWrite) -> bytes:
        return read_content(self.root, item.path, max_bytes=MAX_FILE_BYTES)

    def _make_root(self) -> None:
        try:
            self.root.parent.mkdir(parents=True, exist_ok=True)
            with open_writable(self.root, self._disk, self._rights):
                pass
        except OSError as error:
            raise FileTroubleError(
                f"the cache folder {self.root} can't be made: {error.strerror}", hint="check its path and owner"
            ) from error

    async def _look(self) -> Folder:
        await self._run(self._guard)
        known = self._tree if self._tree is not None else await self._digests.load()
        try:
            seen = await self._run(lambda: self._see(known))
        except RootVanishedError:
            # The copy is ours to make: an empty list brings everything back.
            await self._run(self._make_root)
            seen = await self._run(lambda: self._see(known))
        self._is_doubtful = False
        is_first = self._tree is None
        if seen.root is not self._tree:
            self._tree = seen.root
            self._digests.keep(seen.root)
        if is_first:
            self._on_first_look()
        self._report_troubles(seen)
        return seen.root

    def _see(self, known: Folder) -> Scan:
        seen = scan(self.root, known=known)
        _digested(seen.root)
        return seen

    def _report_troubles(self, seen: Scan) -> None:
        troubles = frozenset(seen.troubles)
        for trouble in sorted(troubles - self._troubles, key=lambda t: t.path):
            _log.warning("%s/%s is left out: %s", self.root, trouble.path, trouble.reason)
        self._troubles = troubles

    def _run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do ``work`` on the cache's own thread: one thing at a time, also where nobody waits for it any more."""
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


def _apply(update: Update, contents: Mapping[RelPath, bytes]) -> Applied:
    with update:
        write_awaited(update, contents)
        return _shown(update)


def _shown(update: Update) -> Applied:
    applied = update.show()
    _digested(applied.tree)
    return applied


def _digested(tree: Folder) -> bytes:
    """Have a tree's digests computed here, beside the event loop, which asks for them next."""
    return tree.digest
