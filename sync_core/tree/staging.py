"""The first half of an update: new folders, and every content beside its place, where nobody sees it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable
from typing import Final

from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.errors import LocalProtocolError, TreeError
from sync_core.model.path import ROOT, RelPath, ancestors, name_of, parent_of
from sync_core.tree.disk import FEW_FILES, Disk, read_umask
from sync_core.tree.kept import KeptFiles
from sync_core.tree.rights import FileRights, Rights
from sync_core.tree.staged_file import StagedFile
from sync_core.tree.temporaries import create_temporary
from sync_core.tree.trouble import file_trouble
from sync_core.tree.update import Step
from sync_core.tree.writable import WritableTree

__all__ = ["Staging"]

_DEFAULT_MODE: Final = 0o644
"""Of a file whose permissions nobody has told, less the umask."""

_CHUNK_BYTES: Final = 1 << 20
"""A second copy of something big is not wanted."""


class Staging:
    """What an update has ready. Contents may raise what ``Update`` says.

    Args:
        tree: where.
        rights: what overrules what comes.
        kept: where files are kept that came in pieces for an update that was broken off; ``None`` to keep none.
        token: gives 16 random hex digits.
        clock_ns: the wall clock in nanoseconds.
        disk: where the tree lies.

    Attributes:
        tree, disk, rights: as given.
        files: those that were begun and have not found their places.
        made: folders that were not there before.
        can_sync_all: whether one call syncs the whole file system.
    """

    def __init__(
        self,
        tree: WritableTree,
        *,
        rights: Rights,
        kept: KeptFiles | None,
        token: Callable[[], str],
        clock_ns: Callable[[], int],
        disk: Disk,
    ) -> None:
        self.tree = tree
        self.disk = disk
        self.files: dict[RelPath, StagedFile] = {}
        self.made: set[RelPath] = set()
        self.can_sync_all = disk.can_sync_all(tree.fd)
        self._relies_on_sync_all = False
        self.rights = rights
        self._kept = kept
        self._token = token
        self._clock_ns = clock_ns
        self._new_mode = _DEFAULT_MODE
        self._wanted: dict[RelPath, WriteFile | PlannedWrite] = {}
        self._going: set[RelPath] = set()
        self._in_pieces: set[RelPath] = set()

    def prepare(self, steps: Iterable[Step]) -> None:
        """Make the new folders; those that wait for something to go are made when that has gone."""
        for step in steps:
            path = step.path
            try:
                if isinstance(step, Remove):
                    self.tree.check(self._obstacle(path) or path)
                    self._going.add(path)
                elif isinstance(step, MakeDirectory):
                    if self._obstacle(path) is None and self.tree.make(path):
                        self.made.add(path)
                elif isinstance(step, WriteFile | PlannedWrite):
                    if path in self._wanted:
                        raise OSError("it stands twice in one update")
                    self._wanted[path] = step
            except OSError as error:
                raise file_trouble(path, error) from error
        self._relies_on_sync_all = self.can_sync_all and len(self._wanted) > FEW_FILES
        if self._wanted:
            self._new_mode = _DEFAULT_MODE & ~read_umask()

    def _obstacle(self, path: RelPath) -> RelPath | None:
        """Return the outermost of the path's folders and itself that must go first, if there is one."""
        if not self._going:
            return None
        return next((place for place in (*ancestors(path), path) if place in self._going), None)

    def awaits(self, path: RelPath) -> bool:
        """Whether the content of ``path`` is still to come."""
        file = self.files.get(path)
        return path in self._wanted and (file is None or not file.is_done)

    def write(self, path: RelPath, content: bytes) -> None:
        """Stage the whole content of a file."""
        file = self._begin(self._not_begun(path), parent_of(self._obstacle(path) or path))
        for offset in range(0, len(content), _CHUNK_BYTES):
            file.write(content[offset : offset + _CHUNK_BYTES])
        file.done()

    def open(self, path: RelPath) -> StagedFile:
        """Stage a file that comes in pieces; what an earlier update has kept of it is there already."""
        wanted = self._not_begun(path)
        if not isinstance(wanted, PlannedWrite):
            raise LocalProtocolError(f"{path!r} does not come in pieces")
        self._in_pieces.add(path)
        file = self._resumed(wanted)
        if file is None:
            # It waits outside of folders that are new, as it may outlive them.
            new = next((place for place in ancestors(path) if place in self.made), None)
            file = self._begin(wanted, parent_of(self._obstacle(path) or new or path))
        return file

    def leave_out(self, path: RelPath) -> None:
        """Await the content of ``path`` no longer."""
        if not self.awaits(path):
            raise LocalProtocolError(f"the content of {path!r} is not awaited")
        del self._wanted[path]

    def finish(self) -> None:
        """Return when everything that is staged is on the disk; nothing may be awaited any more."""
        missing = next((path for path in self._wanted if self.awaits(path)), None)
        if missing is not None:
            raise LocalProtocolError(f"the content of {missing!r} has not come")
        try:
            if self._relies_on_sync_all:
                self.disk.sync_all(self.tree.fd)
        except OSError as error:
            raise file_trouble(ROOT, error) from error

    def undo(self, *, is_visible: bool) -> None:
        """Remove or keep what has not found its place, and remove the new folders if nothing was shown yet.

        What fails here is left to ``clean_temporaries``; the error that led here says more.
        """
        for path, file in self.files.items():
            file.close()
            is_kept = self._kept is not None and path in self._in_pieces and file.can_be_kept
            for gone in self._kept.put(file) if self._kept is not None and is_kept else [file]:
                self._drop(gone)
        if not is_visible:
            for path in sorted(self.made, key=lambda path: -path.count("/")):
                with contextlib.suppress(OSError, TreeError):
                    os.rmdir(name_of(path), dir_fd=self.tree.at(parent_of(path)))

    def _not_begun(self, path: RelPath) -> WriteFile | PlannedWrite:
        wanted = self._wanted.get(path)
        if wanted is None or path in self.files:
            raise LocalProtocolError(f"the content of {path!r} is not awaited")
        return wanted

    def _rights_of(self, wanted: WriteFile | PlannedWrite) -> FileRights:
        before = self._replaced(wanted.path)
        return self.rights.of_file(told_mode=wanted.mode, before=before, new_mode=self._new_mode)

    def _replaced(self, path: RelPath) -> os.stat_result | None:
        """Return how the regular file looks that gives way to ``path``, if there is one."""
        folder = parent_of(path)
        if folder in self.made or self._obstacle(path) is not None:
            return None
        try:
            found = os.stat(name_of(path), dir_fd=self.tree.at(folder), follow_symlinks=False)
        except FileNotFoundError:
            return None
        return found if stat.S_ISREG(found.st_mode) else None

    def _begin(self, wanted: WriteFile | PlannedWrite, folder: RelPath) -> StagedFile:
        try:
            rights = self._rights_of(wanted)
            folder_fd = self.tree.at(folder)
            name, fd = create_temporary(folder_fd, self._token())
        except OSError as error:
            raise file_trouble(wanted.path, error) from error
        file = self.files[wanted.path] = StagedFile(
            wanted,
            fd=fd,
            folder=folder,
            name=name,
            rights=rights,
            is_synced=not (self._relies_on_sync_all and self.tree.is_one_disk),
            disk=self.disk,
            clock_ns=self._clock_ns,
        )
        return file

    def _resumed(self, wanted: PlannedWrite) -> StagedFile | None:
        """Go on with a file that was kept."""
        file = self._kept.take(wanted) if self._kept is not None else None
        if file is None:
            return None
        with contextlib.suppress(OSError, TreeError):
            rights = self._rights_of(wanted)
            if file.resume(self.tree.at(file.folder), wanted, rights=rights, disk=self.disk):
                self.files[wanted.path] = file
                return file
        self._drop(file)
        return None

    def _drop(self, file: StagedFile) -> None:
        file.close()
        with contextlib.suppress(OSError, TreeError):
            os.unlink(file.name, dir_fd=self.tree.at(file.folder))
