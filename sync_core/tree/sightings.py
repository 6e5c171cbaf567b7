"""A look at a tree on another host, put together here by the rules of ``tree.scan``.

Whoever looked there followed no link: a link is reported with the place where it leads, and what it shows is taken
from what was seen at that place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from sync_core.model.errors import FileTroubleError
from sync_core.model.manifest import Kind
from sync_core.model.observation import Observation, Scan, Trouble
from sync_core.model.path import ROOT, RelPath, join, name_bytes, name_of, parent_of
from sync_core.tree.ground import MAX_DEPTH
from sync_core.tree.scan import why_unfit

__all__ = ["Sighting", "What", "put_together"]

_MOST_ENTRIES = 1_000_000
"""A few links can multiply a tree without end."""


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
    """Return what a scan on that host would have said.

    Args:
        root: the real path of the folder there.
        sightings: what was seen, by the paths below the root, in any order; their names may be anything. Names that
            begin with ``.`` show only through links.

    Raises:
        FileTroubleError: links make more of it than any configuration folder has.
    """
    together = _Together(root, sightings)
    together.show(ROOT, ROOT, ())
    return Scan(observations=together.seen, troubles=tuple(together.troubles))


class _Together:
    def __init__(self, root: str, sightings: Mapping[RelPath, Sighting]) -> None:
        self._prefix = root.rstrip("/") + "/"
        self._sightings = sightings
        self._inside: dict[RelPath, list[RelPath]] = {}
        for path in sorted(sightings, key=name_bytes):
            self._inside.setdefault(parent_of(path), []).append(path)
        self.seen: dict[RelPath, Observation] = {}
        self.troubles: list[Trouble] = []

    def show(self, path: RelPath, place: RelPath, chain: tuple[RelPath, ...]) -> None:
        """Show what lies in the folder at ``place`` as lying in ``path``."""
        for inner in self._inside.get(place, ()):
            name = name_of(inner)
            reason = None if name.startswith(".") else why_unfit(name)
            if reason is not None:
                self.troubles.append(Trouble(path=join(path, name), reason=reason))
            elif not name.startswith("."):
                self._show_one(join(path, name), inner, (*chain, place))

    def _show_one(self, path: RelPath, place: RelPath, chain: tuple[RelPath, ...]) -> None:
        if len(self.seen) >= _MOST_ENTRIES:
            raise FileTroubleError(f"the folder shows more than {_MOST_ENTRIES} files and folders")
        sighting = self._sightings[place]
        if sighting.is_link:
            target = self._place_of(sighting.target)
            found = None if target is None else self._sightings.get(target)
            if target is None or found is None or found.is_link:
                kind = Kind.FILE if sighting.what is What.LINK_TO_FILE else Kind.DIRECTORY
                self._miss(path, Observation(kind=kind), "the link leads nowhere, or out of the folder")
                return
            sighting, place = found, target
        if sighting.what is What.FOLDER:
            self._show_folder(path, place, sighting, chain)
        elif sighting.what is What.FILE:
            self._show_file(path, sighting)
        else:
            self.troubles.append(Trouble(path=path, reason="it is neither a file nor a folder"))

    def _show_folder(self, path: RelPath, place: RelPath, sighting: Sighting, chain: tuple[RelPath, ...]) -> None:
        folder = Observation(kind=Kind.DIRECTORY)
        if sighting.is_unreadable:
            self._miss(path, folder, "it can't be read")
        elif place in chain or len(chain) >= MAX_DEPTH:
            self._miss(path, folder, "the link leads in a circle" if place in chain else "too many folders deep")
        else:
            self.seen[path] = folder
            self.show(path, place, chain)

    def _show_file(self, path: RelPath, sighting: Sighting) -> None:
        file = Observation(kind=Kind.FILE, size_bytes=sighting.size_bytes, mtime_ns=sighting.mtime_ns, md5=sighting.md5)
        if sighting.is_unreadable:
            self._miss(path, file, "it can't be read")
        else:
            self.seen[path] = file

    def _miss(self, path: RelPath, seen: Observation, reason: str) -> None:
        self.seen[path] = replace(seen, is_unreadable=True)
        self.troubles.append(Trouble(path=path, reason=reason))

    def _place_of(self, target: str | None) -> RelPath | None:
        """Return where below the root ``target`` is; ``None`` if it is not."""
        if target is None or not target.startswith(self._prefix):
            return None
        return RelPath(target[len(self._prefix) :])
