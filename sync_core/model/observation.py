"""What one look at a file or folder saw: the raw material of manifests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sync_core.model.manifest import Kind
from sync_core.model.path import RelPath

__all__ = ["Observation", "Observations", "Scan", "Trouble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One file or folder as it was seen.

    Attributes:
        kind: file or directory (links are followed inside the root).
        size_bytes: of a file; 0 for directories.
        mtime_ns: nanoseconds since the epoch; 0 for directories, which carry no time.
        ctime_ns: likewise; it can't be set from outside, so it betrays every change.
        inode: of a file; 0 for directories.
        md5: of the content; ``None`` for directories and for what could not be read.
        hashed_at_ns: the wall clock when the content was read; 0 where there is no md5.
        is_unreadable: it is there but could not be read.
    """

    kind: Kind
    size_bytes: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0
    md5: str | None = None
    hashed_at_ns: int = 0
    is_unreadable: bool = False

    @property
    def signature(self) -> tuple[Kind, int, int, int, int]:
        """What stays the same as long as nobody touches the file."""
        return (self.kind, self.size_bytes, self.mtime_ns, self.ctime_ns, self.inode)


Observations: TypeAlias = Mapping[RelPath, Observation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A path that could not be read or must not be followed, and why."""

    path: RelPath
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The result of one look at a tree.

    Attributes:
        observations: everything that is there, by path.
        troubles: what was skipped, and why; it never ends a scan.
        links: the paths that are links; what they show can change without anything happening at them.
    """

    observations: Observations = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()
    links: frozenset[RelPath] = frozenset()
