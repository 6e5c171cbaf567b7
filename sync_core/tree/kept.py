"""Files of an update that was broken off, kept for the next one: what is there of something big is not sent again."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Final, NamedTuple

from sync_core.model.path import RelPath
from sync_core.tree.contents import Digests

__all__ = ["Kept", "KeptFiles", "identity_of", "open_kept"]

_OPEN_KEPT: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Kept(NamedTuple):
    """A file of an update that was broken off.

    Attributes:
        folder: where the temporary lies.
        name: its name there.
        identity: inode, size in bytes and the nanoseconds of its last change: nobody has touched it since.
        digests: of what it holds.
    """

    folder: RelPath
    name: str
    identity: tuple[int, int, int]
    digests: Digests


class KeptFiles:
    """Files of updates that were broken off, for the next update that wants the same content at the same path.

    Args:
        most: how many; beyond that the oldest goes.
    """

    def __init__(self, *, most: int = 16) -> None:
        self._most = most
        self._files: OrderedDict[tuple[RelPath, bytes], Kept] = OrderedDict()

    def put(self, path: RelPath, sha256: bytes, kept: Kept) -> list[Kept]:
        """Keep a file; return those that are no longer kept, so that their temporaries can go."""
        outdated = [key for key in self._files if key[0] == path]
        gone = [self._files.pop(key) for key in outdated]
        self._files[path, sha256] = kept
        while len(self._files) > self._most:
            gone.append(self._files.popitem(last=False)[1])
        return gone

    def take(self, path: RelPath, sha256: bytes) -> Kept | None:
        """Return the file if it is kept; it is the caller's from now on."""
        return self._files.pop((path, sha256), None)


def open_kept(folder_fd: int, kept: Kept) -> int | None:
    """Return a descriptor of the temporary of ``kept``; ``None`` if it is no longer what it was."""
    try:
        fd = os.open(kept.name, _OPEN_KEPT, dir_fd=folder_fd)
    except OSError:
        return None
    if identity_of(fd) == kept.identity:
        return fd
    os.close(fd)
    return None


def identity_of(fd: int) -> tuple[int, int, int]:
    """Return inode, size in bytes and the nanoseconds of the last change of an open file."""
    found = os.fstat(fd)
    return found.st_ino, found.st_size, found.st_ctime_ns
