"""Bringing a tree in line with changes: staged completely, then made visible file by file.

1. Everything is checked before anything is written: names, ``max_delete``.
2. New folders are made, and every content is written to a temporary beside its place as it comes, and read back.
3. All of that is on the disk before the first temporary is renamed into place. Renames go in document order; what
   gives way to another kind is removed just before. Then times and permissions, then all other removals, deepest
   first. What was done is looked at: a difference is a failure. The end is on the disk, too, when ``show`` returns.

A failure in 1 or 2 leaves the old tree. Breaking off in 3 leaves every file either old or new, also where the power
fails, and the next update finishes the work. Folders are opened one name at a time and never through a link, so
nothing outside the root can be reached, whatever is planted in the tree meanwhile.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sync_core.model.folder import Folder
from sync_core.model.inventory import MaxDelete
from sync_core.model.path import RelPath
from sync_core.model.removal_budget import NO_REMOVALS, RemovalBudget
from sync_core.tree.applied import Applied
from sync_core.tree.disk import LOCAL_DISK, Disk
from sync_core.tree.kept import KeptFiles
from sync_core.tree.rights import NO_RIGHTS, Rights
from sync_core.tree.showing import Showing
from sync_core.tree.staged_file import StagedFile
from sync_core.tree.staging import Staging
from sync_core.tree.temporaries import new_token
from sync_core.tree.update import Step, check_removals, split_hidden, with_removals
from sync_core.tree.writable import open_writable

__all__ = ["Applied", "Update"]


class Update:
    """One update under way: ``with Update(…) as update``, contents by ``write`` and ``open``, then ``show``.

    Everything blocks, and is to be called by one thread at a time. Nobody else may change the tree meanwhile. What is
    gone already need not be removed. Leaving without ``show`` leaves the old tree.

    Args:
        root: the folder; it is made if only it is missing.
        steps: in document order.
        before: the cache's tree, to count removals, and to know what need not be looked at.
        max_delete: most files that may vanish.
        burst: what has vanished just before; see ``RemovalBudget.at``.
        rights: what overrules permissions and owners that come or were there.
        kept: where files of a broken-off update are kept that came in pieces; ``None`` to keep none.
        token: gives 16 random hex digits.
        clock_ns: the wall clock in nanoseconds.
        disk: where the root lies.
        guard: returns if the root may be written to; asked before and after it is opened, which holds it in place.

    Attributes:
        vanishing: how many files of ``before`` will have gone.
        is_visible: whether anything of it may be seen already.

    Raises:
        UnsafeNameError: a name is not allowed, or a link stands where a folder must be; it is named.
        TooManyRemovalsError: too many files would vanish; nothing was done.
        FileTroubleError: something could not be written, as on a full disk; every file is old or new.
    """

    def __init__(
        self,
        root: Path,
        steps: Sequence[Step],
        *,
        before: Folder,
        max_delete: MaxDelete,
        burst: RemovalBudget = NO_REMOVALS,
        rights: Rights = NO_RIGHTS,
        kept: KeptFiles | None = None,
        token: Callable[[], str] = new_token,
        clock_ns: Callable[[], int] = time.time_ns,
        disk: Disk = LOCAL_DISK,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        counted, self._skipped = split_hidden(steps)
        self._steps = with_removals(counted, before)
        self.vanishing = check_removals(self._steps, before, max_delete, burst)
        self._max_delete = max_delete
        self._burst = burst
        self._rights = rights
        self._root = root
        self._before = before
        self._kept = kept
        self._token = token
        self._clock_ns = clock_ns
        self._disk = disk
        self._guard = guard
        self._left_out: set[RelPath] = set()
        self.is_visible = False

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opened:
            self._guard()
            tree = opened.enter_context(open_writable(self._root, self._disk, self._rights))
            self._guard()
            self._staging = Staging(
                tree, rights=self._rights, kept=self._kept, token=self._token, clock_ns=self._clock_ns, disk=self._disk
            )
            opened.callback(self._undo)
            self._staging.prepare(self._steps)
            self._closing = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def awaits(self, path: RelPath) -> bool:
        """Whether the content of ``path`` is still to come."""
        return self._staging.awaits(path)

    def write(self, path: RelPath, content: bytes) -> None:
        """Stage the whole content of a file.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            FileTroubleError: it can't be written, or is not what was announced.
        """
        self._staging.write(path, content)

    def open(self, path: RelPath) -> StagedFile:
        """Stage a file that comes in pieces; what an earlier update has kept of it is there already.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            FileTroubleError: it can't be written.
        """
        return self._staging.open(path)

    def leave_out(self, path: RelPath) -> None:
        """Say that the content of ``path`` will not come: what stands there stays."""
        self._staging.leave_out(path)
        self._left_out.add(path)

    def show(self) -> Applied:
        """Make everything visible; return what was done, once it is on the disk.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            TooManyRemovalsError: without what was left out too many files would vanish; nothing was done.
            FileTroubleError: something could not be written; every file is old or new.
        """
        if self._left_out:
            # What makes room for a file that does not come stays, too.
            self._steps = tuple(step for step in self._steps if step.path not in self._left_out)
            self.vanishing = check_removals(self._steps, self._before, self._max_delete, self._burst)
        self._staging.finish()
        self._staging.tree.leave()
        self.is_visible = True
        return Showing(self._staging, self._steps, before=self._before).show(skipped=self._skipped)

    def _undo(self) -> None:
        self._staging.undo(is_visible=self.is_visible)
