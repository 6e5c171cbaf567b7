"""Bringing a tree in line with changes: staged completely, then made visible file by file.

1. Everything is checked before anything is written: names, ``max_delete``.
2. Every file of the update is written to a temporary beside its place and read back; new folders are made.
3. The temporaries are renamed into place, in document order; what gives way to another kind is removed just before.
   All other removals come last, deepest first.

A failure in 1 or 2 leaves the old tree. Breaking off in 3 leaves every file either old or new, and the next update
finishes the work. Folders are opened one name at a time and never through a link, so nothing outside the root can be
reached, whatever is planted in the tree meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sync_core.model.change import Changes, MakeDirectory, Remove, WriteFile
from sync_core.model.errors import FileTroubleError, TreeError
from sync_core.model.inventory import MaxDelete
from sync_core.model.manifest import Manifest
from sync_core.model.path import ROOT, RelPath, ancestors, name_of, parent_of
from sync_core.tree.temporaries import new_token, sync_temporary, write_temporary
from sync_core.tree.update import check_removals, split_hidden, with_removals
from sync_core.tree.writable import WritableTree, open_writable

__all__ = ["Applied", "apply_changes"]

_HINTS: Final = {
    errno.ENOSPC: "free some space on that file system",
    errno.EDQUOT: "the disk quota of this user is used up",
    errno.EACCES: "this user needs the right to write there",
    errno.EPERM: "this user needs the right to write there",
    errno.EROFS: "the file system is mounted read-only",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What an update did.

    Attributes:
        written: files with new content, in document order.
        made: folders that were not there before, in document order.
        removed: what went, in the order in which it went; a folder stands for all that was in it.
        skipped: changes that were ignored, since a name in their path begins with ``.``.
    """

    written: tuple[RelPath, ...] = ()
    made: tuple[RelPath, ...] = ()
    removed: tuple[RelPath, ...] = ()
    skipped: tuple[RelPath, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the tree is as it was."""
        return not (self.written or self.made or self.removed)


def apply_changes(
    root: Path, changes: Changes, *, before: Manifest, max_delete: MaxDelete, token: Callable[[], str] = new_token
) -> Applied:
    """Bring the tree at ``root`` in line with ``changes``; return what was done.

    Nobody else may change the tree at the same time. What is gone already need not be removed.

    Args:
        root: the folder; it is made if only it is missing.
        changes: in document order.
        before: the tree as it was listed, to count removals.
        max_delete: most files that may vanish.
        token: gives 16 random hex digits.

    Raises:
        UnsafeNameError: a name is not allowed, or a link stands where a folder must be; it is named.
        TooManyRemovalsError: too many files would vanish; nothing was done.
        FileTroubleError: something could not be written, as on a full disk; every file is old or new.
    """
    counted, skipped = split_hidden(changes)
    complete = with_removals(counted, before)
    check_removals(complete, before, max_delete)
    with open_writable(root) as tree:
        update = _Update(tree, complete, token)
        try:
            update.stage()
            update.show()
        except BaseException:
            update.undo()
            raise
    return Applied(
        written=tuple(update.written), made=update.made_in_order(), removed=tuple(update.removed), skipped=skipped
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    """A temporary: the folder that holds it, and its name there."""

    folder: RelPath
    name: str


class _Update:
    """One update under way."""

    def __init__(self, tree: WritableTree, changes: Changes, token: Callable[[], str]) -> None:
        self._tree = tree
        self._changes = changes
        self._token = token
        self._staged: dict[RelPath, _Staged] = {}
        self._made: set[RelPath] = set()
        self._touched: set[RelPath] = set()
        self._is_visible = False
        self.written: list[RelPath] = []
        self.removed: list[RelPath] = []

    def made_in_order(self) -> tuple[RelPath, ...]:
        """Return the folders that were made."""
        folders = (change.path for change in self._changes if isinstance(change, MakeDirectory))
        return tuple(path for path in folders if path in self._made)

    def stage(self) -> None:
        """Write everything new beside its place, where nobody sees it."""
        going: set[RelPath] = set()
        for change in self._changes:
            with _named(change.path):
                if isinstance(change, WriteFile):
                    self._stage_file(change, going)
                elif isinstance(change, Remove):
                    self._tree.check(_obstacle(change.path, going) or change.path)
                    going.add(change.path)
                elif _obstacle(change.path, going) is None:  # else it is made when that has gone
                    self._make(change.path)
        for path, staged in self._staged.items():
            with _named(path), self._tree.folder(staged.folder) as fd:
                sync_temporary(fd, staged.name)

    def _stage_file(self, change: WriteFile, going: set[RelPath]) -> None:
        if change.path in self._staged:
            raise FileTroubleError(f"{change.path!r} stands twice in one update")
        obstacle = _obstacle(change.path, going)
        folder = parent_of(obstacle or change.path)
        with self._tree.folder(folder) as fd:
            name = write_temporary(fd, self._token(), change, is_replacement=obstacle is None)
        self._staged[change.path] = _Staged(folder=folder, name=name)

    def _make(self, path: RelPath) -> None:
        if self._tree.make(path):
            self._made.add(path)
            self._touched.add(parent_of(path))

    def show(self) -> None:
        """Rename everything into place, then remove what is to go."""
        self._is_visible = True
        renewed = {change.path for change in self._changes if not isinstance(change, Remove)}
        later: list[RelPath] = []
        for change in self._changes:
            with _named(change.path):
                if isinstance(change, WriteFile):
                    self._rename(change.path)
                elif isinstance(change, MakeDirectory):
                    self._make(change.path)
                elif change.path in renewed:
                    self._remove(change.path)
                else:
                    later.append(change.path)
        for path in sorted(later, key=lambda path: -path.count("/")):
            with _named(path):
                self._remove(path)
        for path in sorted(self._touched):
            with _named(path):
                self._tree.sync(path)

    def _rename(self, path: RelPath) -> None:
        staged = self._staged[path]
        with self._tree.folder(staged.folder) as source, self._tree.folder(parent_of(path)) as target:
            os.rename(staged.name, name_of(path), src_dir_fd=source, dst_dir_fd=target)
        del self._staged[path]
        self.written.append(path)
        self._touched.update((staged.folder, parent_of(path)))

    def _remove(self, path: RelPath) -> None:
        if self._tree.remove(path):
            self.removed.append(path)
            self._touched.add(parent_of(path))

    def undo(self) -> None:
        """Remove the temporaries, and the new folders if nothing was shown yet.

        What fails here is left to ``clean_temporaries``; the error that led here says more.
        """
        for staged in self._staged.values():
            with contextlib.suppress(OSError, TreeError), self._tree.folder(staged.folder) as fd:
                os.unlink(staged.name, dir_fd=fd)
        if not self._is_visible:
            for path in sorted(self._made, key=lambda path: -path.count("/")):
                with contextlib.suppress(OSError, TreeError), self._tree.folder(parent_of(path)) as fd:
                    os.rmdir(name_of(path), dir_fd=fd)


def _obstacle(path: RelPath, going: set[RelPath]) -> RelPath | None:
    """Return the outermost of the path's folders and itself that must go first, if there is one."""
    return next((place for place in (*ancestors(path), path) if place in going), None)


@contextlib.contextmanager
def _named(path: RelPath) -> Iterator[None]:
    """Turn the system's errors into ours, with the path that they are about."""
    try:
        yield
    except (OSError, OverflowError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        hint = _HINTS.get(error.errno or 0) if isinstance(error, OSError) else None
        where = repr(path) if path != ROOT else "the folder"
        raise FileTroubleError(f"{where} can't be updated: {reason}", hint=hint) from error
