"""Folders of run state, which nobody else may write to: what lies there decides which processes are ended.

Everything in them is opened without following links. Whoever could put one there, or a record of his own, would have
us write, read or end what is not his.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sync_core.model.errors import StateError

__all__ = ["cant_be_made", "make_own", "open_own", "opener"]

_ROOT: Final = 0
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def make_own(folder: Path, *, mode: int = 0o755) -> None:
    """Make a folder that nobody else may write to; one that is there must be that already.

    Args:
        folder: which.
        mode: of a new one. Into the state folder itself every user may go, since a host's agent may be somebody's own.

    Raises:
        StateError: it can't be made, or others may write to it.
    """
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        with open_own(folder):
            pass
    except OSError as error:
        raise cant_be_made(folder, error) from error


def cant_be_made(folder: Path, error: OSError) -> StateError:
    """Return why a state folder is not there, and what helps."""
    return StateError(
        f"the state folder {folder} can't be made: {error.strerror}",
        hint="set JSYNC_STATE_DIR to a folder that you may write to",
    )


@contextmanager
def open_own(folder: Path, *, within: int | None = None) -> Iterator[int]:
    """Give a descriptor of a state folder.

    Args:
        folder: which.
        within: an open folder, which holds that of one host: there no link may stand in its place, and for root it
            may be that of the user who runs the host's agent.

    Raises:
        StateError: others may write to it.
        OSError: it is not there, or can't be opened.
    """
    is_of_host = within is not None
    fd = os.open(folder.name, _OPEN | os.O_NOFOLLOW, dir_fd=within) if is_of_host else os.open(folder, _OPEN)
    try:
        _refuse_others(folder, os.fstat(fd), is_of_host=is_of_host)
        yield fd
    finally:
        os.close(fd)


def _refuse_others(folder: Path, found: os.stat_result, *, is_of_host: bool) -> None:
    me = os.geteuid()
    if found.st_uid not in {me, _ROOT} and not (is_of_host and me == _ROOT):
        raise StateError(
            f"the state folder {folder} belongs to the user {found.st_uid}, who could make us end any process",
            hint=f"chown -R {me} {folder}; or set JSYNC_STATE_DIR to a folder of your own",
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StateError(
            f"others may write to the state folder {folder}, and could make us end any process",
            hint=f"chmod 700 {folder}",
        )


def opener(name: str, flags: int, *, folder: int | None = None) -> int:
    """Open a file for ``open``: without following a link, without waiting for a fifo, and for its owner only.

    Args:
        name: of the file.
        flags: how it is opened.
        folder: an open folder that a relative name is looked up in.

    Raises:
        OSError: a link stands there, or it can't be opened.
    """
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=folder)
