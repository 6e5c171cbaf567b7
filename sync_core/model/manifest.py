"""A manifest: the md5 file list of one tree, the value that masters and slaves compare."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from sync_core.model.path import RelPath, ancestors, name_bytes, sort_key

__all__ = ["EMPTY_MANIFEST", "Entry", "Kind", "Layer", "Manifest", "md5_of"]

_MD5 = re.compile(r"[0-9a-f]{32}")


class Kind(StrEnum):
    """What an entry is. Links are followed by the scan, so there are only these two."""

    FILE = "file"
    DIRECTORY = "directory"


class Layer(StrEnum):
    """Which folder of ``remote`` an entry of a slave's view comes from."""

    ALL = "_all"
    OWN = "own"


def md5_of(content: bytes) -> str:
    """Return the md5 of ``content`` in lower-case hex: a change mark, not a protection."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file or folder of a manifest.

    Attributes:
        path: where it is below the root.
        kind: file or directory; a directory has neither md5 nor time nor size.
        md5: 32 lower-case hex digits; ``None`` for directories, and for files whose list left it out.
        last_write_time: whole seconds since the epoch, UTC; ``None`` like ``md5``.
        size_bytes: the file's size, ``None`` if the list did not carry it.
        layer: where it comes from, in a master's view of a slave.
        is_settling: the file on disk differs from what stands here and has not settled yet, so its content
            can't be handed out (``design.md`` section 3); with ``md5=None`` there is no settled state at all.
        is_unreadable: the file or folder is there but can't be read; a slave keeps what it has of it.
    """

    path: RelPath
    kind: Kind = Kind.FILE
    md5: str | None = None
    last_write_time: int | None = None
    size_bytes: int | None = None
    layer: Layer | None = None
    is_settling: bool = False
    is_unreadable: bool = False

    def __post_init__(self) -> None:
        if self.md5 is not None and not _MD5.fullmatch(self.md5):
            raise ValueError(f"not an md5: {self.md5!r}")
        if self.kind is Kind.DIRECTORY and self.md5 is not None:
            raise ValueError(f"a directory has no md5: {self.path!r}")

    @property
    def is_file(self) -> bool:
        """Whether the entry is a file."""
        return self.kind is Kind.FILE

    @property
    def is_held_back(self) -> bool:
        """Whether it must be neither sent nor reported as removed for now."""
        return self.is_settling or self.is_unreadable


@dataclass(frozen=True, slots=True)
class Manifest:
    """A tree's entries, sorted folder by folder; every entry's folders are entries too.

    Args:
        entries: in any order; folders that only show as part of a path are added.

    Raises:
        ValueError: a path stands twice, or lies below a file.
    """

    entries: tuple[Entry, ...]
    by_path: Mapping[RelPath, Entry] = field(init=False, repr=False, compare=False)

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        found: dict[RelPath, Entry] = {}
        for entry in entries:
            if entry.path in found:
                raise ValueError(f"{entry.path!r} stands twice")
            found[entry.path] = entry
        for path in list(found):
            for folder in ancestors(path):
                above = found.setdefault(folder, Entry(path=folder, kind=Kind.DIRECTORY))
                if above.is_file:
                    raise ValueError(f"{path!r} lies below a file")
        ordered = tuple(found[path] for path in sorted(found, key=sort_key))
        object.__setattr__(self, "entries", ordered)
        object.__setattr__(self, "by_path", MappingProxyType(found))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, path: RelPath) -> Entry | None:
        """Return the entry at ``path``, if there is one."""
        return self.by_path.get(path)

    @property
    def files(self) -> tuple[Entry, ...]:
        """The file entries, in order."""
        return tuple(entry for entry in self.entries if entry.is_file)

    @property
    def settling(self) -> int:
        """How many files still settle."""
        return sum(entry.is_settling for entry in self.entries)

    @property
    def known(self) -> Manifest:
        """This manifest without the files of which no state is known yet."""
        return Manifest(e for e in self.entries if not (e.is_file and e.is_held_back and e.md5 is None))

    @property
    def tree_md5(self) -> str:
        """The digest of the whole tree, as ``docs/protocol-digest.md`` defines it."""
        digest = hashlib.md5(usedforsecurity=False)
        for entry in self.entries:
            digest.update(_digest_line(entry))
        return digest.hexdigest()


def _digest_line(entry: Entry) -> bytes:
    """One line of the digest's input: kind, md5, time and path, the path last since it may hold blanks."""
    if entry.kind is Kind.DIRECTORY:
        head = "directory - -"
    else:
        time = "-" if entry.last_write_time is None else entry.last_write_time
        head = f"file {entry.md5 or '-'} {time}"
    return head.encode("ascii") + b" " + name_bytes(entry.path) + b"\0"


EMPTY_MANIFEST = Manifest()
