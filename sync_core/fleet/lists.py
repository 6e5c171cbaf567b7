"""File lists in three ways: from the agent by TCP, else by SSH from the folder, else from the folder here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sync_core.agent.folders import FolderChooser
from sync_core.agent.views import Views
from sync_core.fleet.ask import ask
from sync_core.fleet.reach import Reach
from sync_core.fleet.two_ways import first_of
from sync_core.model.errors import (
    FileTroubleError,
    JsyncError,
    PeerError,
    RemoteRefusalError,
    RootVanishedError,
    TreeError,
    UnreachableError,
)
from sync_core.model.inventory import Connection, Dialect, Host, Inventory
from sync_core.model.manifest import Manifest
from sync_core.model.observation import Scan
from sync_core.model.path import RelPath
from sync_core.model.settle import manifest_of
from sync_core.net.far_folder import FarFolder, ways_of
from sync_core.net.far_stream import Contents
from sync_core.net.resolve import Resolver
from sync_core.net.runner import Runner
from sync_core.net.threads import in_thread
from sync_core.protocol.messages import FileListAnswer, ListFiles
from sync_core.tree.scan import scan

__all__ = ["FileList", "Lists", "Source", "first_error", "folder_of", "unreadable"]

_log = logging.getLogger(__name__)

_ANSWER_TIMEOUT_S = 20.0
"""An agent that says nothing for so long is passed over."""
_PATIENCE_S = 5.0
"""A live agent has its list at hand as soon as its first look has settled, 3.5 s after its start. A stopped one takes
connections all the same, and says nothing: then its folder is read beside it."""


class Source(StrEnum):
    """How a list was read."""

    AGENT = "agent"
    SSH = "ssh"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileList:
    """One md5 file list.

    Attributes:
        host: whose.
        slave: for which slave a master made it; ``None`` for a slave's own.
        source: how it was read.
        manifest: the list.
    """

    host: Host
    slave: Host | None
    source: Source
    manifest: Manifest


class Lists:
    """Reads lists during one run: what several slaves need of their master is read once. ``close`` it.

    Args:
        inventory: declares who is whose master.
        reach: leads to the hosts.
        timeout_s: a program on a host ends by itself after so long.
        resolver: looks up names.
        patience_s: how long an agent may say nothing before its folder is read as well.
    """

    def __init__(
        self,
        inventory: Inventory,
        reach: Reach,
        *,
        timeout_s: float,
        resolver: Resolver | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.inventory = inventory
        self.reach = reach
        self.resolver = resolver or Resolver()
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._views: dict[str, asyncio.Task[Views]] = {}
        self._choosers: dict[str, FolderChooser] = {}
        self._absent: dict[str, UnreachableError] = {}

    async def close(self) -> None:
        """Give up what is still being read."""
        for task in self._views.values():
            task.cancel()
        await asyncio.gather(*self._views.values(), return_exceptions=True)

    async def slave_list(self, slave: Host) -> FileList:
        """Return what a slave's cache holds.

        Raises:
            TreeError: the cache is not there, or can't be read.
            UnreachableError: no agent answers, and the host can't be reached.
            HostError: the host has nothing to read with.
            PeerError: whoever answers there is no jsync agent, and only its ports are reached.
        """

        async def read() -> Manifest:
            return manifest_of(await self._scan(slave))

        manifest, source = await self._list_of(slave, ListFiles(), read)
        return FileList(host=slave, slave=None, source=source, manifest=manifest)

    async def master_list(self, master: Host, slave: Host) -> FileList:
        """Return what ``master`` would hand out to ``slave`` now.

        Raises:
            TreeError: the remote folder is not there; the slave's folder, or ``_all``, can't be read.
            UnreachableError: no agent answers, and the host can't be reached; or the slave's name is unknown.
            HostError: the host has nothing to read with.
            PeerError: whoever answers there is no jsync agent, and only its ports are reached.
        """

        async def read() -> Manifest:
            views = await self._views_of(master)
            return views.of(await self._own_folder(views.folders, master, slave))

        manifest, source = await self._list_of(master, ListFiles(slave=slave.name), read)
        return FileList(host=master, slave=slave, source=source, manifest=manifest)

    async def own_folder(self, master: Host, slave: Host) -> str | None:
        """Return the slave's own folder below the master's ``remote``; raises what ``master_list`` raises."""
        if await self.reach.connection_of(master) is Connection.LOCAL:
            return await self._own_folder(_first_level(folder_of(master)), master, slave)
        return await self._own_folder((await self._views_of(master)).folders, master, slave)

    async def read_far(self, host: Host, paths: Sequence[RelPath], *, most_bytes: int) -> Contents:
        """Return the contents of files in the host's folder by SSH; raises what ``slave_list`` raises."""
        async with self.reach.on(host) as runner:
            return await self._far_folder(host, runner).read(paths, most_bytes=most_bytes)

    def _far_folder(self, host: Host, runner: Runner) -> FarFolder:
        return FarFolder(str(folder_of(host)), ways_of(runner, deadline_s=self._timeout_s))

    async def _list_of(
        self, host: Host, question: ListFiles, read: Callable[[], Coroutine[Any, Any, Manifest]]
    ) -> tuple[Manifest, Source]:
        """Return the list of the host's agent, or what ``read`` finds where the agent gives none, or none soon."""
        connection = await self.reach.connection_of(host)

        async def ask_agent() -> tuple[Manifest, Source]:
            try:
                return await self._ask_for_list(host, question), Source.AGENT
            except asyncio.CancelledError:
                # Who said nothing while the folder was read need not be waited for again.
                self._absent[host.name] = UnreachableError("it has not answered", host=host.name)
                raise

        async def read_folder() -> tuple[Manifest, Source]:
            return await read(), _source_of(connection)

        if connection is Connection.NONE:
            return await ask_agent()
        return await first_of(ask_agent(), read_folder, patience_s=self._patience_s)

    async def _own_folder(self, folders: tuple[str, ...], master: Host, slave: Host) -> str | None:
        chooser = self._choosers.get(master.name)
        if chooser is None:
            slaves = self.inventory.slaves_of(master)
            chooser = FolderChooser(slaves, self.resolver, is_http=master.dialect is Dialect.HTTP)
            self._choosers[master.name] = chooser
        return await chooser.choose(folders, slave, await chooser.address_of(slave))

    async def _views_of(self, master: Host) -> Views:
        task = self._views.get(master.name)
        if task is None:
            task = self._views[master.name] = asyncio.ensure_future(self._look(master))
        # Shielded: many slaves wait for it, and one of them may give up.
        return await asyncio.shield(task)

    async def _look(self, master: Host) -> Views:
        if await self.reach.connection_of(master) is Connection.SSH:
            _log.info("%s is read by SSH: which folder is whose, the names of this machine decide", master.name)
        return Views(manifest_of(await self._scan(master)))

    async def _scan(self, host: Host) -> Scan:
        root = folder_of(host)
        try:
            if await self.reach.connection_of(host) is Connection.SSH:
                async with self.reach.on(host) as runner:
                    return await self._far_folder(host, runner).scan()
            return await in_thread(lambda: scan(root), name=f"scan {host.name}")
        except TreeError as error:
            error.host = error.host or host.name
            raise

    async def _ask_for_list(self, host: Host, question: ListFiles) -> Manifest:
        if host.name in self._absent:
            raise self._absent[host.name]
        try:
            answer = await ask(host, question, resolver=self.resolver, answer_timeout_s=_ANSWER_TIMEOUT_S)
        except UnreachableError as error:
            self._absent[host.name] = error
            raise
        except RemoteRefusalError as error:
            if error.error_code == "SCHEDULER-882":
                raise RootVanishedError(error.text, host=host.name) from error
            raise
        if isinstance(answer, FileListAnswer):
            return answer.manifest
        raise PeerError(f"{host.name} answers, but not with a file list: it is no jsync agent", host=host.name)


