"""A tree as one value: folders that hold their children by name, and share what an edit did not touch.

Nothing here is ever changed. Whoever needs another tree makes one with ``model.edit``: new folders on the way from the
root to the edit, everything else the very same objects. So whether two trees differ somewhere is told by looking only
where they are not the same object, and every walk over two of them stops where they are (``is_same``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

from sync_core.model.digest import folder_digest
from sync_core.model.file import File, Kind
from sync_core.model.path import ROOT, RelPath, join, sort_names

__all__ = [
    "EMPTY_FOLDER",
    "Entry",
    "Folder",
    "Totals",
    "get",
    "is_same",
    "kind_of",
    "names_of",
    "unlisted",
    "walk",
]


class Totals(NamedTuple):
    """What is below a folder, at any depth.

    Attributes:
        files: how many files, those without any known state included.
        folders: how many folders.
        settling: how many files still settle.
        unreadable: how many files and folders can't be read, the folder itself included.
        unknown: how many files have no known state.
    """

    files: int = 0
    folders: int = 0
    settling: int = 0
    unreadable: int = 0
    unknown: int = 0

    @property
    def is_held_back(self) -> bool:
        """Whether anything below is held back."""
        return bool(self.settling or self.unreadable)


class Folder:
    """One folder with all that is below. Never changed; its digest and totals are kept once asked for.

    Args:
        children: files and folders by their names, sorted by the names' bytes (``model.edit.folder_of`` sorts).
        is_unreadable: it is there but can't be read: what is in it is not known, or not all of it.

    Attributes:
        children: as given; never to be changed.
        is_unreadable: as given.
    """

    __slots__ = ("_digest", "_totals", "children", "is_unreadable")

    def __init__(self, children: Mapping[str, Entry] | None = None, *, is_unreadable: bool = False) -> None:
        self.children: Mapping[str, Entry] = {} if children is None else children
        self.is_unreadable = is_unreadable
        self._digest: bytes | None = None
        self._totals: Totals | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Folder):
            return NotImplemented
        return self is other or (self.is_unreadable == other.is_unreadable and self.children == other.children)

    __hash__ = None  # type: ignore[assignment]  # values are compared whole; whoever needs a key takes the digest

    def __repr__(self) -> str:
        mark = ", is_unreadable=True" if self.is_unreadable else ""
        return f"Folder({dict(self.children)!r}{mark})"

    @property
    def digest(self) -> bytes:
        """The SHA-256 over the children, as ``docs/protocol-digest.md`` defines it."""
        if self._digest is None:
            self._digest = folder_digest(self.children)
        return self._digest

    @property
    def tree_digest(self) -> str:
        """The same in lower-case hex, as people and JSON see it."""
        return self.digest.hex()

    @property
    def totals(self) -> Totals:
        """What is below, counted."""
        if self._totals is None:
            self._totals = _totals(self)
        return self._totals


Entry: TypeAlias = File | Folder

EMPTY_FOLDER = Folder()


def unlisted(digest: bytes, *, is_unreadable: bool = False) -> Folder:
    """Return a folder of which only the digest is known, as if it were empty.

    It stands where nobody looks below: beside one of the same digest.
    """
    folder = Folder(is_unreadable=is_unreadable)
    folder._digest = digest
    return folder


def kind_of(entry: Entry) -> Kind:
    """Return what ``entry`` is."""
    return Kind.FILE if isinstance(entry, File) else Kind.DIRECTORY


def is_same(some: Entry | None, other: Entry | None) -> bool:
    """Whether both are the same without a look at what is below: the same object, or folders of the same digest.

    Folders whose digest nobody asked for yet are not digested for this; ``False`` means: look.
    """
    if some is other:
        return True
    if isinstance(some, Folder) and isinstance(other, Folder):
        return (
            some._digest is not None
            and some._digest == other._digest
            and some.is_unreadable == other.is_unreadable  # the mark stands in the digest of the folder above
        )
    return False


def get(folder: Folder, path: RelPath) -> Entry | None:
    """Return what is at ``path`` below ``folder``; the folder itself for the root, ``None`` where nothing is."""
    found: Entry | None = folder
    for name in path.split("/") if path else ():
        if not isinstance(found, Folder):
            return None
        found = found.children.get(name)
    return found


def walk(folder: Folder, path: RelPath = ROOT) -> Iterator[tuple[RelPath, Entry]]:
    """Give everything below ``folder``, whose paths begin with ``path``: depth first, names in byte order."""
    for name, entry in folder.children.items():
        inner = join(path, name)
        yield inner, entry
        if isinstance(entry, Folder):
            yield from walk(entry, inner)


def names_of(*folders: Folder | None) -> list[str]:
    """Return the names in any of the folders once, in byte order."""
    first, *others = [folder.children for folder in folders if folder is not None] or [{}]
    if all(other.keys() == first.keys() for other in others):
        return list(first)
    return sort_names(set(first).union(*others))


def _totals(folder: Folder) -> Totals:
    files = folders = settling = unknown = 0
    unreadable = int(folder.is_unreadable)
    for entry in folder.children.values():
        if isinstance(entry, File):
            files += 1
            settling += entry.is_settling
            unreadable += entry.is_unreadable
            unknown += entry.md5 is None
        else:
            below = entry.totals
            files += below.files
            folders += below.folders + 1
            settling += below.settling
            unreadable += below.unreadable
            unknown += below.unknown
    return Totals(files, folders, settling, unreadable, unknown)
