"""Changing folders below a root without being led out of it: every step is relative to an open folder."""

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
from sync_core.model.path import RelPath, join, name_of, parent_of
from sync_core.tree.ground import OPEN_FOLDER

__all__ = ["WritableTree", "open_writable"]

_log = logging.getLogger(__name__)

_CANT_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP})
"""What file systems say that don't sync folders."""


class WritableTree:
    """A root that may be changed.

    Args:
        fd: open on the root.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @contextmanager
    def folder(self, path: RelPath) -> Iterator[int]:
        """Give a descriptor of the folder ``path``.

        Raises:
            UnsafeNameError: a link stands where a folder must be.
            OSError: it does not exist, or can't be opened.
        """
        fd = os.dup(self._fd)
        try:
            seen = RelPath("")
            for name in path.split("/") if path else []:
                seen = join(seen, name)
                fd = _step(fd, name, seen)
            yield fd
        finally:
            os.close(fd)

    def check(self, path: RelPath) -> None:
        """Make sure that ``path`` can be removed without going through a link.

        Raises:
            UnsafeNameError: a link stands where one of its folders must be.
            OSError: one of them can't be opened.
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.folder(parent_of(path)):
            pass

    def make(self, path: RelPath) -> bool:
        """Make the folder ``path`` if it is not there; return whether it was made.

        Raises:
            UnsafeNameError: a link stands there, or above it.
            OSError: it can't be made; something else stands there.
        """
        with self.folder(parent_of(path)) as above:
            try:
                os.mkdir(name_of(path), dir_fd=above)
            except FileExistsError:
                with self.folder(path):
                    return False
        return True

    def remove(self, path: RelPath) -> bool:
        """Remove the file, link or folder ``path``, with all that is in it; return whether there was anything.

        Of a link the link goes, never its target.

        Raises:
            UnsafeNameError: a link stands where one of its folders must be.
            OSError: it can't be removed.
        """
        try:
            with self.folder(parent_of(path)) as above:
                found = os.stat(name_of(path), dir_fd=above, follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    shutil.rmtree(name_of(path), dir_fd=above)
                else:
                    os.unlink(name_of(path), dir_fd=above)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def sync(self, path: RelPath) -> None:
        """Return when the names in the folder ``path`` are on the disk; harmless if it has gone meanwhile.

        Raises:
            OSError: the disk could not take them.
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.folder(path) as fd:
            try:
                os.fsync(fd)
            except OSError as error:
                if error.errno not in _CANT_SYNC:
                    raise


def _step(fd: int, name: str, seen: RelPath) -> int:
    """Return the folder ``name`` in ``fd``, open; ``fd`` is closed if that worked."""
    try:
        inner = os.open(name, OPEN_FOLDER, dir_fd=fd)
    except OSError:
        if _is_link(fd, name):
            raise UnsafeNameError(
                f"{seen!r} is a link where a folder must be; nothing is written through it",
                hint="remove the link, or put a real folder there",
            ) from None
        raise
    os.close(fd)
    return inner


def _is_link(fd: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    except OSError:
        return False


@contextmanager
def open_writable(root: Path) -> Iterator[WritableTree]:
    """Give ``root`` for changing; it is made if only it is missing.

    Raises:
        FileTroubleError: it can't be opened or made.
    """
    try:
        fd = _open_or_make(root)
    except FileNotFoundError:
        raise FileTroubleError(
            f"the folder {str(root)!r} can't be made: {str(root.parent)!r} does not exist",
            hint=f"make {str(root.parent)!r}, or mount it",
        ) from None
    except OSError as error:
        raise FileTroubleError(f"the folder {str(root)!r} can't be used: {error.strerror}") from None
    try:
        yield WritableTree(fd)
    finally:
        os.close(fd)


def _open_or_make(root: Path) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        return os.open(root, flags)
    except FileNotFoundError:
        root.mkdir()
        _log.info("made the folder %r", str(root))
        return os.open(root, flags)
