"""Changes: what turns one tree into another, in the order in which documents carry them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from sync_core.model.file import Kind
from sync_core.model.path import RelPath

__all__ = ["Adjust", "Change", "Changes", "MakeDirectory", "Remove", "WriteFile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeDirectory:
    """The folder exists on the master; one that is there already stays as it is."""

    path: RelPath


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteFile:
    """The file has this content.

    Attributes:
        path: where.
        last_write_time: whole seconds since the epoch, UTC.
        content: the bytes.
        mode: permission bits, at most 0o777; ``None`` where the sender has none (the classic wire).
    """

    path: RelPath
    last_write_time: int
    content: bytes
    mode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust:
    """The file has its content already, but another time or other permission bits; ``None`` leaves them."""

    path: RelPath
    last_write_time: int
    mode: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """The file, or the folder with all that is in it, is gone on the master."""

    path: RelPath
    kind: Kind


Change: TypeAlias = MakeDirectory | WriteFile | Remove
Changes: TypeAlias = tuple[Change, ...]
"""In document order: depth first, names sorted, a removal before the new kind of the same name."""
