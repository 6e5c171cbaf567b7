"""Reading one file's content, to be sent: whole, or piece by piece."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from sync_core.model.errors import FileTroubleError
from sync_core.model.path import RelPath, name_of, parent_of
from sync_core.tree.ground import Ground, open_ground

__all__ = ["ContentReader", "OpenContent", "content_reader", "read_content"]


class OpenContent(NamedTuple):
    """A file that is open for reading.

    What is read may be the half of something newer: whoever knows the digest must compare it.

    Attributes:
        fd: open on it.
        path: its place in the tree.
        size_bytes: what it had when it was opened.
    """

    fd: int
    path: RelPath
    size_bytes: int

    def piece(self, offset: int, most_bytes: int) -> bytes:
        """Return at most ``most_bytes`` bytes from ``offset`` on; nothing at the end.

        Raises:
            FileTroubleError: it can't be read.
        """
        try:
            return os.pread(self.fd, most_bytes, offset)
        except OSError as error:
            raise FileTroubleError(f"{self.path!r} can't be read: {error.strerror}") from None


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

    @contextmanager
    def open(self, path: RelPath) -> Iterator[OpenContent]:
        """Give the file ``path``, open, following links only as a scan does.

        Raises:
            FileTroubleError: the file does not exist, can't be read, or is no regular file.
        """
        try:
            fd = self._open(path)
        except OSError as error:
            raise FileTroubleError(f"{path!r} can't be read: {error.strerror}") from None
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise FileTroubleError(f"{path!r} is not a file")
            yield OpenContent(fd, path, found.st_size)
        finally:
            os.close(fd)

    def _open(self, path: RelPath) -> int:
        parent = parent_of(path)
        if parent != self._parent:
            self.close()
            self._folder = self._way.enter_context(self._ground.descend(parent))
            self._parent = parent
        with self._ground.spot(self._folder, name_of(path)) as spot:
            return spot.folder.open_file(spot.name)


@contextmanager
def content_reader(root: Path) -> Iterator[ContentReader]:
    """Give a reader of the files below ``root``.

    Raises:
        RootVanishedError: the root does not exist.
        FileTroubleError: it is no folder, or can't be read.
    """
    with open_ground(root) as ground, closing(ContentReader(ground)) as reader:
        yield reader


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
    with content_reader(root) as reader, reader.open(path) as content:
        if content.size_bytes > max_bytes:
            raise FileTroubleError(f"{path!r} is bigger than {max_bytes} bytes")
        # One byte more than there was shows growth; whoever planned with a digest then sees that it changed.
        pieces, offset = [], 0
        while offset <= content.size_bytes and (piece := content.piece(offset, content.size_bytes + 1 - offset)):
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)
