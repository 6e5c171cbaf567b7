"""Reading one file's content, to be sent: whole, or piece by piece."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sync_core.model.errors import FileTroubleError
from sync_core.model.path import RelPath, name_of, parent_of
from sync_core.tree.ground import Ground, open_ground

__all__ = ["ContentReader", "OpenContent", "content_reader", "open_content", "read_content"]


class OpenContent:
    """A file that is open for reading; used with ``with``, or closed by whoever keeps it.

    What is read may be the half of something newer: whoever knows the digest must compare it.

    Args:
        fd: open on it; owned from now on.
        path: its place in the tree, for the words of errors.
        size_bytes: what it had when it was opened.

    Attributes:
        path: as given.
        size_bytes: as given.
    """

    __slots__ = ("_fd", "path", "size_bytes")

    def __init__(self, fd: int, path: RelPath, size_bytes: int) -> None:
        self._fd = fd
        self.path = path
        self.size_bytes = size_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def piece(self, offset: int, most_bytes: int) -> bytes:
        """Return at most ``most_bytes`` bytes from ``offset`` on; nothing at the end.

        It keeps no place of its own, so that pieces may be asked for in any order and from any thread.

        Raises:
            FileTroubleError: it can't be read.
        """
        try:
            return os.pread(self._fd, most_bytes, offset)
        except OSError as error:
            raise FileTroubleError(f"{self.path!r} can't be read: {error.strerror}") from None

    def close(self) -> None:
        """Close it, when no piece is being read; doing so again is harmless."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class ContentReader:
    """Opens files below one root; of files of one folder that come one after the other the way there is gone once.

    Args:
        ground: the root, open.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._way = ExitStack()
        self._parent: RelPath | None = None
        self._folder = ground.root

    def close(self) -> None:
        """Leave the folder of the last file."""
        self._parent = None
        self._way.close()

    def open(self, path: RelPath) -> OpenContent:
        """Open the file ``path``, following links only as a scan does.

        Raises:
            FileTroubleError: the file does not exist, can't be read, or is no regular file.
        """
        try:
            self._enter(parent_of(path))
            return self._opened(path)
        except OSError as error:
            raise FileTroubleError(f"{path!r} can't be read: {error.strerror}") from None

    def _enter(self, parent: RelPath) -> None:
        if parent != self._parent:
            self.close()
            self._folder = self._way.enter_context(self._ground.descend(parent))
            self._parent = parent

    def _opened(self, path: RelPath) -> OpenContent:
        with self._ground.spot(self._folder, name_of(path)) as spot:
            fd = spot.folder.open_file(spot.name)
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise FileTroubleError(f"{path!r} is not a file")
        except BaseException:
            os.close(fd)
            raise
        return OpenContent(fd, path, found.st_size)


@contextmanager
def content_reader(root: Path) -> Iterator[ContentReader]:
    """Give a reader of the files below ``root``.

    Raises:
        RootVanishedError: the root does not exist.
        FileTroubleError: it is no folder, or can't be read.
    """
    with open_ground(root) as ground, closing(ContentReader(ground)) as reader:
        yield reader


def open_content(root: Path, path: RelPath) -> OpenContent:
    """Open the file ``path`` below ``root``, following links only as a scan does.

    Raises:
        RootVanishedError: the root does not exist.
        FileTroubleError: the file does not exist, can't be read, or is no regular file.
    """
    with content_reader(root) as reader:
        return reader.open(path)


def read_content(root: Path, path: RelPath, *, max_bytes: int) -> bytes:
    """Return the content of the file ``path`` below ``root``, following links only as a scan does.

    Args:
        root: the tree's folder.
        path: the file.
        max_bytes: a bigger file is refused.

    Raises:
        RootVanishedError: the root does not exist.
        FileTroubleError: the file does not exist, can't be read, is no regular file, or is too big.
    """
    with open_content(root, path) as content:
        if content.size_bytes > max_bytes:
            raise FileTroubleError(f"{path!r} is bigger than {max_bytes} bytes")
        # One byte more than there was shows growth; whoever planned with a digest then sees that it changed.
        pieces, offset = [], 0
        while offset <= content.size_bytes and (piece := content.piece(offset, content.size_bytes + 1 - offset)):
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)
