"""Putting watches on folders: the part that blocks, and belongs into a thread."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from sync_core.model.errors import UnsafeNameError
from sync_core.model.path import ROOT, RelPath, check_name, join
from sync_core.tree import inotify
from sync_core.tree.inotify import Inotify

__all__ = ["FOLDER_EVENTS", "ROOT_EVENTS", "Walked", "beside_loop", "counts", "watch_folder", "watch_folders"]

T = TypeVar("T")

FOLDER_EVENTS: Final = (
    inotify.CREATE
    | inotify.MODIFY
    | inotify.CLOSE_WRITE
    | inotify.MOVED_FROM
    | inotify.MOVED_TO
    | inotify.DELETE
    | inotify.ATTRIB
    | inotify.ONLYDIR
    | inotify.DONT_FOLLOW
    | inotify.EXCL_UNLINK
)
"""What matters in a folder; our own reading does not.

``EXCL_UNLINK``: who still writes a file whose name was given to another one meanwhile must not be heard under that
name; closing the old one would make the new one trusted.
"""

ROOT_EVENTS: Final = FOLDER_EVENTS | inotify.DELETE_SELF | inotify.MOVE_SELF

_NO_TROUBLE: Final = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG}
"""The folder has gone, is none, or can't be read by us: the scan sees that, and what follows is told by its parent."""


@dataclass(slots=True, kw_only=True)
class Walked:
    """What a walk did.

    Attributes:
        watched: watches by folder, as they were added.
        filled: of these folders, those that had something in them when their watch stood.
        rest: folders that are still to be walked.
        refused: why the kernel gives no more watches; the folder is the last of ``rest``.
    """

    watched: list[tuple[int, RelPath]] = field(default_factory=list)
    filled: set[RelPath] = field(default_factory=set)
    rest: list[RelPath]
    refused: OSError | None = None


def counts(name: str) -> bool:
    """Whether a name may belong to the tree: no leading dot, and allowed."""
    try:
        return not check_name(name).startswith(".")
    except UnsafeNameError:
        return False


def watch_folder(kernel: Inotify, root: Path, path: RelPath) -> int:
    """Watch one folder; return the number of its watch.

    Raises:
        OSError: it can't be watched.
    """
    return kernel.add(f"{root}/{path}", ROOT_EVENTS if path == ROOT else FOLDER_EVENTS)


def watch_folders(kernel: Inotify, root: Path, tops: Sequence[RelPath], *, most: int) -> Walked:
    """Watch folders with all that are below.

    Each is watched before it is listed, so that what is made in it is either listed or told of.

    Args:
        kernel: gets the watches.
        root: of the tree, without links.
        tops: where to begin.
        most: folders, after which the walk stops; ``rest`` says where to go on.
    """
    walked = Walked(rest=list(tops))
    while walked.rest and len(walked.watched) < most:
        path = walked.rest[-1]
        try:
            walked.watched.append((watch_folder(kernel, root, path), path))
        except OSError as error:
            if error.errno not in _NO_TROUBLE:
                walked.refused = error
                return walked
            walked.rest.pop()
            continue
        walked.rest.pop()
        _list_folder(root, path, walked)
    return walked


def _list_folder(root: Path, path: RelPath, walked: Walked) -> None:
    try:
        with os.scandir(f"{root}/{path}") as entries:
            for entry in entries:
                if counts(entry.name):
                    walked.filled.add(path)
                    if entry.is_dir(follow_symlinks=False):
                        walked.rest.append(join(path, entry.name))
    except OSError:
        return  # it has gone meanwhile, or can't be read: as when it can't be watched


async def beside_loop(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, done in a thread.

    Whoever is cancelled waits for the thread all the same: it uses an instance that is closed next.
    """
    job = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        await asyncio.wait([job])
        raise
