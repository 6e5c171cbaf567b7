"""The second half of an update: what was staged becomes visible, in an order that leaves every file old or new."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.change import Adjust, MakeDirectory, Remove, WriteFile
from sync_core.model.edit import edited
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get
from sync_core.model.path import ROOT, RelPath, ancestors, lies_below, name_of, parent_of
from sync_core.tree.applied import Applied
from sync_core.tree.digest import read_file, stamp_of
from sync_core.tree.disk import FEW_FILES
from sync_core.tree.staging import Staging
from sync_core.tree.trouble import file_trouble
from sync_core.tree.update import Step

__all__ = ["Showing"]

_OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_PERMISSIONS: Final = 0o777


class Showing:
    """The steps of one update as they are done.

    Args:
        staging: what is ready; what has found its place is taken out, and folders that are made come in.
        steps: all of them, in document order.
        before: the cache's tree before the update.
    """

    def __init__(self, staging: Staging, steps: Sequence[Step], *, before: Folder) -> None:
        self._staging = staging
        self._tree = staging.tree
        self._disk = staging.disk
        self._made = staging.made
        self._steps = steps
        self._before = before
        adjusts = sum(isinstance(step, Adjust) for step in steps)
        self._syncs_each = adjusts <= FEW_FILES or not staging.can_sync_all
        self._touched = {parent_of(path) for path in self._made}
        self._edits: list[tuple[RelPath, Entry | None]] = [(path, EMPTY_FOLDER) for path in self._made]
        self._written: list[RelPath] = []
        self._removed: list[RelPath] = []
        self._unknown: set[RelPath] = set()
        self._adjusted: list[RelPath] = []

    def show(self, *, skipped: tuple[RelPath, ...]) -> Applied:
        """Do it; return what was done, once it is on the disk.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            FileTroubleError: something could not be done; every file is old or new.
        """
        path = ROOT
        try:
            for step in self._in_order():
                path = step.path
                self._do(step)
            lasting = _lasting(self._edits)
            for path, entry in lasting.items():
                self._check(path, entry)
            path = ROOT
            self._sync(lasting)
        except (OSError, OverflowError) as error:
            raise file_trouble(path, error) from error
        folders = (step.path for step in self._steps if isinstance(step, MakeDirectory))
        return Applied(
            written=tuple(self._written),
            made=tuple(path for path in folders if path in self._made),
            removed=tuple(self._removed),
            adjusted=tuple(self._adjusted),
            skipped=skipped,
            tree=edited(self._before, lasting),
        )

    def _in_order(self) -> Iterator[Step]:
        """Give the steps in the order in which they are done."""
        renewed = {step.path for step in self._steps if not isinstance(step, Remove)}
        later: list[Step] = []
        adjusts: list[Step] = []
        for step in self._steps:
            if isinstance(step, Adjust):
                adjusts.append(step)
            elif isinstance(step, Remove) and step.path not in renewed:
                later.append(step)
            else:
                yield step
        yield from adjusts
        yield from sorted(later, key=lambda step: -step.path.count("/"))

    def _do(self, step: Step) -> None:
        path = step.path
        if isinstance(step, WriteFile | PlannedWrite):
            self._rename(path)
        elif isinstance(step, MakeDirectory):
            self._make(path)
        elif isinstance(step, Remove):
            if self._tree.remove(path):
                self._removed.append(path)
                self._touched.add(parent_of(path))
            self._edits.append((path, None))
        else:
            self._adjust(step)

    def _rename(self, path: RelPath) -> None:
        file, folder, name = self._staging.files[path], parent_of(path), name_of(path)
        source, target = self._tree.both(file.folder, folder)
        self._disk.rename(file.name, name, src_dir_fd=source, dst_dir_fd=target)
        del self._staging.files[path]
        self._touched |= {folder, file.folder}
        self._written.append(path)
        found = os.stat(name, dir_fd=target, follow_symlinks=False)  # the rename has changed its ctime
        shown = read_file(found, md5=file.md5, sha256=file.sha256, hashed_at_ns=file.hashed_at_ns)
        self._edits.append((path, shown))

    def _make(self, path: RelPath) -> None:
        if self._tree.make(path):
            self._made.add(path)
            self._touched.add(parent_of(path))
            self._edits.append((path, EMPTY_FOLDER))
        elif path not in self._made and not isinstance(get(self._before, path), Folder):
            self._edits.append((path, EMPTY_FOLDER))

    def _adjust(self, step: Adjust) -> None:
        """Give a file another time or other permissions, if it is the one that is known.

        If not, its content is not known either: then the tree has it no longer, and the next update brings it.
        """
        known = get(self._before, step.path)
        if not isinstance(known, File) or not self._adjust_known(step, known):
            self._edits.append((step.path, None))
            self._unknown.add(step.path)

    def _adjust_known(self, step: Adjust, known: File) -> bool:
        path = step.path
        try:
            fd = os.open(name_of(path), _OPEN_FILE, dir_fd=self._tree.at(parent_of(path)))
        except OSError:
            return False
        try:
            found = os.fstat(fd)
            if known.stamp is None or known.stamp[:-1] != stamp_of(found)[:-1] or known.size_bytes != found.st_size:
                return False
            mode = step.mode if self._staging.rights.file_mode is None else self._staging.rights.file_mode
            if mode is not None:
                os.fchmod(fd, mode & _PERMISSIONS)
            os.utime(fd, (step.last_write_time, step.last_write_time))
            if self._syncs_each or not self._tree.is_one_disk:
                self._disk.fsync(fd)
            hashed_at_ns = known.stamp.hashed_at_ns
            shown = read_file(os.fstat(fd), md5=known.md5, sha256=known.sha256, hashed_at_ns=hashed_at_ns)
        finally:
            os.close(fd)
        self._edits.append((path, shown))
        self._adjusted.append(path)
        return True

    def _check(self, path: RelPath, entry: Entry | None) -> None:
        """Make sure that what was done is there: not every failure is told by whoever should."""
        if path in self._unknown:
            return
        try:
            found = os.stat(name_of(path), dir_fd=self._tree.at(parent_of(path)), follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            found = None
        if isinstance(entry, Folder):
            is_there = found is not None and stat.S_ISDIR(found.st_mode)
        elif entry is None:
            is_there = found is None
        else:
            is_there = found is not None and _is_same(entry, found)
        if not is_there:
            raise OSError("it is not there as the update left it; does something else write here?")

    def _sync(self, lasting: Mapping[RelPath, Entry | None]) -> None:
        """Return when names, times and permissions are on the disk."""
        is_many = len(self._touched) > FEW_FILES and self._staging.can_sync_all
        if is_many or not self._syncs_each:
            self._disk.sync_all(self._tree.fd)
        if not is_many or not self._tree.is_one_disk:
            gone = {path for path, entry in lasting.items() if entry is None}
            for path in sorted(self._touched):
                if not (path in gone or lies_below(path, gone)):
                    self._tree.sync(path)


def _is_same(file: File, found: os.stat_result) -> bool:
    """Whether a file still looks like the one that was shown; its ctime may be told late by a network."""
    stamp = stamp_of(found)
    return (
        file.stamp is not None
        and stat.S_ISREG(found.st_mode)
        and (stamp.inode, stamp.mtime_ns, found.st_size) == (file.stamp.inode, file.stamp.mtime_ns, file.size_bytes)
    )


def _lasting(edits: list[tuple[RelPath, Entry | None]]) -> dict[RelPath, Entry | None]:
    """Return what is left of edits in the order in which they were made: what lies in a folder goes with it."""
    gone = {path: position for position, (path, entry) in enumerate(edits) if entry is None}
    return {
        path: entry
        for position, (path, entry) in enumerate(edits)
        if not gone or all(gone.get(folder, -1) < position for folder in ancestors(path))
    }
