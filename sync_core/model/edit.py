"""Making one tree from another: new folders on the way to what changed, the same objects everywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Entry, Folder
from sync_core.model.path import RelPath, sort_names

__all__ = ["edited", "folder_of", "marked", "replaced", "tree_of", "with_children"]


def folder_of(children: Mapping[str, Entry], *, is_unreadable: bool = False) -> Folder:
    """Return a folder with these children, whatever their order."""
    return Folder({name: children[name] for name in sort_names(children)}, is_unreadable=is_unreadable)


def marked(folder: Folder, *, is_unreadable: bool) -> Folder:
    """Return a folder that may be read, or not; its own digest does not say."""
    return folder if folder.is_unreadable == is_unreadable else Folder(folder.children, is_unreadable=is_unreadable)


def replaced(folder: Folder, changes: Mapping[str, Entry | None], *, is_unreadable: bool) -> Folder:
    """Return another folder: some children replaced, added or (``None``) removed, and with that mark."""
    children = dict(folder.children)
    is_sorted = True
    for name, entry in changes.items():
        if entry is None:
            children.pop(name, None)
        else:
            is_sorted &= name in children
            children[name] = entry
    return (Folder if is_sorted else folder_of)(children, is_unreadable=is_unreadable)


def with_children(folder: Folder, changed: Mapping[str, Entry | None]) -> Folder:
    """Return ``folder`` with some children replaced, added or (``None``) removed; itself where none is different."""
    there = folder.children
    different = {name: entry for name, entry in changed.items() if not _is_alike(there.get(name), entry)}
    return replaced(folder, different, is_unreadable=folder.is_unreadable) if different else folder


def edited(folder: Folder, edits: Mapping[RelPath, Entry | None]) -> Folder:
    """Return ``folder`` after the edits; it costs what is edited, not what is there.

    Folders on the way to a new entry are made, and take the place of a file that stands there; the very same folder
    comes back where nothing is different.

    Args:
        folder: the tree before.
        edits: by path, what is to be there; ``None`` = nothing. No path may lie below another one that is edited to be
            a file or nothing; below one that is edited to be a folder it changes that folder.
    """
    here: dict[str, Entry | None] = {}
    deeper: dict[str, dict[RelPath, Entry | None]] = {}
    for path, entry in edits.items():
        name, slash, rest = path.partition("/")
        if slash:
            deeper.setdefault(name, {})[RelPath(rest)] = entry
        else:
            here[name] = entry
    for name, inner in deeper.items():
        before = here.get(name, folder.children.get(name))
        base = before if isinstance(before, Folder) else EMPTY_FOLDER
        after = edited(base, inner)
        if after is not base or after.children or isinstance(before, Folder):
            here[name] = after
    return with_children(folder, here)


def tree_of(entries: Iterable[tuple[RelPath, Entry]]) -> Folder:
    """Return the tree of flat entries in any order; folders that only show as part of a path are added.

    Args:
        entries: paths with what is there. A folder stands for itself: what is in it comes with paths of its own.

    Raises:
        ValueError: a path stands twice, or lies below a file.
    """
    root = place = _Draft()
    last = ""
    for path, entry in entries:
        above, _, name = path.rpartition("/")
        if above != last:
            last, place = above, root
            for step in above.split("/") if above else ():
                place = place.enter(step, path)
        place.put(name, entry, path)
    return root.folder()


class _Draft:
    """A folder whose children still come."""

    def __init__(self) -> None:
        self._children: dict[str, File | _Draft] = {}
        self._mark: Folder | None = None

    def enter(self, name: str, path: RelPath) -> _Draft:
        inner = self._children.setdefault(name, _Draft())
        if isinstance(inner, File):
            raise ValueError(f"{path!r} lies below a file")
        return inner

    def put(self, name: str, entry: Entry, path: RelPath) -> None:
        if isinstance(entry, Folder):
            inner = self._children.setdefault(name, _Draft())
            if isinstance(inner, File) or inner._mark is not None:
                raise ValueError(f"{path!r} stands twice")
            inner._mark = entry
        elif name in self._children:
            raise ValueError(f"{path!r} stands twice")
        else:
            self._children[name] = entry

    def folder(self) -> Folder:
        children: dict[str, Entry] = {
            name: child if isinstance(child, File) else child.folder() for name, child in self._children.items()
        }
        return folder_of(children, is_unreadable=self._mark is not None and self._mark.is_unreadable)


def _is_alike(some: Entry | None, other: Entry | None) -> bool:
    """Whether nothing is different, stamps included: a new stamp is worth keeping, or the file is read for ever."""
    if some is other:
        return True
    if isinstance(some, Folder) and isinstance(other, Folder):
        return (
            some.is_unreadable == other.is_unreadable
            and some.children.keys() == other.children.keys()
            and all(_is_alike(child, other.children[name]) for name, child in some.children.items())
        )
    if isinstance(some, File) and isinstance(other, File):
        return some == other and some.stamp == other.stamp
    return False
