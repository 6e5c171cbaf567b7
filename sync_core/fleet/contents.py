"""The contents behind lists, to be shown: of files that differ, and only where they are small enough to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sync_core.agent.views import Views
from sync_core.fleet.ask import ask
from sync_core.fleet.lists import FileList, Lists, Source, folder_of
from sync_core.model.change import WriteFile
from sync_core.model.errors import FileTroubleError, HostError, JsyncError, PeerError
from sync_core.model.inventory import Connection
from sync_core.model.limits import MAX_SHOWN_BYTES
from sync_core.model.manifest import Entry, Manifest, md5_of
from sync_core.model.path import RelPath, join
from sync_core.net.far_stream import Contents
from sync_core.net.threads import in_thread
from sync_core.protocol.messages import ChangesAnswer, FetchDifferences
from sync_core.tree.content import read_content

__all__ = ["is_shown", "read_contents"]


def is_shown(entry: Entry | None) -> bool:
    """Whether the entry is a file that is small enough for its lines to be compared."""
    return entry is not None and entry.is_file and (entry.size_bytes or 0) <= MAX_SHOWN_BYTES


async def read_contents(lists: Lists, found: FileList, entries: Sequence[Entry]) -> Contents:
    """Return the contents of some entries of a list, or why there is none; what changed since is no content of it.

    They come from the folder where it is on this machine, else from the agent (``<jsync.fetch>``) if the list is its
    own, else by SSH.

    Args:
        lists: read the list.
        found: the list.
        entries: of ``found``; each ``is_shown``.
    """
    if not entries:
        return {}
    try:
        contents = await _read(lists, found, entries)
    except JsyncError as error:
        return {entry.path: FileTroubleError(str(error), host=found.host.name) for entry in entries}
    return {entry.path: _checked(entry, contents.get(entry.path)) for entry in entries}


def _checked(entry: Entry, content: bytes | FileTroubleError | None) -> bytes | FileTroubleError:
    if isinstance(content, FileTroubleError):
        return content
    if content is None or (entry.md5 is not None and md5_of(content) != entry.md5):
        return FileTroubleError("it has changed since it was listed, or is about to settle")
    return content


async def _read(lists: Lists, found: FileList, entries: Sequence[Entry]) -> Contents:
    connection = await lists.reach.connection_of(found.host)
    if connection is not Connection.LOCAL and found.source is Source.AGENT:
        try:
            return await _fetch(found, entries)
        except (PeerError, HostError):
            if connection is Connection.NONE:
                raise
    places = await _places(lists, found, entries)
    if connection is Connection.LOCAL:
        root = folder_of(found.host)
        return await in_thread(lambda: _read_here(root, places), name=f"read {found.host.name}")
    contents = await lists.read_far(found.host, tuple(places.values()), most_bytes=MAX_SHOWN_BYTES)
    return {path: contents[place] for path, place in places.items()}


async def _fetch(found: FileList, entries: Sequence[Entry]) -> Contents:
    """Return what the agent sends to somebody who has all that it has, but for ``entries``."""
    wanted = {entry.path for entry in entries}
    listed = Manifest(entry for entry in found.manifest.known if entry.path not in wanted)
    slave = found.slave.name if found.slave is not None else None
    answer = await ask(found.host, FetchDifferences(slave=slave, listed=listed))
    if not isinstance(answer, ChangesAnswer):
        raise PeerError(f"{found.host.name} answers, but not with contents", host=found.host.name)
    return {change.path: change.content for change in answer.changes if isinstance(change, WriteFile)}


async def _places(lists: Lists, found: FileList, entries: Sequence[Entry]) -> Mapping[RelPath, RelPath]:
    """Return where the entries lie below the host's folder."""
    if found.slave is None:
        return {entry.path: entry.path for entry in entries}
    own = await lists.own_folder(found.host, found.slave)
    return {entry.path: join(RelPath(Views.folder_of(entry.layer, own)), entry.path) for entry in entries}


def _read_here(root: Path, places: Mapping[RelPath, RelPath]) -> Contents:
    return {path: _read_one(root, place) for path, place in places.items()}


def _read_one(root: Path, place: RelPath) -> bytes | FileTroubleError:
    try:
        return read_content(root, place, max_bytes=MAX_SHOWN_BYTES)
    except JsyncError as error:
        return FileTroubleError(str(error))
