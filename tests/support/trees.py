"""Trees from flat entries."""

from __future__ import annotations

from collections.abc import Iterable

from sync_core.model.edit import folder_of
from sync_core.model.file import File
from sync_core.model.folder import Entry, Folder
from sync_core.model.path import RelPath


def tree_of(entries: Iterable[tuple[RelPath, Entry]]) -> Folder:
    """Return the tree of flat entries in any order; folders that only show as part of a path are added.

    Args:
        entries: paths with what is there. A folder stands for itself: what is in it comes with paths of its own.

    Raises:
        ValueError: a path stands twice, or lies below a file.
    """
    root = _Draft()
    for path, entry in entries:
        *above, name = path.split("/")
        place = root
        for step in above:
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
