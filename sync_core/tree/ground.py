"""Reading below a root without being led out of it.

Folders are opened one name at a time and relative to the folder above, never through a link, so that a link planted
between a check and its use can't redirect anything. Links are followed on purpose only: resolved first, then opened
in the same careful way if they stay inside the root.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from sync_core.model.errors import FileTroubleError, RootVanishedError
from sync_core.model.path import RelPath

__all__ = ["MAX_DEPTH", "OPEN_FOLDER", "Ground", "LinkError", "OpenFolder", "Spot", "open_ground"]

MAX_DEPTH: Final = 64
"""Folders below folders; deeper ones are a mistake, or links that build a maze."""

OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""A folder, and never a link to one."""

# O_NONBLOCK: a fifo that takes a file's place meanwhile must not hang us.
_OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class LinkError(OSError):
    """A link that must not be followed, or a maze of them; ``strerror`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.ELOOP, reason)


class OpenFolder:
    """An open folder; used with ``with``, which closes it.

    Args:
        fd: open on the folder; owned from now on.
        real: its absolute path without links.
        chain: device and inode of the folders that led here, to see loops.
    """

    __slots__ = ("chain", "fd", "real")

    def __init__(self, fd: int, real: str, chain: tuple[tuple[int, int], ...]) -> None:
        self.fd = fd
        self.real = real
        self.chain = chain

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.fd)

    def stat(self, name: str) -> os.stat_result:
        """Return what ``name`` is; of a link, the link itself."""
        return os.stat(name, dir_fd=self.fd, follow_symlinks=False)

    def open_file(self, name: str) -> int:
        """Return a descriptor for reading ``name``, which must not be a link."""
        return os.open(name, _OPEN_FILE, dir_fd=self.fd)

    def enter(self, name: str) -> OpenFolder:
        """Return the folder ``name``, which must not be a link.

        Raises:
            LinkError: it is one of the folders that led here, or too deep.
            OSError: it can't be opened.
        """
        fd = os.open(name, OPEN_FOLDER, dir_fd=self.fd)
        identity = _identity(os.fstat(fd))
        if identity in self.chain or len(self.chain) >= MAX_DEPTH:
            os.close(fd)
            raise LinkError("the link leads in a circle" if identity in self.chain else "too many folders deep")
        return OpenFolder(fd, os.path.join(self.real, name), (*self.chain, identity))  # noqa: PTH118 - a bare name


class Spot(NamedTuple):
    """Where a name really lies.

    Attributes:
        folder: the folder, open; another one than was asked about where the name is a link.
        name: the name in it.
        found: what it is; never a link, unless somebody is faster than we.
    """

    folder: OpenFolder
    name: str
    found: os.stat_result


class Ground:
    """A root, which is also the boundary that links must not leave.

    Args:
        root: the folder itself, open.
        path: the root's path as it was given.
    """

    def __init__(self, root: OpenFolder, path: Path) -> None:
        self.root = root
        self._path = path

    @contextmanager
    def spot(self, folder: OpenFolder, name: str) -> Iterator[Spot]:
        """Give the place where ``name`` really lies, links followed.

        Raises:
            LinkError: a link that leads nowhere or out of the root.
            OSError: there is no such name, or it can't be looked at.
        """
        found = folder.stat(name)
        if not stat.S_ISLNK(found.st_mode):
            yield Spot(folder, name, found)
            return
        names = self._names_inside(_resolved(folder, name))
        target = OpenFolder(os.dup(self.root.fd), self.root.real, folder.chain)
        with ExitStack() as opened:
            opened.enter_context(target)
            for step in names[:-1]:
                inner = os.open(step, OPEN_FOLDER, dir_fd=target.fd)
                target = opened.enter_context(OpenFolder(inner, os.path.join(target.real, step), folder.chain))  # noqa: PTH118
            yield Spot(target, names[-1], target.stat(names[-1]))

    def _names_inside(self, real: str) -> list[str]:
        """Return the names that lead from the root to ``real``."""
        prefix = self.root.real.rstrip("/") + "/"
        if not real.startswith(prefix):
            raise LinkError(f"the link leads out of {self.root.real!r}")
        return real[len(prefix) :].split("/")

    @contextmanager
    def descend(self, path: RelPath) -> Iterator[OpenFolder]:
        """Give the folder ``path`` below the root, links followed.

        Raises:
            OSError: a name in it is no folder, or can't be entered.
        """
        with ExitStack() as opened:
            folder = self.root
            for name in path.split("/") if path else ():
                spot = opened.enter_context(self.spot(folder, name))
                folder = opened.enter_context(spot.folder.enter(spot.name))
            yield folder

    def check(self) -> None:
        """Make sure that the root is still where it was when it was opened.

        Raises:
            RootVanishedError: it is not, so what was seen below it means nothing.
        """
        try:
            is_same = _identity(self._path.stat()) == self.root.chain[0]
        except OSError:
            is_same = False
        if not is_same:
            raise RootVanishedError(f"the folder {str(self._path)!r} vanished while it was read")


def _resolved(folder: OpenFolder, name: str) -> str:
    try:
        return os.path.realpath(os.path.join(folder.real, name), strict=True)  # noqa: PTH118 - Path hides the errno
    except FileNotFoundError:
        raise LinkError("the link leads nowhere") from None
    except OSError as error:
        raise LinkError(f"the link can't be followed: {error.strerror}") from None


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


@contextmanager
def open_ground(root: Path) -> Iterator[Ground]:
    """Give ``root`` for reading.

    Raises:
        RootVanishedError: there is no such folder.
        FileTroubleError: it is no folder, or can't be read.
    """
    try:
        real = os.path.realpath(root, strict=True)
        fd = os.open(real, OPEN_FOLDER)
    except (FileNotFoundError, NotADirectoryError) as error:
        if isinstance(error, NotADirectoryError) and root.exists():
            raise FileTroubleError(f"{str(root)!r} is not a folder") from None
        raise RootVanishedError(f"the folder {str(root)!r} does not exist") from None
    except OSError as error:
        raise FileTroubleError(f"the folder {str(root)!r} can't be read: {error.strerror}") from None
    with OpenFolder(fd, real, (_identity(os.fstat(fd)),)) as folder:
        yield Ground(folder, root)
