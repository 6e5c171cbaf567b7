"""One file of a tree, and what is known of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

__all__ = ["File", "Kind", "Layer", "Stamp", "md5_of", "sha256_of"]


class Kind(StrEnum):
    """What an entry is. Links are followed by the scan, so there are only these two."""

    FILE = "file"
    DIRECTORY = "directory"


class Layer(StrEnum):
    """Which folder of ``remote`` an entry of a slave's view comes from."""

    ALL = "_all"
    OWN = "own"


def md5_of(content: bytes) -> str:
    """Return the md5 of ``content`` in lower-case hex: a change mark that the protocol asks for, not a protection."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def sha256_of(content: bytes) -> bytes:
    """Return the SHA-256 of ``content``, 32 bytes: what jsync peers trust."""
    return hashlib.sha256(content).digest()


class Stamp(NamedTuple):
    """What betrays that somebody touched a file since its content was read; ``size_bytes`` belongs to it.

    Attributes:
        mtime_ns: nanoseconds since the epoch.
        ctime_ns: likewise; it can't be set from outside, so it betrays every change.
        inode: of the file.
        hashed_at_ns: the wall clock when the content was read; 0 where it was not.
    """

    mtime_ns: int
    ctime_ns: int
    inode: int
    hashed_at_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file.

    Attributes:
        md5: of the content, 32 lower-case hex digits; ``None`` where no state of the file is known.
        sha256: of the content, 32 bytes; ``None`` where the list that it comes from carries none.
        size_bytes: ``None`` if the list did not carry it.
        last_write_time: whole seconds since the epoch, UTC; ``None`` likewise.
        mode: permission bits, at most 0o777; ``None`` likewise (the classic wire carries none).
        is_settling: the file on disk differs from what stands here and has not settled yet, so its content
            can't be handed out (``design.md`` section 3).
        is_unreadable: the file is there but can't be read; a slave keeps what it has of it.
        stamp: how it looked on this disk when its content was read; no part of what the file is.
    """

    md5: str | None = None
    sha256: bytes | None = None
    size_bytes: int | None = None
    last_write_time: int | None = None
    mode: int | None = None
    is_settling: bool = False
    is_unreadable: bool = False
    stamp: Stamp | None = field(default=None, compare=False, repr=False)

    @property
    def is_held_back(self) -> bool:
        """Whether it must be neither sent nor reported as removed for now."""
        return self.is_settling or self.is_unreadable

    @property
    def is_unknown(self) -> bool:
        """Whether it is there without any state to compare."""
        return self.md5 is None
