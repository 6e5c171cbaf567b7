"""Looking at a tree on disk: a full scan, or another look at the paths of which events spoke.

What can't be read or must not be followed never ends a scan: it is a trouble, and what has a name and a kind is
observed as unreadable, so that nobody takes it for removed.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from sync_core.model.errors import UnsafeNameError
from sync_core.model.manifest import Kind
from sync_core.model.observation import Observation, Observations, Scan, Trouble
from sync_core.model.path import ROOT, RelPath, ancestors, check_name, join, parent_of, sort_key
from sync_core.tree.digest import digest_file, is_current, observe_stat
from sync_core.tree.ground import Folder, Ground, LinkError, Spot, open_ground

__all__ = ["rescan", "scan", "why_unfit"]

_FOLDER = Observation(kind=Kind.DIRECTORY)


def scan(
    root: Path,
    *,
    known: Observations | None = None,
    clock_ns: Callable[[], int] = time.time_ns,
    within: Path | None = None,
) -> Scan:
    """Return what is below ``root``; names that begin with ``.`` are ignored at every level (section 3.3).

    Args:
        root: the folder.
        known: earlier observations; the md5 of a file that nobody touched since is taken from there.
        clock_ns: the wall clock in nanoseconds.
        within: the folder inside which links may lead; ``None`` for the root itself.

    Raises:
        RootVanishedError: there is no such folder, or it vanished meanwhile.
        FileTroubleError: it is no folder, or can't be read.
    """
    with open_ground(root, within) as ground:
        look = _Look(ground, known or {}, clock_ns)
        look.into(ground.root, ROOT)
        ground.check()
    return look.result(Scan())


def rescan(
    root: Path,
    previous: Scan,
    dirty: Iterable[RelPath],
    *,
    clock_ns: Callable[[], int] = time.time_ns,
    within: Path | None = None,
) -> Scan:
    """Return ``previous`` brought up to date where ``dirty`` says that something happened.

    It equals a full scan if all that changed lies at or below a dirty path, or shows through a link, which is always
    looked at again.

    Args:
        root: the folder.
        previous: the last scan of it.
        dirty: paths to look at again, folders with all that is below; they need not exist.
        clock_ns: the wall clock in nanoseconds.
        within: the folder inside which links may lead; ``None`` for the root itself.

    Raises:
        RootVanishedError: there is no such folder, or it vanished meanwhile.
        FileTroubleError: it is no folder, or can't be read.
    """
    tops = {_unknown_top(path, previous) for path in (*dirty, *previous.links)}
    if ROOT in tops:
        return scan(root, known=previous.observations, clock_ns=clock_ns, within=within)
    with open_ground(root, within) as ground:
        look = _Look(ground, previous.observations, clock_ns)
        for path in sorted(tops, key=sort_key):
            if not any(folder in tops for folder in ancestors(path)):
                look.at_path(path)
        ground.check()
    return look.result(previous)


def _unknown_top(path: RelPath, previous: Scan) -> RelPath:
    """Return the outermost folder of ``path`` that was not seen before, or the path itself."""
    for folder in ancestors(path):
        seen = previous.observations.get(folder)
        if seen is None or seen.kind is not Kind.DIRECTORY or seen.is_unreadable:
            return folder
    return path


def why_unfit(name: str) -> str | None:
    """Return why ``name`` can't travel: as a name (``check_name``), or as text of a document (XML 1.0)."""
    try:
        check_name(name)
    except UnsafeNameError as error:
        return str(error)
    if any(character < " " and character not in "\t\n\r" for character in name):
        return f"the name {name!r} is not allowed: it contains a control character"
    return None


class _Look:
    """One look: collects observations and troubles."""

    def __init__(self, ground: Ground, known: Observations, clock_ns: Callable[[], int]) -> None:
        self._ground = ground
        self._known = known
        self._clock_ns = clock_ns
        self._seen: dict[RelPath, Observation] = {}
        self._troubles: set[Trouble] = set()
        self._links: set[RelPath] = set()
        self._tops: set[RelPath] = set()

    def result(self, before: Scan) -> Scan:
        """Return what was seen, laid over what was known of the paths that were not looked at."""
        kept = {path: seen for path, seen in before.observations.items() if not self._is_covered(path)}
        troubles = self._troubles | {trouble for trouble in before.troubles if not self._is_covered(trouble.path)}
        return Scan(
            observations=kept | self._seen,
            troubles=tuple(sorted(troubles, key=lambda trouble: (sort_key(trouble.path), trouble.reason))),
            links=frozenset(self._links.union(path for path in before.links if not self._is_covered(path))),
        )

    def _is_covered(self, path: RelPath) -> bool:
        return path in self._tops or any(folder in self._tops for folder in ancestors(path))

    def at_path(self, path: RelPath) -> None:
        """Look at ``path``, or at the first folder on the way to it that is gone or no longer one."""
        *folders, name = path.split("/")
        try:
            with self._ground.descend(folders) as folder:
                self._tops.add(path)
                self.at(folder, name, path)
        except OSError:
            self.at_path(parent_of(path))  # ends at a first-level name, whose folder is the root

    def into(self, folder: Folder, path: RelPath) -> None:
        """Look at everything in ``folder``, which is open."""
        for name in folder.names():
            self.at(folder, name, join(path, name))

    def at(self, folder: Folder, name: str, path: RelPath) -> None:
        """Look at one name; never fails."""
        if name.startswith("."):
            return
        reason = why_unfit(name)
        if reason is not None:
            self._troubles.add(Trouble(path=path, reason=reason))
            return
        try:
            with self._ground.spot(folder, name) as spot:
                if spot.is_link:
                    self._links.add(path)
                self._at_spot(spot, path)
        except (FileNotFoundError, NotADirectoryError):
            self._seen.pop(path, None)  # it vanished since its folder was listed
        except OSError as error:
            if isinstance(error, LinkError):
                self._links.add(path)
            self._miss(path, error, _FOLDER if _is_folder(folder, name) else Observation(kind=Kind.FILE))

    def _at_spot(self, spot: Spot, path: RelPath) -> None:
        if stat.S_ISDIR(spot.found.st_mode):
            with spot.folder.enter(spot.name) as inner:
                self._seen[path] = _FOLDER
                self.into(inner, path)
        elif stat.S_ISREG(spot.found.st_mode):
            self._at_file(spot, path)
        else:
            self._troubles.add(Trouble(path=path, reason="it is neither a file nor a folder"))

    def _at_file(self, spot: Spot, path: RelPath) -> None:
        known = self._known.get(path)
        if known is not None and is_current(known, observe_stat(spot.found)):
            self._seen[path] = known
            return
        try:
            self._seen[path] = digest_file(spot.folder, spot.name, self._clock_ns)
        except FileNotFoundError:
            return
        except OSError as error:
            self._miss(path, error, observe_stat(spot.found))

    def _miss(self, path: RelPath, error: OSError, seen: Observation) -> None:
        self._seen[path] = replace(seen, is_unreadable=True)
        self._troubles.add(Trouble(path=path, reason=error.strerror or "it can't be read"))


def _is_folder(folder: Folder, name: str) -> bool:
    """Whether ``name`` is a folder or a link to one, wherever that lies."""
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder.fd).st_mode)
    except OSError:
        return False
