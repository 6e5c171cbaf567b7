"""Putting watches on folders: the part that blocks, and belongs into a thread."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sync_core.model.errors import UnsafeNameError
from sync_core.model.path import ROOT, RelPath, check_name, join
from sync_core.tree.inotify import Inotify, Mask

__all__ = ["Walked", "counts", "watch_folder", "watch_folders"]

_FOLDER_EVENTS: Final = (
    Mask.CREATE
    | Mask.MODIFY
    | Mask.CLOSE_WRITE
    | Mask.MOVED_FROM
    | Mask.MOVED_TO
    | Mask.DELETE
    | Mask.ATTRIB
    | Mask.ONLYDIR
    | Mask.DONT_FOLLOW
    | Mask.EXCL_UNLINK
)
"""What matters in a folder; our own reading does not.

``EXCL_UNLINK``: who still writes a file whose name was given to another one meanwhile must not be heard under that
name; closing the old one would make the new one trusted.
"""

_ROOT_EVENTS: Final = _FOLDER_EVENTS | Mask.DELETE_SELF | Mask.MOVE_SELF

_FOLDERS_AT_ONCE: Final = 500
"""Walked before the loop takes over what was added."""

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
    return kernel.add(f"{root}/{path}", _ROOT_EVENTS if path == ROOT else _FOLDER_EVENTS)


def watch_folders(kernel: Inotify, root: Path, tops: Sequence[RelPath]) -> Walked:
    """Watch folders with all that are below.

    Each is watched before it is listed, so that what is made in it is either listed or told of.

    Args:
        kernel: gets the watches.
        root: of the tree, without links.
        tops: where to begin; ``rest`` says where to go on.
    """
    walked = Walked(rest=list(tops))
    while walked.rest and len(walked.watched) < _FOLDERS_AT_ONCE:
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
