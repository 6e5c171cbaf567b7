"""Settling: half-written files never count (``design.md`` section 3, ``protocol.md`` section 3.7).

A ``Settler`` gets one look at a tree after the other and says what the tree is *settled* to be. The rules:

- A new or changed file counts when somebody saw it closed after writing or moved into place (*trusted*), or when it
  stayed the same for 3 s. Until then its old state stands, marked as settling.
- Another time or other permission bits count at once where the content is the settled one: there is nothing that could
  be half of it.
- A vanished file counts as removed by a later look that still misses it, when nothing else has vanished for 2 s, at
  most 30 s after the first of its burst (``model.removals``). Coming back in time cancels that.
- Folders never settle. One that vanished stays as long as files below it do.

A change of kind follows from these: what is on its way out stays until it has gone, what takes its place waits.
What can't be read neither counts nor vanishes.

A look costs what is not the same object as in the look before, and what is due; never what is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, TypeVar

from sync_core.model.appearances import SETTLE_CHANGED_S, Appearances
from sync_core.model.differences import changed_names, child_of, has_news
from sync_core.model.edit import edited
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, get, names_of
from sync_core.model.path import ROOT, RelPath, ancestors, join
from sync_core.model.removals import SETTLE_VANISHED_S, Removals
from sync_core.model.settled import Counting, Touched, clean, has_files, has_same_content

__all__ = ["SETTLE_CHANGED_S", "SETTLE_VANISHED_S", "Settler"]

_T = TypeVar("_T")
_Three: TypeAlias = tuple[_T | None, _T | None, _T | None]
"""What is at one place: before, as it is seen now, as it is settled."""


class Settler:
    """The settled state of a remote folder.

    ``known``: settled files from before a restart. What still looks the same counts from the first look on.
    """

    def __init__(self, known: Folder) -> None:
        self._settled = clean(known)
        self._seen = self._settled  # what changed since the run before is told as between two looks
        self._view = EMPTY_FOLDER
        self._has_looked = False
        self._appearances = Appearances()
        self._removals = Removals()

    def observe(
        self, seen: Folder, *, now: float, trusted: frozenset[RelPath] = frozenset(), began: float | None = None
    ) -> bool:
        """Take one more look into account.

        Args:
            seen: what is there; the very same folders as in the look before where nothing changed.
            now: when the look ended (monotonic seconds).
            trusted: files that were closed after writing or moved into place since the last look, and not touched
                after that; a folder that was moved into place stands for all that is below it.
            began: when the look began, if it may have left out what ``waiting`` names and was not due by then: that
                counts by a later look. ``None`` = it left nothing out.

        Returns:
            Whether a slave could get something, or lose something, that it could not before. A file that merely
            begins to settle is no change.
        """
        look = _Look(self._appearances, self._removals, began=now if began is None else began, now=now)
        look.compare(self._seen, seen, self._settled)
        look.trust(trusted, seen, self._settled)
        self._seen = seen
        before = self._view
        self._settled, self._view = look.close(self._settled, seen, before if self._has_looked else None)
        self._has_looked = True
        return has_news(before, self._view)

    def view(self) -> Folder:
        """Return the tree as it counts after the last look; what is held back is marked."""
        return self._view

    def settled(self) -> Folder:
        """Return the settled files with their stamps, to be handed to the ``Settler`` of the next run."""
        return self._settled

    def next_deadline(self) -> float | None:
        """Return when the next look is due (monotonic seconds), ``None`` if nothing settles."""
        due = [deadline for deadline in (self._appearances.deadline, self._removals.deadline) if deadline is not None]
        return min(due, default=None)

    def waiting(self) -> frozenset[RelPath]:
        """Return the paths of all that settles: what the look of the next deadline must look at once more."""
        return frozenset((*self._appearances, *self._removals))


class _Look:
    """One look, from ``began`` to ``now``: goes through what is different, and says what counts by it."""

    def __init__(self, appearances: Appearances, removals: Removals, *, began: float, now: float) -> None:
        self._appearances = appearances
        self._removals = removals
        self._began = began
        self._now = now
        self._touched = Touched()
        self._is_trusted = False

    def compare(self, before: Folder, seen: Folder, settled: Folder) -> None:
        """Take in what is not the same object as in the look before."""
        self._compare_folders(ROOT, (before, seen, settled), is_blind=seen.is_unreadable)

    def trust(self, trusted: Iterable[RelPath], seen: Folder, settled: Folder) -> None:
        """Take in that files are complete, though they may look as in the look before."""
        self._is_trusted = True
        for path in trusted:
            found = get(seen, path) if path != ROOT else None
            if found is not None:
                known = get(settled, path)
                self._compare_entries(path, (known, found, known), is_blind=_is_below_blind(seen, path))

    def close(self, settled: Folder, seen: Folder, view: Folder | None) -> tuple[Folder, Folder]:
        """Return the settled tree and the view after this look."""
        removed = self._removals.close_look(began=self._began, now=self._now)
        left = edited(settled, dict.fromkeys(removed))
        counted = self._appearances.close_look(
            began=self._began,
            now=self._now,
            is_obstructed=lambda path: _is_obstructed(left, path),
            is_any_removed=bool(removed),
        )
        for path in (*removed, *counted):
            self._touched.add(path)
        counting = Counting(
            touched=self._touched, counted=set(counted), appearing=self._appearances, vanishing=self._removals
        )
        return counting.trees(left, seen, view)

    def _compare_folders(self, path: RelPath, three: _Three[Folder], *, is_blind: bool, is_whole: bool = False) -> None:
        """Go through a folder as it was before, as it is seen, as it is settled.

        ``is_blind``: it, or one above it, can't be read now; ``is_whole``: that has just changed, so that also what is
        the same object may count otherwise.
        """
        before, seen, settled = three
        is_whole = is_whole or _is_unreadable(before) != _is_unreadable(seen)
        for name in names_of(*three) if is_whole else changed_names(before, seen):
            inner = (child_of(before, name), child_of(seen, name), child_of(settled, name))
            self._compare_entries(join(path, name), inner, is_blind=is_blind, is_whole=is_whole)

    def _compare_entries(self, path: RelPath, three: _Three[Entry], *, is_blind: bool, is_whole: bool = False) -> None:
        before, seen, settled = three
        self._touched.add(path)
        known = settled if isinstance(settled, File) else None
        if isinstance(seen, File):
            self._take_present(path, seen, known)
        else:
            self._appearances.forget(path)
            if known is not None:
                self._take_absent(path, is_blind=is_blind)
        folders = (_folder(before), _folder(seen), _folder(settled))
        if folders[0] is not folders[1] or is_whole:
            is_blind = is_blind or _is_unreadable(folders[1])
            self._compare_folders(path, folders, is_blind=is_blind, is_whole=is_whole)

    def _take_present(self, path: RelPath, seen: File, known: File | None) -> None:
        self._removals.discard(path)
        if seen.is_unreadable or (known is not None and has_same_content(known, seen)):
            self._appearances.forget(path)
        else:
            self._appearances.take(path, seen, began=self._began, now=self._now, is_trusted=self._is_trusted)

    def _take_absent(self, path: RelPath, *, is_blind: bool) -> None:
        if is_blind:
            self._removals.discard(path)
        else:
            self._removals.add(path)


def _is_obstructed(settled: Folder, path: RelPath) -> bool:
    """Whether a settled file is above a path or below it, and must have gone before another one can be there."""
    found: Entry | None = settled
    for name in path.split("/"):
        if not isinstance(found, Folder):
            break
        found = found.children.get(name)
    else:
        return isinstance(found, Folder) and has_files(found)
    return found is not None


def _is_below_blind(seen: Folder, path: RelPath) -> bool:
    """Whether a folder above a path can't be read."""
    return seen.is_unreadable or any(_is_unreadable(_folder(get(seen, above))) for above in ancestors(path))


def _folder(entry: Entry | None) -> Folder | None:
    return entry if isinstance(entry, Folder) else None


def _is_unreadable(folder: Folder | None) -> bool:
    return folder is not None and folder.is_unreadable
