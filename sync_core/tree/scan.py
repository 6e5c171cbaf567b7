"""Looking at a tree on disk: a full scan, or another look at the paths of which events spoke.

What can't be read or must not be followed never ends a scan: it is a trouble, and what has a name and a kind is in the
tree as unreadable, so that nobody takes it for removed. What nobody touched costs a look at its name and its stamp;
the very same objects come back for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from sync_core.model.edit import edited
from sync_core.model.errors import FileTroubleError
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get
from sync_core.model.path import ROOT, RelPath, ancestors, lies_below, name_of, parent_of, sort_key
from sync_core.model.scan import Scan, Trouble
from sync_core.tree.ground import Ground, open_ground
from sync_core.tree.hashing import HashPool
from sync_core.tree.look import Look

__all__ = ["rescan", "scan"]


def scan(
    root: Path,
    *,
    known: Folder = EMPTY_FOLDER,
    clock_ns: Callable[[], int] = time.time_ns,
) -> Scan:
    """Return what is below ``root``; names that begin with ``.`` are ignored at every level (section 3.3).

    Args:
        root: the folder.
        known: the tree of an earlier look; a file that nobody touched since is taken from there, and so is a folder
            in which everything is as it was.
        clock_ns: the wall clock in nanoseconds.

    Raises:
        RootVanishedError: there is no such folder, or it vanished meanwhile.
        FileTroubleError: it is no folder, or can't be read.
    """
    with open_ground(root) as ground, HashPool(clock_ns) as pool:
        look = Look(ground, pool, clock_ns)
        try:
            seen = look.into(ground.root, ROOT, known)
        except OSError as error:
            raise FileTroubleError(f"the folder {str(root)!r} can't be read: {error.strerror}") from None
        seen = look.finished(seen)
        ground.check()
    return Scan(root=seen, troubles=_sorted(look.troubles), links=frozenset(look.links))


def rescan(
    root: Path,
    previous: Scan,
    dirty: Iterable[RelPath],
    *,
    clock_ns: Callable[[], int] = time.time_ns,
) -> Scan:
    """Return ``previous`` brought up to date where ``dirty`` says that something happened.

    It equals a full scan if all that changed lies at or below a dirty path, or shows through a link, which is always
    looked at again. It costs what is dirty, not what is there.

    Args:
        root: the folder.
        previous: the last scan of it.
        dirty: paths to look at again, folders with all that is below; they need not exist.
        clock_ns: the wall clock in nanoseconds.

    Raises:
        RootVanishedError: there is no such folder, or it vanished meanwhile.
        FileTroubleError: it is no folder, or can't be read.
    """
    tops = {_unknown_top(path, previous.root) for path in (*dirty, *previous.links)}
    if ROOT in tops:
        return scan(root, known=previous.root, clock_ns=clock_ns)
    with open_ground(root) as ground, HashPool(clock_ns) as pool:
        look = Look(ground, pool, clock_ns)
        edits: dict[RelPath, Entry | None] = {}
        _look_at(sorted(tops, key=sort_key), previous.root, ground, look, edits)
        seen = look.finished(
            edited(previous.root, {path: edits[path] for path in edits if not lies_below(path, edits)})
        )
        ground.check()
    troubles = look.troubles | {trouble for trouble in previous.troubles if not _is_covered(trouble.path, edits)}
    links = look.links.union(path for path in previous.links if not _is_covered(path, edits))
    return Scan(root=seen, troubles=_sorted(troubles), links=frozenset(links))


def _look_at(
    paths: Iterable[RelPath], known: Folder, ground: Ground, look: Look, edits: dict[RelPath, Entry | None]
) -> None:
    """Look at ``paths``, or at the first folder on the way to one that is gone or no longer one."""
    inside: dict[RelPath, list[RelPath]] = {}
    for path in paths:
        inside.setdefault(parent_of(path), []).append(path)
    for above, inner in inside.items():
        try:
            with ground.descend(above) as folder:
                for path in inner:
                    edits[path] = look.at(folder, name_of(path), path, get(known, path))
        except OSError:
            _look_at([above], known, ground, look, edits)  # ends at a first-level name, whose folder is the root


def _unknown_top(path: RelPath, known: Folder) -> RelPath:
    """Return the outermost folder of ``path`` that was not seen before, or the path itself."""
    place = known
    for folder in ancestors(path):
        inner = place.children.get(name_of(folder))
        if not isinstance(inner, Folder) or inner.is_unreadable:
            return folder
        place = inner
    return path


def _is_covered(path: RelPath, tops: dict[RelPath, Entry | None]) -> bool:
    return path in tops or lies_below(path, tops)


def _sorted(troubles: Iterable[Trouble]) -> tuple[Trouble, ...]:
    return tuple(sorted(troubles, key=lambda trouble: (sort_key(trouble.path), trouble.reason)))
