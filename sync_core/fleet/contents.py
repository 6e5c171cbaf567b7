"""The contents behind lists, to be shown: of files that differ, and only where they are small enough to be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sync_core.agent.views import folder_of as layer_folder
from sync_core.fleet.agent_tree import read_by_dialect
from sync_core.fleet.file_list import FileList, Source
from sync_core.fleet.lists import Lists, folder_of
from sync_core.model.change import WriteFile
from sync_core.model.edit import edited
from sync_core.model.errors import FileTroubleError, HostError, JsyncError, PeerError
from sync_core.model.file import File, Kind, md5_of, sha256_of
from sync_core.model.folder import Entry
from sync_core.model.inventory import Connection
from sync_core.model.limits import MAX_SHOWN_BYTES
from sync_core.model.overlay import layer_of
from sync_core.model.path import RelPath, join
from sync_core.net.far_stream import Contents
from sync_core.net.threads import in_thread
from sync_core.tree.content import read_content

__all__ = ["is_shown", "read_contents"]

_ANSWER_TIMEOUT_S = 60.0


def is_shown(entry: Entry | None) -> bool:
    """Whether the entry is a file that is small enough for its lines to be compared."""
    return isinstance(entry, File) and (entry.size_bytes or 0) <= MAX_SHOWN_BYTES


async def read_contents(lists: Lists, found: FileList, files: Mapping[RelPath, File]) -> Contents:
    """Return the contents of some files of a list, or why there is none; what changed since is no content of it.

    They come from the folder where it is on this machine, else from the agent if the list is its own, else by SSH.

    Args:
        lists: read the list.
        found: the list.
        files: of ``found``; each ``is_shown``.
    """
    if not files:
        return {}
    try:
        contents = await _read(lists, found, files)
    except JsyncError as error:
        return {path: FileTroubleError(str(error), host=found.host.name) for path in files}
    return {path: _checked(file, contents.get(path)) for path, file in files.items()}


def _checked(file: File, content: bytes | FileTroubleError | None) -> bytes | FileTroubleError:
    if isinstance(content, FileTroubleError):
        return content
    if content is None or not _is_of(file, content):
        return FileTroubleError("it has changed since it was listed, or is about to settle")
    return content


def _is_of(file: File, content: bytes) -> bool:
    if file.sha256 is not None:
        return sha256_of(content) == file.sha256
    return file.md5 is None or md5_of(content) == file.md5


async def _read(lists: Lists, found: FileList, files: Mapping[RelPath, File]) -> Contents:
    connection = await lists.reach.connection_of(found.host)
    if connection is not Connection.LOCAL and found.source is Source.AGENT:
        try:
            return await _fetch(lists, found, files)
        except (PeerError, HostError):
            if connection is Connection.NONE:
                raise
    places = await _places(lists, found, files)
    if connection is Connection.LOCAL:
        root = folder_of(found.host)
        return await in_thread(lambda: _read_here(root, places), name=f"read {found.host.name}")
    contents = await lists.read_far(found.host, tuple(places.values()), most_bytes=MAX_SHOWN_BYTES)
    return {path: contents[place] for path, place in places.items()}


async def _fetch(lists: Lists, found: FileList, files: Mapping[RelPath, File]) -> Contents:
    """Return what the agent sends, in our own dialect where it speaks that."""
    if all(file.sha256 is not None for file in files.values()):
        contents = await read_by_dialect(
            found.host,
            found.slave,
            files,
            lists.resolver,
            own=await lists.socket_of(found.host),
            answer_timeout_s=_ANSWER_TIMEOUT_S,
        )
        if contents is not None:
            return dict(contents)
    return await _fetch_differences(lists, found, files)


async def _fetch_differences(lists: Lists, found: FileList, files: Mapping[RelPath, File]) -> Contents:
    """Return what the agent sends to somebody who has all that it has, but for ``files`` (``<jsync.fetch>``)."""
    if not found.is_whole:
        raise PeerError(f"{found.host.name} does not speak what it spoke just now", host=found.host.name)
    # Where all agents are of today nobody needs the classic dialect.
    from sync_core.fleet.ask import ask  # noqa: PLC0415
    from sync_core.protocol.messages import ChangesAnswer, FetchDifferences  # noqa: PLC0415

    listed = edited(found.tree, dict.fromkeys(files))
    slave = found.slave.name if found.slave is not None else None
    answer = await ask(
        found.host,
        FetchDifferences(slave=slave, listed=listed),
        beside=found.slave,
        own=await lists.socket_of(found.host),
    )
    if not isinstance(answer, ChangesAnswer):
        raise PeerError(f"{found.host.name} answers, but not with contents", host=found.host.name)
    return {change.path: change.content for change in answer.changes if isinstance(change, WriteFile)}


async def _places(lists: Lists, found: FileList, files: Mapping[RelPath, File]) -> Mapping[RelPath, RelPath]:
    """Return where the files lie below the host's folder."""
    if found.slave is None:
        return {path: path for path in files}
    own = await lists.own_folder(found.host, found.slave)
    layers = {path: layer_of(found.own, path, Kind.FILE) for path in files}
    return {path: join(RelPath(layer_folder(layer, own)), path) for path, layer in layers.items()}


def _read_here(root: Path, places: Mapping[RelPath, RelPath]) -> Contents:
    return {path: _read_one(root, place) for path, place in places.items()}


def _read_one(root: Path, place: RelPath) -> bytes | FileTroubleError:
    try:
        return read_content(root, place, max_bytes=MAX_SHOWN_BYTES)
    except JsyncError as error:
        return FileTroubleError(str(error))