def folder_of(host: Host) -> Path:
    """Return the host's folder: a master's ``remote``, a slave's ``cache``."""
    folder = host.remote if host.is_master else host.cache
    assert folder is not None, "the inventory refuses a host that is worked on without its folder"  # noqa: S101
    return folder


def first_error(errors: list[JsyncError]) -> JsyncError:
    """Return the error to show when all masters of a slave failed: the first one that is not just absence."""
    present = [error for error in errors if not isinstance(error, UnreachableError)]
    return (present or errors)[0]


def unreadable(lists: Iterable[FileList]) -> FileTroubleError | None:
    """Return an error that names what could not be read, since nothing is known of it."""
    for one in lists:
        paths = [entry.path for entry in one.manifest if entry.is_unreadable]
        if paths:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            return FileTroubleError(
                f"{one.host.name} can't read {paths[0]}{more}",
                hint="mend its owner or mode; a link that leads out of the folder must go",
                host=one.host.name,
            )
    return None


def _source_of(connection: Connection) -> Source:
    return Source.SSH if connection is Connection.SSH else Source.LOCAL


def _first_level(root: Path) -> tuple[str, ...]:
    """Return the names of the folders in ``root``; none where it can't be read, which shows when contents are read."""
    try:
        return tuple(sorted(place.name for place in root.iterdir() if place.is_dir()))
    except OSError:
        return ()
