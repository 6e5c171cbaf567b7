"""The first half of an update: new folders, and every content beside its place, where nobody sees it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import Final

from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.errors import LocalProtocolError, TreeError
from sync_core.model.path import RelPath, ancestors, name_of, parent_of
from sync_core.tree.applied import FEW_FILES, Staged
from sync_core.tree.contents import Digests, digests_of
from sync_core.tree.disk import Disk, read_umask
from sync_core.tree.kept import KeptFiles, open_kept
from sync_core.tree.staged_file import StagedFile
from sync_core.tree.temporaries import create_temporary, mode_of, remove_temporary, write_temporary
from sync_core.tree.trouble import file_trouble
from sync_core.tree.update import Step
from sync_core.tree.writable import WritableTree

__all__ = ["Staging"]

_DEFAULT_MODE: Final = 0o644
"""Of a file whose permissions nobody has told, less the umask."""


class Staging:
    """What an update has ready.

    Args:
        tree: where.
        kept: where files are kept that came in pieces for an update that was broken off; ``None`` to keep none.
        token: gives 16 random hex digits.
        clock_ns: the wall clock in nanoseconds.
        disk: where the tree lies.

    Attributes:
        staged: contents that wait for their places.
        made: folders that were not there before.
        can_sync_all: whether one call syncs the whole file system.
        relies_on_sync_all: whether files were not synced one by one, as there are many.
    """

    def __init__(
        self,
        tree: WritableTree,
        *,
        kept: KeptFiles | None,
        token: Callable[[], str],
        clock_ns: Callable[[], int],
        disk: Disk,
    ) -> None:
        self.staged: dict[RelPath, Staged] = {}
        self.made: set[RelPath] = set()
        self.can_sync_all = disk.can_sync_all(tree.fd)
        self.relies_on_sync_all = False
        self._tree = tree
        self._kept = kept
        self._token = token
        self._clock_ns = clock_ns
        self._disk = disk
        self._default_mode = _DEFAULT_MODE
        self._awaited: dict[RelPath, WriteFile | PlannedWrite] = {}
        self._going: set[RelPath] = set()
        self._pieces: dict[RelPath, StagedFile] = {}

    def prepare(self, steps: Iterable[Step]) -> None:
        """Make the new folders; those that wait for something to go are made when that has gone.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            FileTroubleError: a folder can't be made, or a file stands twice.
        """
        for step in steps:
            path = step.path
            try:
                if isinstance(step, Remove):
                    self._tree.check(self._obstacle(path) or path)
                    self._going.add(path)
                elif isinstance(step, MakeDirectory):
                    if self._obstacle(path) is None and self._tree.make(path):
                        self.made.add(path)
                elif isinstance(step, WriteFile | PlannedWrite):
                    if path in self._awaited:
                        raise OSError("it stands twice in one update")
                    self._awaited[path] = step
            except OSError as error:
                raise file_trouble(path, error) from error
        self.relies_on_sync_all = self.can_sync_all and len(self._awaited) > FEW_FILES
        if self._awaited:
            self._default_mode = _DEFAULT_MODE & ~read_umask()

    def _obstacle(self, path: RelPath) -> RelPath | None:
        """Return the outermost of the path's folders and itself that must go first, if there is one."""
        if not self._going:
            return None
        return next((place for place in (*ancestors(path), path) if place in self._going), None)

    @property
    def missing(self) -> RelPath | None:
        """A file whose content has not come; ``None`` once all is there."""
        return next(iter(self._awaited), None)

    def awaits(self, path: RelPath) -> bool:
        """Whether the content of ``path`` is still to come."""
        return path in self._awaited

    def write(self, path: RelPath, content: bytes) -> None:
        """Stage the whole content of a file.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            FileTroubleError: it can't be written, or is not what was announced.
        """
        wanted = self._wanted(path)
        folder = parent_of(self._obstacle(path) or path)
        try:
            md5, sha256 = digests_of(wanted, content)
            fd = self._tree.at(folder)
            name = write_temporary(
                fd,
                self._token(),
                content,
                mode=self._mode(wanted, fd, folder),
                time_s=wanted.last_write_time,
                disk=self._disk,
                is_synced=not self._waits_for_sync_all,
            )
        except (OSError, OverflowError) as error:
            raise file_trouble(path, error) from error
        del self._awaited[path]
        self.staged[path] = Staged(folder, name, md5, sha256, self._clock_ns())

    def open(self, path: RelPath) -> StagedFile:
        """Stage a file that comes in pieces; what an earlier update has kept of it is there already.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            FileTroubleError: it can't be written.
        """
        wanted = self._wanted(path)
        if not isinstance(wanted, PlannedWrite) or path in self._pieces:
            raise LocalProtocolError(f"{path!r} does not come in pieces, or does so already")
        try:
            file = self._resumed(wanted) or self._begun(wanted)
        except OSError as error:
            raise file_trouble(path, error) from error
        self._pieces[path] = file
        return file

    def leave_out(self, path: RelPath) -> None:
        """Await the content of ``path`` no longer."""
        self._wanted(path)
        del self._awaited[path]

    def undo(self, *, is_visible: bool) -> None:
        """Remove or keep what has not found its place, and remove the new folders if nothing was shown yet.

        What fails here is left to ``clean_temporaries``; the error that led here says more.
        """
        for path, file in self._pieces.items():
            if not file.is_done or self.staged.pop(path, None) is not None:
                self._keep(file)
        for staged in self.staged.values():
            self._drop(staged.folder, staged.name)
        if not is_visible:
            for path in sorted(self.made, key=lambda path: -path.count("/")):
                with contextlib.suppress(OSError, TreeError):
                    os.rmdir(name_of(path), dir_fd=self._tree.at(parent_of(path)))

    def _wanted(self, path: RelPath) -> WriteFile | PlannedWrite:
        wanted = self._awaited.get(path)
        if wanted is None:
            raise LocalProtocolError(f"the content of {path!r} is not awaited")
        return wanted

    @property
    def _waits_for_sync_all(self) -> bool:
        return self.relies_on_sync_all and self._tree.is_one_disk

    def _mode(self, wanted: WriteFile | PlannedWrite, folder_fd: int, folder: RelPath) -> int:
        """Return the permissions that a file gets: those told, or those of the file before, or what the umask gives."""
        if wanted.mode is not None:
            return wanted.mode
        path = wanted.path
        is_beside = folder == parent_of(path) and folder not in self.made and path not in self._going
        before = mode_of(folder_fd, name_of(path)) if is_beside else None
        return self._default_mode if before is None else before

    def _begun(self, wanted: PlannedWrite) -> StagedFile:
        """Begin a file; it waits outside of folders that are new, as it may outlive them."""
        path = wanted.path
        new = next((place for place in ancestors(path) if place in self.made), None)
        folder = parent_of(self._obstacle(path) or new or path)
        fd = self._tree.at(folder)
        mode = self._mode(wanted, fd, folder)
        name, file_fd = create_temporary(fd, self._token())
        return StagedFile(
            wanted,
            fd=file_fd,
            folder=folder,
            name=name,
            mode=mode,
            digests=Digests(needs_md5=wanted.sha256 is None),
            is_synced=not self._waits_for_sync_all,
            disk=self._disk,
            finish=self._finish,
        )

    def _resumed(self, wanted: PlannedWrite) -> StagedFile | None:
        """Go on with a file that was kept.

        It is synced by itself: ``syncfs`` does not tell of what went wrong before this update.
        """
        if self._kept is None or wanted.sha256 is None:
            return None
        kept = self._kept.take(wanted.path, wanted.sha256)
        if kept is None:
            return None
        try:
            fd = self._tree.at(kept.folder)
            mode = self._mode(wanted, fd, kept.folder)
            file_fd = open_kept(fd, kept)
        except (OSError, TreeError):
            return None
        if file_fd is None:
            self._drop(kept.folder, kept.name)
            return None
        return StagedFile(
            wanted,
            fd=file_fd,
            folder=kept.folder,
            name=kept.name,
            mode=mode,
            digests=kept.digests,
            is_synced=True,
            disk=self._disk,
            finish=self._finish,
        )

    def _finish(self, file: StagedFile) -> None:
        wanted = file.wanted
        del self._awaited[wanted.path]
        self.staged[wanted.path] = Staged(
            file.folder,
            file.name,
            wanted.md5,
            file.digests.sha256.digest(),
            self._clock_ns(),
        )

    def _keep(self, file: StagedFile) -> None:
        kept, sha256 = file.keep(), file.wanted.sha256
        if self._kept is None or sha256 is None or kept is None:
            self._drop(file.folder, file.name)
            return
        for gone in self._kept.put(file.wanted.path, sha256, kept):
            self._drop(gone.folder, gone.name)

    def _drop(self, folder: RelPath, name: str) -> None:
        with contextlib.suppress(OSError, TreeError):
            remove_temporary(self._tree.at(folder), name)
