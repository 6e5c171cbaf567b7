"""The way to a folder: the names, and the links among them, that decide which folder a path means.

To deploy is often to give a name to another folder: ``mv remote old; cp -a old remote``, ``ln -sfn releases/2
remote``. Nothing happens in the watched folder then; it happens to a name on the way there.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync_core.tree.inotify import Inotify, KernelEvent, Mask

__all__ = ["WatchedWay", "Way", "find_way", "follow", "watch_way"]

_WAY_EVENTS: Final = (
    Mask.CREATE | Mask.DELETE | Mask.MOVED_FROM | Mask.MOVED_TO | Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.ONLYDIR
)

_MOST_LINKS: Final = 40
"""As many as the kernel follows (``path_resolution(7)``)."""

_TRIES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a path leads now.

    Attributes:
        steps: each name that is looked up, with the folder in which; the last one may be missing.
        real: the folder's path without links; ``None`` where there is no such folder.
        identity: its device and inode.
    """

    steps: tuple[tuple[str, str], ...]
    real: Path | None = None
    identity: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedWay:
    """A way with watches on all the folders on it.

    Attributes:
        way: as it was when the watches stood.
        names: by watch, the names that matter.
    """

    way: Way
    names: dict[int, set[bytes]]

    def is_changed_by(self, event: KernelEvent) -> bool:
        """Whether after ``event`` the path may mean another folder."""
        if event.name:
            return event.name in self.names.get(event.watch, ())
        return event.watch in self.names and bool(event.mask & (Mask.DELETE_SELF | Mask.MOVE_SELF | Mask.IGNORED))


def find_way(root: Path) -> Way:
    """Return where ``root``, an absolute path, leads now."""
    steps: list[tuple[str, str]] = []
    try:
        folder = follow(os.fspath(root), lambda folder, name: steps.append((folder, name)))
        found = os.stat(folder, follow_symlinks=False)  # noqa: PTH116
    except OSError:
        return Way(steps=tuple(steps))
    if not stat.S_ISDIR(found.st_mode):
        return Way(steps=tuple(steps))
    return Way(steps=tuple(steps), real=Path(folder), identity=(found.st_dev, found.st_ino))


def follow(path: str, visit: Callable[[str, str], None]) -> str:
    """Return where an absolute path leads, without links.

    Args:
        path: the path.
        visit: called with each folder, without links, and the name in it, before that is looked up.

    Raises:
        OSError: a name on the way is not there, or too many are links.
    """
    names = _names(path)
    folder, links = "/", 0
    while names:
        name = names.pop()
        if name == "..":
            folder = os.path.dirname(folder)  # noqa: PTH120 - text without links
            continue
        visit(folder, name)
        place = os.path.join(folder, name)  # noqa: PTH118
        if not stat.S_ISLNK(os.lstat(place).st_mode):
            folder = place
            continue
        target = os.readlink(place)  # noqa: PTH115
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        names += _names(target)
        folder = "/" if target.startswith("/") else folder
    return folder


def watch_way(kernel: Inotify, root: Path) -> WatchedWay:
    """Watch the way to ``root``; blocks, so it belongs into a thread.

    A folder on it that may not be watched is left out: who looks at the way now and then sees the rest.

    Raises:
        OSError: the kernel gives no watches, or the way never stays the same.
    """
    way = find_way(root)
    for _ in range(_TRIES):
        names: dict[int, set[bytes]] = defaultdict(set)
        for folder, name in way.steps:
            try:
                names[kernel.add(folder, _WAY_EVENTS)].add(os.fsencode(name))
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                continue
        before, way = way, find_way(root)
        if way == before:
            return WatchedWay(way=way, names=dict(names))
    raise OSError(f"the way to {root} changes all the time")


def _names(path: str) -> list[str]:
    """Return the names of a path, the last one first."""
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]
