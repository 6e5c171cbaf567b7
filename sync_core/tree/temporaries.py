"""Our temporaries: ``.jsync-<16 hex digits>~`` beside the files that they become."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from sync_core.model.change import WriteFile
from sync_core.model.manifest import md5_of
from sync_core.model.path import name_of
from sync_core.tree.ground import OPEN_FOLDER

__all__ = ["clean_temporaries", "new_token", "sync_temporary", "write_temporary"]

_log = logging.getLogger(__name__)

_NAME: Final = re.compile(r"\.jsync-[0-9a-f]{16}~")
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK_BYTES: Final = 1 << 20


def new_token() -> str:
    """Return 16 random hex digits."""
    return secrets.token_hex(8)


def write_temporary(folder_fd: int, token: str, change: WriteFile, *, is_replacement: bool) -> str:
    """Write a file's new content beside its place, and read it back; return the temporary's name.

    It has the file's time, and the mode of the file that it is to replace, or what the umask gives. It is not on
    the disk for sure before ``sync_temporary``.

    Args:
        folder_fd: where to write.
        token: 16 hex digits.
        change: the file.
        is_replacement: whether the folder is the file's own, so that a file there gives its mode.

    Raises:
        OSError: it can't be written; nothing is left behind.
    """
    name = f".jsync-{token}~"
    fd = os.open(name, _CREATE, 0o666, dir_fd=folder_fd)
    try:
        _write(fd, change.content)
        if is_replacement:
            _take_mode(fd, folder_fd, name_of(change.path))
        os.utime(fd, (change.last_write_time, change.last_write_time))
    except BaseException:
        os.unlink(name, dir_fd=folder_fd)
        raise
    finally:
        os.close(fd)
    return name


def _write(fd: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]
    if _md5_on_disk(fd) != md5_of(content):
        raise OSError("what was written does not read back the same")


def _md5_on_disk(fd: int) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    offset = 0
    while chunk := os.pread(fd, _CHUNK_BYTES, offset):
        digest.update(chunk)
        offset += len(chunk)
    return digest.hexdigest()


def _take_mode(fd: int, folder_fd: int, name: str) -> None:
    """Give ``fd`` the permissions of the file ``name``, if there is one; we ourselves can read it in any case."""
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode):
            os.fchmod(fd, stat.S_IMODE(found.st_mode) & 0o777 | stat.S_IRUSR)


def sync_temporary(folder_fd: int, name: str) -> None:
    """Return when the temporary is on the disk.

    Raises:
        OSError: the disk could not take it.
    """
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


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
