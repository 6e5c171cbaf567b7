"""Changing folders below a root without being led out of it: every step is relative to an open folder.

The folders on the way to the one in use stay open, so that an update that goes through a tree in order opens each
folder once.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sync_core.model.errors import FileTroubleError, UnsafeNameError
from sync_core.model.path import ROOT, RelPath, name_of, parent_of
from sync_core.tree.disk import Disk
from sync_core.tree.ground import MAX_DEPTH, OPEN_FOLDER
from sync_core.tree.rights import NO_RIGHTS, Rights

__all__ = ["WritableTree", "open_writable"]

_log = logging.getLogger(__name__)

_OPEN_TOP: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
"""The root itself may be reached through links."""

_CANT_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP})
"""What file systems say that don't sync folders."""


class WritableTree:
    """A root that may be changed.

    Args:
        fd: open on the root; it stays the caller's.
        disk: where the root lies.
        rights: of the folders that are made.

    Attributes:
        fd: as given.
        is_one_disk: whether every folder that was opened lies on the root's file system.
    """

    def __init__(self, fd: int, disk: Disk, rights: Rights) -> None:
        self.fd = fd
        self.is_one_disk = True
        self._disk = disk
        self._rights = rights
        self._device = os.fstat(fd).st_dev
        self._names: list[str] = []
        self._fds = [fd]
        self._place = ROOT

    def at(self, path: RelPath) -> int:
        """Return a descriptor of the folder ``path``; it is closed by the next call for another folder.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            OSError: it does not exist, or can't be opened.
        """
        if path == self._place:
            return self._fds[-1]
        names = path.split("/") if path else []
        if len(names) >= MAX_DEPTH:
            raise OSError(errno.ENAMETOOLONG, "too many folders deep")
        shared = 0
        for ours, theirs in zip(self._names, names, strict=False):
            if ours != theirs:
                break
            shared += 1
        self.leave(shared)
        for name in names[shared:]:
            self._enter(name)
        return self._fds[-1]

    def both(self, above: RelPath, path: RelPath) -> tuple[int, int]:
        """Return descriptors of the folder ``path`` and of one of the folders above it, or of itself; see ``at``."""
        inner = self.at(path)
        return self._fds[above.count("/") + 1 if above else 0], inner

    def leave(self, depth: int = 0) -> None:
        """Close all but the root and so many folders: the next step looks anew what stands on its way."""
        while len(self._names) > depth:
            self._names.pop()
            _close(self._fds.pop())
        self._place = RelPath("/".join(self._names))

    def check(self, path: RelPath) -> None:
        """Make sure that ``path`` can be removed without going through a link.

        Raises:
            UnsafeNameError: a link stands where one of its folders must be.
            OSError: one of them can't be opened.
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self.at(parent_of(path))

    def make(self, path: RelPath) -> bool:
        """Make the folder ``path`` if it is not there; return whether it was made.

        Raises:
            UnsafeNameError: a link stands there, or above it.
            OSError: it can't be made; something else stands there.
        """
        try:
            os.mkdir(name_of(path), self._rights.birth_mode, dir_fd=self.at(parent_of(path)))
        except FileExistsError:
            self.at(path)
            return False
        if self._rights != NO_RIGHTS:
            self._give_rights(path)
        return True

    def _give_rights(self, path: RelPath) -> None:
        try:
            if self._rights.give_folder(fd := self.at(path)):
                _sync_folder(fd, self._disk)
        except OSError:
            os.rmdir(name_of(path), dir_fd=self.at(parent_of(path)))
            raise

    def remove(self, path: RelPath) -> bool:
        """Remove the file, link or folder ``path``, with all that is in it; return whether there was anything.

        Of a link the link goes, never its target.

        Raises:
            UnsafeNameError: a link stands where one of its folders must be.
            OSError: it can't be removed.
        """
        try:
            above, name = self.at(parent_of(path)), name_of(path)
            found = os.stat(name, dir_fd=above, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                shutil.rmtree(name, dir_fd=above)
            else:
                os.unlink(name, dir_fd=above)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def sync(self, path: RelPath) -> None:
        """Return when the names in the folder ``path`` are on the disk.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            OSError: the disk could not take them, or there is no such folder.
        """
        _sync_folder(self.at(path), self._disk)

    def _enter(self, name: str) -> None:
        above = self._fds[-1]
        try:
            fd = os.open(name, OPEN_FOLDER, dir_fd=above)
        except OSError:
            if _is_link(above, name):
                seen = "/".join((*self._names, name))
                raise UnsafeNameError(
                    f"{seen!r} is a link where a folder must be; nothing is written through it",
                    hint="remove the link, or put a real folder there",
                ) from None
            raise
        self._fds.append(fd)
        self._names.append(name)
        self._place = RelPath("/".join(self._names))
        if os.fstat(fd).st_dev != self._device:
            self.is_one_disk = False


def _is_link(fd: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    except OSError:
        return False


@contextmanager
def open_writable(root: Path, disk: Disk, rights: Rights = NO_RIGHTS) -> Iterator[WritableTree]:
    """Give ``root`` for changing; it is made if only it is missing.

    Raises:
        FileTroubleError: it can't be opened or made.
    """
    with contextlib.ExitStack() as opened:
        try:
            fd = _open_or_make(root, disk, rights)
            opened.callback(_close, fd)
            tree = WritableTree(fd, disk, rights)
        except FileNotFoundError:
            raise FileTroubleError(
                f"the folder {str(root)!r} can't be made: {str(root.parent)!r} does not exist",
                hint=f"make {str(root.parent)!r}, or mount it",
            ) from None
        except OSError as error:
            raise FileTroubleError(f"the folder {str(root)!r} can't be used: {error.strerror}") from None
        opened.callback(tree.leave)
        yield tree


def _open_or_make(root: Path, disk: Disk, rights: Rights) -> int:
    with contextlib.suppress(FileNotFoundError):
        return os.open(root, _OPEN_TOP)
    root.mkdir(rights.birth_mode)
    with contextlib.ExitStack() as undo:
        undo.callback(os.rmdir, root)  # who finds it takes it for one that is on the disk
        above = os.open(root.parent, _OPEN_TOP)
        try:
            _sync_folder(above, disk)
        finally:
            _close(above)
        fd = os.open(root, _OPEN_TOP | os.O_NOFOLLOW)
        undo.callback(_close, fd)
        if rights.give_folder(fd):
            _sync_folder(fd, disk)
        undo.pop_all()
    _log.info("made the folder %r", str(root))
    return fd


def _close(fd: int) -> None:
    """Close a folder. Nothing is lost by it, whatever the system says: what must be on the disk was synced."""
    with contextlib.suppress(OSError):
        os.close(fd)


def _sync_folder(fd: int, disk: Disk) -> None:
    try:
        disk.fsync(fd)
    except OSError as error:
        if error.errno not in _CANT_SYNC:
            raise
