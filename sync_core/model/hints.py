"""Hints: where something happened in a tree, and what of it may be trusted (``design.md`` section 3).

A hint only says where to look. Whether a file is complete is another question, and data is at stake in it: a file is
trusted when the last that was heard of it is that it was closed after writing or moved into place. Whatever else
happens at it, below it or to a folder above it takes the trust away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sync_core.model.path import ROOT, RelPath, ancestors, parent_of

__all__ = ["MAX_HINTED_PATHS", "Hint", "HintKind", "HintedLook", "PendingHints"]

MAX_HINTED_PATHS: Final = 10_000
"""Paths that are kept one by one; of more, only that the whole tree is to be looked at."""


class HintKind(Enum):
    """What a hint says of its path."""

    COMPLETE = "complete"
    """A file was closed after writing or moved into place, or a folder was moved into place with all that is in it."""

    BEGUN = "begun"
    """Something was made, changed, moved away or removed; what is there may be the half of it."""

    LOOK = "look"
    """Something else is to be seen, such as a time or permission bits; how far to trust contents is as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Something happened at a path (the root: nobody knows where), and what it means for the trust in what is there."""

    path: RelPath
    kind: HintKind


@dataclass(frozen=True, slots=True, kw_only=True)
class HintedLook:
    """What one look is to see: folders with all that is below, and what was complete when the look began."""

    dirty: frozenset[RelPath]
    trusted: frozenset[RelPath]


class PendingHints:
    """Gathers hints until somebody looks.

    It holds each path once, however often it was hinted at. Beyond ``most`` paths it holds only that the whole tree is
    to be looked at: nothing that was trusted until then is trusted any more, as if events had been lost.

    One look at a time: ``take`` before it, ``trusted_after`` when it has seen all. What is told meanwhile belongs to
    the next look.
    """

    def __init__(self, *, most: int = MAX_HINTED_PATHS) -> None:
        self._most = most
        self._dirty: set[RelPath] = set()
        self._heard = _Heard()

    def __bool__(self) -> bool:
        return bool(self._dirty)

    def add(self, hint: Hint) -> None:
        """Take one more hint; it costs as many steps as its path has names."""
        if ROOT not in self._dirty:
            self._dirty.add(hint.path)
        self._heard.add(hint)
        if hint.path == ROOT or len(self._dirty) > self._most:
            self._dirty = {ROOT}
        if len(self._heard) > self._most:
            self._dirty = {ROOT}
            self._heard = _Heard()
            self._heard.add(Hint(path=ROOT, kind=HintKind.BEGUN))

    def take(self) -> HintedLook:
        """Return what is to be looked at now; from here on hints are gathered for the look after it."""
        look = HintedLook(dirty=frozenset(self._dirty), trusted=frozenset(self._heard.trusted()))
        self._dirty, self._heard = set(), _Heard()
        return look

    def trusted_after(self, look: HintedLook) -> frozenset[RelPath]:
        """Return what a ``Settler`` may trust of what ``look`` saw.

        Hints that came since it began only take trust away, also those that say complete: what was seen may be the
        half of what is complete now. The next look can trust that.
        """
        return frozenset(path for path in look.trusted if not self._heard.touches(path))


class _Heard:
    """When each path was last complete and last touched, counted in hints."""

    def __init__(self) -> None:
        self._count = 0
        self._complete: dict[RelPath, int] = {}
        self._begun: dict[RelPath, int] = {}
        self._begun_below: dict[RelPath, int] = {}
        self._complete_below: set[RelPath] = set()

    def __len__(self) -> int:
        return max(len(self._complete), len(self._begun))

    def add(self, hint: Hint) -> None:
        self._count += 1
        if hint.kind is HintKind.COMPLETE:
            self._complete[hint.path] = self._count
            self._complete_below.update(_above(hint.path))
        elif hint.kind is HintKind.BEGUN:
            self._begun[hint.path] = self._count
            for folder in _above(hint.path):
                self._begun_below[folder] = self._count

    def trusted(self) -> Iterator[RelPath]:
        """Give the paths that nothing touched since they were complete."""
        folders: dict[RelPath, int] = {}
        for path, at in self._complete.items():
            if at > max(self._begun_at(path, folders), self._begun_below.get(path, 0)):
                yield path

    def _begun_at(self, path: RelPath, folders: dict[RelPath, int]) -> int:
        """Return when ``path`` or a folder above it was last begun; ``folders`` keeps what was found before."""
        own = self._begun.get(path, 0)
        if path == ROOT:
            return own
        folder = parent_of(path)
        if folder not in folders:
            folders[folder] = self._begun_at(folder, folders)
        return max(own, folders[folder])

    def touches(self, path: RelPath) -> bool:
        """Whether anything happened to the content at ``path``, below it or to a folder above it."""
        if path in self._begun_below or path in self._complete_below:
            return True
        return any(place in self._begun or place in self._complete for place in (path, *_above(path)))


def _above(path: RelPath) -> tuple[RelPath, ...]:
    return (ROOT, *ancestors(path)) if path != ROOT else ()
