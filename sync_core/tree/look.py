"""One look at what lies in folders that are open: the values, the troubles, the links."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from sync_core.model.edit import edited
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get
from sync_core.model.path import RelPath, join, name_bytes
from sync_core.model.scan import Trouble
from sync_core.tree.digest import digest_file, has_moved_on, is_current, seen_file
from sync_core.tree.ground import Ground, LinkError, OpenFolder, Spot
from sync_core.tree.hashing import BIG_BYTES, HashPool
from sync_core.tree.names import why_unfit

__all__ = ["Look"]


class Look:
    """Looks, and collects what it was told on the way.

    Args:
        ground: the root, which links must not leave.
        pool: reads the big files.
        clock_ns: the wall clock in nanoseconds.

    Attributes:
        troubles: what could not be read or must not be followed.
        links: the paths that are links.
    """

    def __init__(self, ground: Ground, pool: HashPool, clock_ns: Callable[[], int]) -> None:
        self.troubles: set[Trouble] = set()
        self.links: set[RelPath] = set()
        self._ground = ground
        self._pool = pool
        self._readings: list[tuple[RelPath, File, Future[File]]] = []
        self._clock_ns = clock_ns

    def into(self, folder: OpenFolder, path: RelPath, known: Entry | None) -> Folder:
        """Return what is in ``folder``; the very object ``known`` if nothing is different.

        Raises:
            OSError: it can't be listed.
        """
        before = known if isinstance(known, Folder) else EMPTY_FOLDER
        children, others = self._unchanged(folder, before)
        is_new = known is not before or before.is_unreadable
        for name in sorted(others, key=name_bytes):
            was = before.children.get(name)
            seen = self.at(folder, name, join(path, name), was)
            if seen is not None:
                children[name] = seen
            is_new |= seen is not was
        if not is_new and len(children) == len(before.children):
            return before
        return Folder({name: children[name] for name in sorted(children, key=name_bytes)})

    def _unchanged(self, folder: OpenFolder, before: Folder) -> tuple[dict[str, Entry], list[str]]:
        """Return the files that nobody touched, and the names of all else."""
        children: dict[str, Entry] = {}
        others: list[str] = []
        known = before.children.get
        with os.scandir(folder.fd) as entries:
            for entry in entries:
                name = entry.name
                was = known(name)
                if isinstance(was, File) and _is_untouched(was, entry):
                    children[name] = was
                elif not name.startswith("."):
                    others.append(name)
        return children, others

    def at(self, folder: OpenFolder, name: str, path: RelPath, known: Entry | None) -> Entry | None:
        """Return what ``name`` in ``folder`` is, ``None`` if nothing that counts; never fails.

        Args:
            folder: where it lies.
            name: may be anything.
            path: its place in the tree.
            known: what was there before; comes back if nothing is different.
        """
        if name.startswith("."):
            return None
        reason = why_unfit(name)
        if reason is not None:
            self.troubles.add(Trouble(path=path, reason=reason))
            return None
        try:
            with self._ground.spot(folder, name) as spot:
                if spot.folder is not folder:
                    self.links.add(path)
                return self._at_spot(spot, path, known)
        except (FileNotFoundError, NotADirectoryError):
            return None  # it vanished since its folder was listed
        except OSError as error:
            if isinstance(error, LinkError):
                self.links.add(path)
            missed = Folder(is_unreadable=True) if _is_folder(folder, name) else File(is_unreadable=True)
            return self._miss(path, error, missed, known)

    def _at_spot(self, spot: Spot, path: RelPath, known: Entry | None) -> Entry | None:
        if stat.S_ISDIR(spot.found.st_mode):
            with spot.folder.enter(spot.name) as inner:
                return self.into(inner, path, known)
        if stat.S_ISREG(spot.found.st_mode):
            return self._at_file(spot, path, known if isinstance(known, File) else None)
        self.troubles.add(Trouble(path=path, reason="it is neither a file nor a folder"))
        return None

    def _at_file(self, spot: Spot, path: RelPath, was: File | None) -> Entry | None:
        folder, name, found = spot
        if was is not None and is_current(was, found):
            return was
        placeholder = seen_file(found)
        if found.st_size >= BIG_BYTES and (outcome := self._pool.take(folder, name)) is not None:
            self._readings.append((path, placeholder, outcome))
            return placeholder
        try:
            seen = digest_file(folder, name, self._clock_ns)
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._miss(path, error, seen_file(found, is_unreadable=True), was)
        return was if was is not None and not has_moved_on(was, seen) else seen

    def finished(self, root: Folder) -> Folder:
        """Return ``root`` with what the pool read of it."""
        edits: dict[RelPath, Entry | None] = {}
        for path, placeholder, outcome in self._readings:
            if get(root, path) is not placeholder:
                continue  # its folder could not be read to the end, or was looked at once more
            try:
                edits[path] = outcome.result()
            except FileNotFoundError:
                edits[path] = None
            except OSError as error:
                edits[path] = self._miss(path, error, replace(placeholder, is_unreadable=True), None)
        return edited(root, edits) if edits else root

    def _miss(self, path: RelPath, error: OSError, seen: Entry, known: Entry | None) -> Entry:
        self.troubles.add(Trouble(path=path, reason=error.strerror or "it can't be read"))
        if isinstance(known, File) and isinstance(seen, File):
            return seen if has_moved_on(known, seen) else known
        return known if known is not None and known == seen else seen


def _is_untouched(known: File, entry: os.DirEntry[str]) -> bool:
    try:
        return is_current(known, entry.stat(follow_symlinks=False))
    except OSError:
        return False  # whatever is wrong with it shows at the closer look


def _is_folder(folder: OpenFolder, name: str) -> bool:
    """Whether ``name`` is a folder or a link to one, wherever that lies."""
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder.fd).st_mode)
    except OSError:
        return False
