"""The md5 of one file, together with what shows later that nobody has touched it since."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sync_core.model.manifest import Kind
from sync_core.model.observation import Observation
from sync_core.tree.ground import Folder

__all__ = ["RACY_NS", "digest_file", "is_current", "observe_stat"]

RACY_NS: Final = 2_000_000_000
"""A change this close to the hashing may hide behind equal time stamps (coarse clocks, FAT's 2 s): hash again."""

_CHUNK_BYTES: Final = 1 << 20
_TRIES: Final = 3


def observe_stat(found: os.stat_result, *, is_unreadable: bool = False) -> Observation:
    """Return what ``found`` says of a file, without its content."""
    return Observation(
        kind=Kind.FILE,
        size_bytes=found.st_size,
        mtime_ns=found.st_mtime_ns,
        ctime_ns=found.st_ctime_ns,
        inode=found.st_ino,
        is_unreadable=is_unreadable,
    )


def is_current(known: Observation, seen: Observation) -> bool:
    """Whether the md5 of ``known`` is surely still that of the file that now looks like ``seen``."""
    last_change_ns = max(known.mtime_ns, known.ctime_ns)
    return known.md5 is not None and known.signature == seen.signature and known.hashed_at_ns - last_change_ns > RACY_NS


def digest_file(folder: Folder, name: str, clock_ns: Callable[[], int]) -> Observation:
    """Return the file with its md5; without one if it changed each time while it was read.

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


def _digest_once(folder: Folder, name: str, clock_ns: Callable[[], int]) -> Observation:
    fd = folder.open_file(name)
    try:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(errno.EINVAL, "it is no longer a regular file")
        hashed_at_ns = clock_ns()
        md5 = _md5_of(fd, before.st_size)
        after = observe_stat(os.fstat(fd))
    finally:
        os.close(fd)
    if after.signature != observe_stat(before).signature:
        return after
    return replace(after, md5=md5, hashed_at_ns=hashed_at_ns)


def _md5_of(fd: int, size_bytes: int) -> str:
    """Return the md5 of at most one chunk more than ``size_bytes``: a file that grows for ever must not hold us."""
    digest = hashlib.md5(usedforsecurity=False)
    taken = 0
    while taken <= size_bytes and (chunk := os.read(fd, _CHUNK_BYTES)):
        digest.update(chunk)
        taken += len(chunk)
    return digest.hexdigest()
