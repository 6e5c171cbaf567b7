"""The result of one look at a tree on disk."""

from __future__ import annotations

from dataclasses import dataclass, field

from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.path import RelPath

__all__ = ["Scan", "Trouble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A path that could not be read or must not be followed, and why."""

    path: RelPath
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one look saw.

    Attributes:
        root: everything that is there; the very same folders as in the look before where nothing changed.
        troubles: what was skipped, and why; it never ends a scan.
        links: the paths that are links; what they show can change without anything happening at them.
    """

    root: Folder = field(default_factory=lambda: EMPTY_FOLDER)
    troubles: tuple[Trouble, ...] = ()
    links: frozenset[RelPath] = frozenset()
