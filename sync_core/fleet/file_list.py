"""One file list of one host, as it was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sync_core.model.errors import FileTroubleError
from sync_core.model.file import Layer
from sync_core.model.folder import Entry, Folder, kind_of, walk
from sync_core.model.inventory import Host
from sync_core.model.overlay import layer_of
from sync_core.model.path import RelPath

__all__ = ["FileList", "Source", "unreadable"]


class Source(StrEnum):
    """How a list was read."""

    AGENT = "agent"
    SSH = "ssh"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileList:
    """One file list.

    Attributes:
        host: whose.
        slave: for which slave a master made it; ``None`` for a slave's own.
        source: how it was read.
        tree: what is listed.
        own: what of it comes from the slave's own folder; ``None`` where there are no layers.
        is_whole: whether everything is listed. Of two that were looked at side by side, folders that are the same in
            both stand there without what is in them.
    """

    host: Host
    slave: Host | None
    source: Source
    tree: Folder
    own: Folder | None = None
    is_whole: bool = True

    def entries(self) -> Iterator[tuple[RelPath, Entry, Layer | None]]:
        """Give what is listed in the order of documents, each with its layer."""
        for path, entry in walk(self.tree):
            yield path, entry, None if self.own is None else layer_of(self.own, path, kind_of(entry))


def unreadable(lists: Iterable[FileList]) -> FileTroubleError | None:
    """Return an error that names what could not be read, since nothing is known of it."""
    for one in lists:
        if not one.tree.totals.unreadable:
            continue
        paths = [path for path, entry in walk(one.tree) if entry.is_unreadable]
        if paths:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            return FileTroubleError(
                f"{one.host.name} can't read {paths[0]}{more}",
                hint="mend its owner or mode; a link that leads out of the folder must go",
                host=one.host.name,
            )
    return None
