"""The contents of files that differ, a pair for each, to be shown line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sync_core.fleet.contents import is_shown, read_contents
from sync_core.fleet.file_list import FileList
from sync_core.fleet.lists import Lists
from sync_core.model.compare import DiffEntry
from sync_core.model.errors import FileTroubleError
from sync_core.model.file import File
from sync_core.model.folder import Entry
from sync_core.model.path import RelPath
from sync_core.net.far_stream import Contents

__all__ = ["ContentPair", "read_pairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPair:
    """The two contents behind one entry.

    Attributes:
        entry: what differs.
        master: the master's bytes; ``None`` where it has no such file, or where it is too large to be shown.
        slave: the slave's bytes; likewise.
        trouble: why the contents can't be shown, if so.
    """

    entry: DiffEntry
    master: bytes | None = None
    slave: bytes | None = None
    trouble: str | None = None

    @property
    def is_large(self) -> bool:
        """Whether one of the two is too large to be shown."""
        sides = (self.entry.master, self.entry.slave)
        return any(isinstance(side, File) and not is_shown(side) for side in sides)


async def read_pairs(
    lists: Lists, ours: FileList, theirs: FileList, entries: Iterable[DiffEntry]
) -> tuple[ContentPair, ...]:
    """Return the contents behind ``entries``, which are the differences of the master's list and the slave's."""
    pairs = [ContentPair(entry=entry) for entry in entries]
    small = [pair.entry for pair in pairs if not pair.is_large]
    master, slave = await asyncio.gather(
        read_contents(lists, ours, _files((one.path, one.master) for one in small)),
        read_contents(lists, theirs, _files((one.path, one.slave) for one in small)),
    )
    return tuple(_with_contents(pair, master, slave) for pair in pairs)


def _files(entries: Iterable[tuple[RelPath, Entry | None]]) -> dict[RelPath, File]:
    return {path: entry for path, entry in entries if isinstance(entry, File)}


def _with_contents(pair: ContentPair, master: Contents, slave: Contents) -> ContentPair:
    contents = (master.get(pair.entry.path), slave.get(pair.entry.path))
    for content in contents:
        if isinstance(content, FileTroubleError):
            return replace(pair, trouble=str(content))
    ours, theirs = contents
    return replace(
        pair, master=ours if isinstance(ours, bytes) else None, slave=theirs if isinstance(theirs, bytes) else None
    )
