"""File lists: from the agent by TCP, else from the folder itself where it is on this machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sync_core.agent.folders import FolderChooser
from sync_core.agent.views import Views
from sync_core.fleet.ask import ask
from sync_core.fleet.places import connection_of
from sync_core.model.errors import (
    FileTroubleError,
    HostError,
    JsyncError,
    PeerError,
    RemoteRefusalError,
    RootVanishedError,
    UnreachableError,
)
from sync_core.model.inventory import Connection, Dialect, Host, Inventory
from sync_core.model.limits import MAX_FILE_BYTES
from sync_core.model.manifest import Layer, Manifest
from sync_core.model.path import RelPath, join
from sync_core.model.settle import manifest_of
from sync_core.net.resolve import Resolver
from sync_core.protocol.messages import FileListAnswer, ListFiles
from sync_core.tree.content import read_content
from sync_core.tree.scan import scan

__all__ = ["FileList", "Source", "master_list", "slave_list"]


class Source(StrEnum):
    """How a list was read."""

    AGENT = "agent"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileList:
    """One md5 file list.

    Attributes:
        host: whose.
        slave: for which slave a master made it; ``None`` for a slave's own.
        source: how it was read.
        manifest: the list.
        root: the folder, where it is on this machine.
        folder: the slave's own folder below a master's ``root``, where that is known.
    """

    host: str
    slave: str | None
    source: Source
    manifest: Manifest
    root: Path | None
    folder: str | None = None

    def read(self, path: RelPath, layer: Layer | None) -> bytes:
        """Return the content of one of its files.

        Raises:
            FileTroubleError: it can't be read, or is not on this machine.
            RootVanishedError: the folder is no longer there.
        """
        if self.root is None:
            raise FileTroubleError(f"{path} is on {self.host}: reading contents there is not built yet", host=self.host)
        below = path if self.slave is None else join(RelPath(Views.folder_of(layer, self.folder)), path)
        return read_content(self.root, below, max_bytes=MAX_FILE_BYTES)


async def slave_list(slave: Host) -> FileList:
    """Return what a slave's cache holds.

    Raises:
        RootVanishedError: the cache is on this machine, but not there.
        UnreachableError: no agent answers and the host is elsewhere.
        PeerError: whoever answers there is no jsync agent, and the host is elsewhere.
    """
    root = slave.cache if connection_of(slave) is Connection.LOCAL else None
    try:
        manifest = await _ask_for_list(slave, ListFiles())
    except (PeerError, HostError):
        if root is None:
            raise
        manifest = manifest_of(await asyncio.to_thread(scan, root))
        return FileList(host=slave.name, slave=None, source=Source.LOCAL, manifest=manifest, root=root)
    return FileList(host=slave.name, slave=None, source=Source.AGENT, manifest=manifest, root=root)


async def master_list(inventory: Inventory, master: Host, slave: Host) -> FileList:
    """Return what ``master`` would hand out to ``slave`` now.

    Raises:
        RootVanishedError: the remote folder is not there.
        FileTroubleError: the slave's folder, or ``_all``, can't be read.
        UnreachableError: no agent answers and the host is elsewhere, or the slave's name is unknown.
        PeerError: whoever answers there is no jsync agent, and the host is elsewhere.
    """
    root = master.remote if connection_of(master) is Connection.LOCAL else None
    folder: str | None = None
    try:
        manifest = await _ask_for_list(master, ListFiles(slave=slave.name))
        source = Source.AGENT
        if root is not None:
            folder = await _own_folder(inventory, master, slave, await asyncio.to_thread(_first_level, root))
    except (PeerError, HostError):
        if root is None:
            raise
        source = Source.LOCAL
        views = Views(manifest_of(await asyncio.to_thread(scan, root)))
        folder = await _own_folder(inventory, master, slave, views.folders)
        manifest = views.of(folder)
    return FileList(host=master.name, slave=slave.name, source=source, manifest=manifest, root=root, folder=folder)


async def _own_folder(inventory: Inventory, master: Host, slave: Host, folders: tuple[str, ...]) -> str | None:
    chooser = FolderChooser(inventory.slaves_of(master), Resolver(), is_http=master.dialect is Dialect.HTTP)
    return await chooser.choose(folders, slave, await chooser.address_of(slave))


def _first_level(root: Path) -> tuple[str, ...]:
    """Return the names of the folders in ``root``; none where it can't be read, which shows when contents are read."""
    try:
        return tuple(sorted(place.name for place in root.iterdir() if place.is_dir()))
    except OSError:
        return ()


async def _ask_for_list(host: Host, question: ListFiles) -> Manifest:
    try:
        answer = await ask(host, question)
    except RemoteRefusalError as error:
        if error.error_code == "SCHEDULER-882":
            raise RootVanishedError(error.text, host=host.name) from error
        raise
    if isinstance(answer, FileListAnswer):
        return answer.manifest
    raise PeerError(f"{host.name} answers, but not with a file list: it is no jsync agent", host=host.name)


def first_error(errors: list[JsyncError]) -> JsyncError:
    """Return the error to show when all masters of a slave failed: the first one that is not just absence."""
    present = [error for error in errors if not isinstance(error, UnreachableError)]
    return (present or errors)[0]
