"""Our temporaries: ``.jsync-<16 hex digits>~`` beside the files that they become."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from sync_core.tree.disk import Disk
from sync_core.tree.ground import OPEN_FOLDER

__all__ = [
    "clean_temporaries",
    "create_temporary",
    "mode_of",
    "new_token",
    "remove_temporary",
    "seal",
    "write_temporary",
]

_log = logging.getLogger(__name__)

_NAME: Final = re.compile(r"\.jsync-[0-9a-f]{16}~")
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVATE: Final = 0o600
"""What a temporary is from birth: nobody else reads a key before its file has the permissions that it should have."""
_PERMISSIONS: Final = 0o777
_CHUNK_BYTES: Final = 1 << 20


def new_token() -> str:
    """Return 16 random hex digits."""
    return secrets.token_hex(8)


def create_temporary(folder_fd: int, token: str) -> tuple[str, int]:
    """Return the name of a new temporary in the folder, and a descriptor for writing and reading it.

    Only we ourselves can read it.

    Args:
        folder_fd: where to make it.
        token: 16 hex digits.

    Raises:
        OSError: it can't be made.
    """
    name = f".jsync-{token}~"
    return name, os.open(name, _CREATE, _PRIVATE, dir_fd=folder_fd)


def write_temporary(
    folder_fd: int, token: str, content: bytes, *, mode: int, time_s: int, disk: Disk, is_synced: bool
) -> str:
    """Write a file's new content beside its place, and read it back; return the temporary's name.

    Args:
        folder_fd: where to write.
        token: 16 hex digits.
        content: all of it.
        mode: see ``seal``.
        time_s: see ``seal``.
        disk: where the folder lies.
        is_synced: see ``seal``.

    Raises:
        OSError: it can't be written; nothing is left behind.
    """
    name, fd = create_temporary(folder_fd, token)
    try:
        written = disk.write(fd, content)
        while written < len(content):
            written += disk.write(fd, memoryview(content)[written:])
        _compare(fd, content)
        seal(fd, mode=mode, time_s=time_s, disk=disk, is_synced=is_synced)
    except BaseException:
        os.unlink(name, dir_fd=folder_fd)
        raise
    finally:
        os.close(fd)
    return name


def _compare(fd: int, content: bytes) -> None:
    """Read back what was written; in pieces, as a second copy of something big is not wanted."""
    if len(content) < _CHUNK_BYTES:
        is_same = os.pread(fd, len(content) + 1, 0) == content
    else:
        offsets = range(0, len(content), _CHUNK_BYTES)
        is_same = os.fstat(fd).st_size == len(content) and all(
            os.pread(fd, _CHUNK_BYTES, offset) == content[offset : offset + _CHUNK_BYTES] for offset in offsets
        )
    if not is_same:
        raise OSError("what was written does not read back the same")


def seal(fd: int, *, mode: int, time_s: int, disk: Disk, is_synced: bool) -> None:
    """Give a file its permissions and its time.

    Args:
        fd: open on it.
        mode: its permissions; never set-user-id and the like.
        time_s: its time in whole seconds since the epoch, UTC.
        disk: where it lies.
        is_synced: whether it is on the disk afterwards; else somebody else sees to that.

    Raises:
        OSError: that can't be done.
        OverflowError: there is no such time.
    """
    os.fchmod(fd, mode & _PERMISSIONS)
    os.utime(fd, (time_s, time_s))
    if is_synced:
        disk.fsync(fd)


def mode_of(folder_fd: int, name: str) -> int | None:
    """Return the permissions of the regular file ``name``; ``None`` where there is none.

    Reading is added for its owner, so that we can read what takes its place.
    """
    try:
        found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found.st_mode & _PERMISSIONS | stat.S_IRUSR if stat.S_ISREG(found.st_mode) else None


def remove_temporary(folder_fd: int, name: str) -> None:
    """Remove a temporary; harmless if it has gone.

    Raises:
        OSError: it can't be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder_fd)


def clean_temporaries(root: Path) -> int:
    """Remove what an update that broke off has left below ``root``; return how many files that were.

    Exactly regular files named ``.jsync-<16 hex digits>~`` go; ``x.job.xml~`` is somebody's file. To be called while
    no update runs, at start. Links are not followed; what can't be read is logged and stays.
    """
    try:
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    except OSError as error:
        _log.warning("%r can't be searched for left-over temporaries: %s", str(root), error.strerror)
        return 0
    return _clean_folder(fd, str(root))


def _clean_folder(fd: int, shown: str) -> int:
    """Clean the open folder ``fd`` and all below; closes it."""
    try:
        return sum(_clean_name(fd, name, f"{shown}/{name}") for name in os.listdir(fd))
    finally:
        os.close(fd)


def _clean_name(folder_fd: int, name: str, shown: str) -> int:
    try:
        found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            return _clean_folder(os.open(name, OPEN_FOLDER, dir_fd=folder_fd), shown)
        if stat.S_ISREG(found.st_mode) and _NAME.fullmatch(name):
            os.unlink(name, dir_fd=folder_fd)
            return 1
    except OSError as error:
        _log.warning("%r can't be searched for left-over temporaries: %s", shown, error.strerror)
    return 0
