"""A look at a tree on another host, put together here by the rules of ``tree.scan``.

Whoever looked there followed no link: a link is reported with the place where it leads, and what it shows is taken
from what was seen at that place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sync_core.model.errors import FileTroubleError
from sync_core.model.file import File
from sync_core.model.folder import Entry, Folder
from sync_core.model.path import ROOT, RelPath, join, name_bytes, name_of, parent_of
from sync_core.model.scan import Scan, Trouble
from sync_core.tree.ground import MAX_DEPTH
from sync_core.tree.names import why_unfit

__all__ = ["Sighting", "What", "put_together"]

_MOST_ENTRIES: Final = 1_000_000
"""A few links can multiply a tree without end."""

_NS_PER_S: Final = 1_000_000_000


class What(StrEnum):
    """What was seen at one place, links not followed."""

    FILE = "f"
    FOLDER = "d"
    LINK_TO_FILE = "l"
    """Or to nothing."""
    LINK_TO_FOLDER = "L"
    OTHER = "o"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One place.

    Attributes:
        what: is there.
        size_bytes: of a file.
        mtime_ns: likewise.
        md5: likewise; ``None`` where it changed each time while it was read.
        is_unreadable: it can't be read, or a folder not entered.
        target: the real path to which a link leads in the end, if it leads anywhere.
    """

    what: What
    size_bytes: int = 0
    mtime_ns: int = 0
    md5: str | None = None
    is_unreadable: bool = False
    target: str | None = None

    @property
    def is_link(self) -> bool:
        """Whether it is a link."""
        return self.what in {What.LINK_TO_FILE, What.LINK_TO_FOLDER}


def put_together(root: str, sightings: Mapping[RelPath, Sighting]) -> Scan:
    """Return what a scan on that host would have said; of the contents only md5s are known, and no permission bits.

    Args:
        root: the real path of the folder there.
        sightings: what was seen, by the paths below the root, in any order; their names may be anything. Names that
            begin with ``.`` show only through links.

    Raises:
        FileTroubleError: links make more of it than any configuration folder has.
    """
    together = _Together(root, sightings)
    return Scan(root=together.folder(ROOT, ROOT, ()), troubles=tuple(together.troubles))


class _Together:
    def __init__(self, root: str, sightings: Mapping[RelPath, Sighting]) -> None:
        self._prefix = root.rstrip("/") + "/"
        self._sightings = sightings
        self._inside: dict[RelPath, list[RelPath]] = {}
        for path in sorted(sightings, key=name_bytes):
            self._inside.setdefault(parent_of(path), []).append(path)
        self._entries = 0
        self.troubles: list[Trouble] = []

    def folder(self, path: RelPath, place: RelPath, chain: tuple[RelPath, ...]) -> Folder:
        """Return what lies in the folder at ``place`` as lying in ``path``."""
        children: dict[str, Entry] = {}
        for inner in self._inside.get(place, ()):  # in the order of their names' bytes, since all else is equal
            name = name_of(inner)
            if name.startswith("."):
                continue
            reason = why_unfit(name)
            if reason is not None:
                self.troubles.append(Trouble(path=join(path, name), reason=reason))
                continue
            entry = self._entry(join(path, name), inner, (*chain, place))
            if entry is not None:
                children[name] = entry
        return Folder(children)

    def _entry(self, path: RelPath, place: RelPath, chain: tuple[RelPath, ...]) -> Entry | None:
        sighting = self._sightings[place]
        if sighting.is_link:
            target = self._place_of(sighting.target)
            found = None if target is None else self._sightings.get(target)
            if target is None or found is None or found.is_link:
                missed = File if sighting.what is What.LINK_TO_FILE else Folder
                return self._miss(path, missed(is_unreadable=True), "the link leads nowhere, or out of the folder")
            sighting, place = found, target
        if sighting.what is What.OTHER:
            self.troubles.append(Trouble(path=path, reason="it is neither a file nor a folder"))
            return None
        is_file = sighting.what is What.FILE
        if sighting.is_unreadable:
            return self._miss(path, (File if is_file else Folder)(is_unreadable=True), "it can't be read")
        return self._file_entry(sighting) if is_file else self._folder_entry(path, place, chain)

    def _folder_entry(self, path: RelPath, place: RelPath, chain: tuple[RelPath, ...]) -> Entry:
        if place in chain or len(chain) >= MAX_DEPTH:
            reason = "the link leads in a circle" if place in chain else "too many folders deep"
            return self._miss(path, Folder(is_unreadable=True), reason)
        self._count()
        return self.folder(path, place, chain)

    def _file_entry(self, sighting: Sighting) -> Entry:
        self._count()
        if sighting.md5 is None:
            return File(size_bytes=sighting.size_bytes)
        return File(
            md5=sighting.md5,
            size_bytes=sighting.size_bytes,
            last_write_time=max(0, sighting.mtime_ns // _NS_PER_S),
        )

    def _miss(self, path: RelPath, seen: Entry, reason: str) -> Entry:
        self._count()
        self.troubles.append(Trouble(path=path, reason=reason))
        return seen

    def _count(self) -> None:
        if self._entries >= _MOST_ENTRIES:
            raise FileTroubleError(f"the folder shows more than {_MOST_ENTRIES} files and folders")
        self._entries += 1

    def _place_of(self, target: str | None) -> RelPath | None:
        """Return where below the root ``target`` is; ``None`` if it is not."""
        if target is None or not target.startswith(self._prefix):
            return None
        return RelPath(target[len(self._prefix) :])
