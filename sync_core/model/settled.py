"""The two trees that come out of settling: what is settled, and what a slave may see of it.

Both are made from those of the look before: new folders where something was touched, the same objects elsewhere. Where
all of a folder counts as it is on disk, both take the scan's own folder, so that a quiet tree is held once.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Set
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from sync_core.model.differences import child_of, has_same_children
from sync_core.model.edit import replaced
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder, names_of
from sync_core.model.path import ROOT, RelPath, join, name_of, parent_of

__all__ = ["Counting", "Touched", "clean", "has_files", "has_same_content"]

_NEW: Final = File(is_settling=True)
_UNREADABLE: Final = File(is_unreadable=True)

_Pair: TypeAlias = tuple[Entry | None, Entry | None]
"""What is settled at a place, and its view."""


def clean(known: Folder) -> Folder:
    """Return of a tree only what can be a settled state: the files whose content is known, and folders."""
    changes: dict[str, Entry | None] = {}
    for name, entry in known.children.items():
        if isinstance(entry, Folder):
            changes[name] = clean(entry)
        elif entry.md5 is None or entry.is_held_back:
            changes[name] = None
    return _changed(known, changes, like=None)


def has_same_content(settled: File, seen: File) -> bool:
    """Whether a file on disk has the content that is settled."""
    return (settled.md5, settled.sha256) == (seen.md5, seen.sha256)


def has_files(entry: Entry | None) -> bool:
    """Whether a file is there or below."""
    if isinstance(entry, Folder):
        return any(has_files(inner) for inner in entry.children.values())
    return entry is not None


class Touched:
    """The paths at which a look may have changed something, by the folders that hold them."""

    def __init__(self) -> None:
        self._names: dict[RelPath, set[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._names)

    def add(self, path: RelPath) -> None:
        """Add a path; the folders above it are touched by that."""
        while path != ROOT:
            above = parent_of(path)
            names = self._names.get(above)
            if names is not None:
                names.add(name_of(path))
                return
            self._names[above] = {name_of(path)}
            path = above

    def below(self, folder: RelPath) -> Set[str]:
        """Return the names that were touched in a folder."""
        return self._names.get(folder, frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """One look's way from the trees of the look before to the new ones.

    Attributes:
        touched: where something may be different.
        counted: the files that count from now on as they are on disk.
        appearing: the files that wait to count as they are on disk.
        vanishing: the files that wait to be gone.
    """

    touched: Touched
    counted: Container[RelPath]
    appearing: Container[RelPath]
    vanishing: Container[RelPath]

    def trees(self, settled: Folder, seen: Folder, view: Folder | None) -> tuple[Folder, Folder]:
        """Return the settled tree and the view.

        ``settled`` is without what was removed since the look before, ``view`` its view, ``None`` if there was none.
        """
        known, shown = self._folder(ROOT, settled, seen, view, is_blind=seen.is_unreadable)
        return known if known is not None else EMPTY_FOLDER, shown

    def _folder(
        self, path: RelPath, settled: Folder | None, seen: Folder | None, view: Folder | None, *, is_blind: bool
    ) -> tuple[Folder | None, Folder]:
        """Return both for a folder; ``is_blind``: it, or one above, can't be read."""
        if view is None and settled is not None and settled is seen:
            return settled, settled
        known: dict[str, Entry | None] = {}
        shown: dict[str, Entry | None] = {}
        for name in names_of(settled, seen) if view is None else self.touched.below(path):
            before = (child_of(settled, name), child_of(view, name))
            known[name], shown[name] = self._entry(join(path, name), before, child_of(seen, name), is_blind=is_blind)
        is_unreadable = seen is not None and seen.is_unreadable
        view = _changed(view or EMPTY_FOLDER, shown, like=seen, is_unreadable=is_unreadable)
        kept = _changed(settled or EMPTY_FOLDER, known, like=seen)
        return (kept if kept.children or kept is seen else None), view

    def _entry(self, path: RelPath, before: _Pair, seen: Entry | None, *, is_blind: bool) -> _Pair:
        settled, view = before
        if isinstance(settled, File):
            if isinstance(seen, File):
                return self._file(path, settled, seen, view)
            return settled, _marked(settled, view, is_settling=path in self.vanishing, is_unreadable=is_blind)
        if isinstance(seen, File):
            if path in self.counted:
                return seen, seen
            if not has_files(settled):
                return None, _UNREADABLE if seen.is_unreadable else _NEW
            seen = None  # the folder that was there before has not gone yet
        if seen is None and not has_files(settled):
            return None, None
        is_blind = is_blind or (seen is not None and seen.is_unreadable)
        return self._folder(path, settled, seen, view if isinstance(view, Folder) else None, is_blind=is_blind)

    def _file(self, path: RelPath, settled: File, seen: File, view: Entry | None) -> _Pair:
        if path in self.counted or (not seen.is_unreadable and has_same_content(settled, seen)):
            return seen, seen
        return settled, _marked(settled, view, is_settling=path in self.appearing, is_unreadable=seen.is_unreadable)


def _marked(settled: File, view: Entry | None, *, is_settling: bool, is_unreadable: bool) -> File:
    """Return a settled file as the view shows it; the very one that it shows if that will do."""
    if not (is_settling or is_unreadable):
        return settled
    made = replace(settled, is_settling=is_settling, is_unreadable=is_unreadable)
    return view if isinstance(view, File) and view == made else made


def _changed(
    folder: Folder, changes: Mapping[str, Entry | None], *, like: Folder | None, is_unreadable: bool = False
) -> Folder:
    """Return ``folder`` with other children; ``like`` or ``folder`` itself where that is the same."""
    different = {name: entry for name, entry in changes.items() if folder.children.get(name) is not entry}
    made = folder
    if different or folder.is_unreadable != is_unreadable:
        made = replaced(folder, different, is_unreadable=is_unreadable)
    if like is not None and like.is_unreadable == is_unreadable and has_same_children(made, like):
        return like
    return made
