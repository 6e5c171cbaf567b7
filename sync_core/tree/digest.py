"""The digests of one file, together with what shows later that nobody has touched it since."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from typing import Final

from sync_core.model.file import File, Stamp
from sync_core.tree.ground import OpenFolder

__all__ = ["digest_file", "has_moved_on", "is_current", "read_file", "seen_file", "stamp_of"]

_RACY_NS: Final = 2_000_000_000
"""A change this close to the hashing may hide behind equal time stamps (coarse clocks, FAT's 2 s): hash again."""

_CHUNK_BYTES: Final = 1 << 20
_TRIES: Final = 3
_NS_PER_S: Final = 1_000_000_000
_PERMISSIONS: Final = 0o777
_REGULAR: Final = stat.S_IFREG
_KIND_AND_PERMISSIONS: Final = 0o170777


def stamp_of(found: os.stat_result, *, hashed_at_ns: int = 0) -> Stamp:
    """Return how a file looks on its disk.

    Args:
        found: the file.
        hashed_at_ns: the wall clock in nanoseconds, read before its content was; 0 where it was not.
    """
    return Stamp(found.st_mtime_ns, found.st_ctime_ns, found.st_ino, hashed_at_ns)


def read_file(found: os.stat_result, *, md5: str | None, sha256: bytes | None, hashed_at_ns: int) -> File:
    """Return a file of known content as it is on its disk; ``hashed_at_ns`` as for ``stamp_of``."""
    return File(
        md5=md5,
        sha256=sha256,
        size_bytes=found.st_size,
        last_write_time=max(0, found.st_mtime_ns // _NS_PER_S),
        mode=found.st_mode & _PERMISSIONS,
        stamp=stamp_of(found, hashed_at_ns=hashed_at_ns),
    )


def seen_file(found: os.stat_result, *, is_unreadable: bool = False) -> File:
    """Return what ``found`` says of a file, without its content."""
    return File(size_bytes=found.st_size, is_unreadable=is_unreadable, stamp=stamp_of(found))


def is_current(known: File, found: os.stat_result) -> bool:
    """Whether the digests of ``known`` are surely still those of the file that now looks like ``found``."""
    stamp = known.stamp
    return (
        stamp is not None
        and known.md5 is not None
        and known.sha256 is not None
        and known.mode is not None
        and not known.is_unreadable
        and not known.is_settling
        and known.size_bytes == found.st_size
        and stamp.mtime_ns == found.st_mtime_ns
        and stamp.ctime_ns == found.st_ctime_ns
        and stamp.inode == found.st_ino
        and found.st_mode & _KIND_AND_PERMISSIONS == _REGULAR | known.mode
        and not _is_racy(stamp)
    )


def has_moved_on(known: File, seen: File) -> bool:
    """Whether ``seen`` says anything that ``known`` does not.

    A later reading of the same content says nothing more as long as it is too close to the last change, too: it has
    to be read again in any case. So a file from the future does not make a new tree with every look.
    """
    if known != seen or known.stamp is None or seen.stamp is None:
        return known != seen or known.stamp is not seen.stamp
    if known.stamp[:-1] != seen.stamp[:-1]:
        return True
    return known.stamp != seen.stamp and not _is_racy(seen.stamp)


def _is_racy(stamp: Stamp) -> bool:
    return stamp.hashed_at_ns - max(stamp.mtime_ns, stamp.ctime_ns) <= _RACY_NS


def digest_file(folder: OpenFolder, name: str, clock_ns: Callable[[], int]) -> File:
    """Return the file with its digests; without them if it changed each time while it was read.

    Args:
        folder: where it lies.
        name: must not be a link.
        clock_ns: the wall clock in nanoseconds.

    Raises:
        OSError: it can't be read, or is no regular file.
    """
    seen = _digest_once(folder, name, clock_ns)
    for _ in range(_TRIES - 1):
        if seen.md5 is None:
            seen = _digest_once(folder, name, clock_ns)
    return seen


def _digest_once(folder: OpenFolder, name: str, clock_ns: Callable[[], int]) -> File:
    fd = folder.open_file(name)
    try:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "it is no longer a regular file")
        hashed_at_ns = clock_ns()
        md5, sha256 = _digests_of(fd, before.st_size)
        after = os.fstat(fd)
    finally:
        os.close(fd)
    if (after.st_size, stamp_of(after)) != (before.st_size, stamp_of(before)):
        return seen_file(after)
    return read_file(after, md5=md5, sha256=sha256, hashed_at_ns=hashed_at_ns)


def _digests_of(fd: int, size_bytes: int) -> tuple[str, bytes]:
    """Return md5 and SHA-256 of at most one byte more than ``size_bytes``.

    A file that grows for ever must not hold us; the byte more makes sure that a grown one gets other digests.
    """
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    left = size_bytes + 1
    while left and (chunk := os.read(fd, min(left, _CHUNK_BYTES))):
        md5.update(chunk)
        sha256.update(chunk)
        left -= len(chunk)
    return md5.hexdigest(), sha256.digest()
