"""Our temporaries: ``.jsync-<16 hex digits>~`` beside the files that they become."""

from __future__ import annotations

import logging
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from sync_core.tree.ground import OPEN_FOLDER

__all__ = ["clean_temporaries", "create_temporary", "new_token"]

_log = logging.getLogger(__name__)

_NAME: Final = re.compile(r"\.jsync-[0-9a-f]{16}~")
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVATE: Final = 0o600
"""What a temporary is from birth: nobody else reads a key before its file has the permissions that it should have."""


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
