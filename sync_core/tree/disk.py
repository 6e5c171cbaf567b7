"""The calls of an update that decide what is left after a crash."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final

__all__ = ["FEW_FILES", "LOCAL_DISK", "Disk", "read_umask"]


FEW_FILES: Final = 8
"""Up to here every file is synced by itself. ``syncfs`` also waits for what others have written to that file system;
with 8 files of 2 kB it was three times as quick on ext4 (2.2 ms to 0.8 ms), with 128 five times (40 ms to 9 ms)."""


_REPORTS_ERRORS_SINCE: Final = (5, 8)
"""The Linux whose ``syncfs`` tells of contents that could not be written; an older one says all is well."""

_TRUSTED: Final = frozenset({0xEF53, 0x58465342, 0x9123683E, 0xF2F52010, 0x01021994})
"""ext2 to ext4, XFS, Btrfs, F2FS and tmpfs. Elsewhere (FUSE, network, overlays) ``syncfs`` may not reach the disk."""

_STATFS_BYTES: Final = 512
"""More than a ``struct statfs`` on any machine (120 bytes on 64 bits); its first word is the file system's type."""


class Disk:
    """Where an update writes: this machine's disks, by the calls that decide what is left after a crash.

    ``syncfs`` goes by ctypes, as Python has none. Every method raises ``OSError`` where the disk could not do it.

    Args:
        release: of the kernel, as ``uname`` tells it.
    """

    def __init__(self, release: str = os.uname().release) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._has_syncfs = _version(release) >= _REPORTS_ERRORS_SINCE and self._is_there()

    def write(self, fd: int, data: bytes | memoryview, /) -> int:
        """Write some of ``data``; return how many bytes that were."""
        return os.write(fd, data)

    def rename(self, source: str, target: str, /, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        """Put a file into the place of another, at once."""
        os.rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def fsync(self, fd: int, /) -> None:
        """Return when the file or folder is on the disk."""
        os.fsync(fd)

    def can_sync_all(self, fd: int, /) -> bool:
        """Whether ``sync_all`` is as good as ``fsync`` of everything on the file system of ``fd``.

        It is if ``syncfs`` is there, tells of errors, and reaches the disk.
        """
        found = (ctypes.c_ulong * (_STATFS_BYTES // ctypes.sizeof(ctypes.c_ulong)))()
        if not self._has_syncfs or self._libc.fstatfs(fd, found) != 0:
            return False
        return found[0] in _TRUSTED

    def sync_all(self, fd: int, /) -> None:
        """Return when everything on the file system of ``fd`` is on the disk."""
        if self._libc.syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def _is_there(self) -> bool:
        """Whether the system has ``syncfs`` and lets us call it: then it minds the descriptor, not the call."""
        try:
            return self._libc.syncfs(-1) != 0 and ctypes.get_errno() == errno.EBADF
        except AttributeError:
            return False


def _version(release: str) -> tuple[int, ...]:
    """Return the first two numbers of a kernel's release; nothing if there are none."""
    numbers = release.split(".")[:2]
    return tuple(int(number) for number in numbers) if all(number.isdecimal() for number in numbers) else ()


def read_umask() -> int:
    """Return the umask without changing it, as another thread may make a file at this moment.

    Where the kernel does not show it, 0o077 stands in: too few may read rather than too many.
    """
    try:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123 - read once an update, a Path costs as much again
            for line in status:
                if line.startswith(b"Umask:"):
                    return int(line[6:], 8)
    except OSError:
        pass
    return 0o077


LOCAL_DISK: Final = Disk()
