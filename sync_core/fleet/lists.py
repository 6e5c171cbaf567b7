"""File lists in three ways: from the agent by TCP, else by SSH from the folder, else from the folder here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sync_core.agent.views import Views
from sync_core.fleet.agent_tree import ask_agent
from sync_core.fleet.file_list import FileList, Source
from sync_core.fleet.own_sockets import own_socket
from sync_core.fleet.reach import Reach
from sync_core.fleet.two_ways import first_of
from sync_core.model.errors import JsyncError, RemoteRefusalError, TreeError, UnreachableError
from sync_core.model.folder import EMPTY_FOLDER
from sync_core.model.inventory import Connection, Dialect, Host, Inventory
from sync_core.model.path import RelPath
from sync_core.net.resolve import Resolver
from sync_core.net.runner import Runner
from sync_core.net.threads import in_thread

if TYPE_CHECKING:
    from sync_core.fleet.offered import Offered
    from sync_core.fleet.own_folders import OwnFolders
    from sync_core.model.scan import Scan
    from sync_core.net.far_folder import FarFolder
    from sync_core.net.far_stream import Contents

__all__ = ["Found", "Lists", "first_error", "folder_of", "whole"]

_log = logging.getLogger(__name__)

_ANSWER_TIMEOUT_S = 20.0
"""An agent that says nothing for so long is passed over."""
_PATIENCE_S = 5.0
"""A live agent has its list at hand as soon as its first look has settled, 3.5 s after its start. A stopped one takes
connections all the same, and says nothing: then its folder is read beside it."""

Found: TypeAlias = "FileList | Offered"
"""A list, or what an agent of our own dialect offers, to be asked for more, or for all, or to be closed."""


class Lists:
    """Reads lists during one run: what several slaves need of their master is read once. ``close`` it.

    Args:
        inventory: declares who is whose master.
        reach: leads to the hosts.
        timeout_s: a program on a host ends by itself after so long.
        state_folder: where the run state of this machine's agents lies; ``None`` = they are asked by TCP.
        resolver: looks up names.
        patience_s: how long an agent may say nothing before its folder is read as well.
    """

    def __init__(
        self,
        inventory: Inventory,
        reach: Reach,
        *,
        timeout_s: float,
        state_folder: Path | None = None,
        resolver: Resolver | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self.inventory = inventory
        self.reach = reach
        self.resolver = resolver or Resolver()
        self._timeout_s = timeout_s
        self._state_folder = state_folder
        self._patience_s = patience_s
        self._views: dict[str, asyncio.Task[Views]] = {}
        self._own_folders: dict[str, OwnFolders] = {}
        self._absent: dict[str, UnreachableError] = {}

    async def close(self) -> None:
        """Give up what is still being read."""
        for task in self._views.values():
            task.cancel()
        await asyncio.gather(*self._views.values(), return_exceptions=True)

    async def slave_list(self, slave: Host) -> FileList:
        """Return what a slave's cache holds; raises as ``find_slave``."""
        return await whole(await self.find_slave(slave))

    async def master_list(self, master: Host, slave: Host) -> FileList:
        """Return what ``master`` would hand out to ``slave`` now; raises as ``find_master``."""
        return await whole(await self.find_master(master, slave))

    async def find_slave(self, slave: Host) -> Found:
        """Return what a slave's cache holds, or what its agent offers of it.

        Raises:
            TreeError: the cache is not there, or can't be read.
            UnreachableError: no agent answers, and the host can't be reached.
            HostError: the host has nothing to read with.
            PeerError: whoever answers there is no jsync agent, and only its ports are reached.
        """

        async def read() -> FileList:
            source = await self._folder_source(slave)
            return FileList(host=slave, slave=None, source=source, tree=(await self._scan(slave)).root)

        return await self._find(slave, None, read)

    async def find_master(self, master: Host, slave: Host) -> Found:
        """Return what ``master`` would hand out to ``slave`` now, or what its agent offers of it.

        Raises:
            TreeError: the remote folder is not there; the slave's folder, or ``_all``, can't be read.
            UnreachableError: no agent answers, and the host can't be reached; or the slave's name is unknown.
            HostError: the host has nothing to read with.
            PeerError: whoever answers there is no jsync agent, and only its ports are reached.
        """

        async def read() -> FileList:
            views = await self._views_of(master)
            folder = await self._own_folder(views.folders, master, slave)
            source = await self._folder_source(master)
            own = views.own(folder) or EMPTY_FOLDER
            return FileList(host=master, slave=slave, source=source, tree=views.of(folder), own=own)

        return await self._find(master, slave, read)

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
        # Nobody needs asyncssh's ways where agents answer.
        from sync_core.net.far_folder import FarFolder, ways_of  # noqa: PLC0415

        return FarFolder(str(folder_of(host)), ways_of(runner, deadline_s=self._timeout_s))

    async def _find(self, host: Host, slave: Host | None, read: Callable[[], Coroutine[Any, Any, FileList]]) -> Found:
        """Return what the host's agent says, or what ``read`` finds where the agent says nothing, or nothing soon."""
        refusals: list[RemoteRefusalError] = []

        async def ask() -> Found:
            try:
                return await self._ask(host, slave)
            except RemoteRefusalError as error:
                refusals.append(error)
                raise
            except asyncio.CancelledError:
                # Who said nothing while the folder was read need not be waited for again.
                self._absent[host.name] = UnreachableError("it has not answered", host=host.name)
                raise

        async def read_folder() -> Found:
            return await read()

        if await self.reach.connection_of(host) is Connection.NONE:
            return await ask()
        try:
            return await first_of(ask(), read_folder, patience_s=self._patience_s)
        except JsyncError as error:
            if not (refusals and refusals[0].hint):
                raise
            both = RemoteRefusalError(
                refusals[0].error_code, f"{refusals[0]}; read by ourselves: {error}", host=host.name
            )
            both.hint = refusals[0].hint
            raise both from error

    async def _own_folder(self, folders: Sequence[str], master: Host, slave: Host) -> str | None:
        finder = self._own_folders.get(master.name)
        if finder is None:
            from sync_core.fleet.own_folders import OwnFolders  # noqa: PLC0415 - not where agents answer

            slaves = self.inventory.slaves_of(master)
            finder = OwnFolders(slaves, self.resolver, is_http=master.dialect is Dialect.HTTP)
            self._own_folders[master.name] = finder
        return await finder.choose(folders, slave)

    async def _views_of(self, master: Host) -> Views:
        task = self._views.get(master.name)
        if task is None:
            task = self._views[master.name] = asyncio.ensure_future(self._look(master))
        # Shielded: many slaves wait for it, and one of them may give up.
        return await asyncio.shield(task)

    async def _look(self, master: Host) -> Views:
        if await self.reach.connection_of(master) is Connection.SSH:
            _log.info("%s is read by SSH: which folder is whose, the names of this machine decide", master.name)
        return Views((await self._scan(master)).root)

    async def _scan(self, host: Host) -> Scan:
        root = folder_of(host)
        try:
            if await self.reach.connection_of(host) is Connection.SSH:
                async with self.reach.on(host) as runner:
                    return await self._far_folder(host, runner).scan()
            from sync_core.tree.scan import scan  # noqa: PLC0415 - not where agents answer

            return await in_thread(lambda: scan(root), name=f"scan {host.name}")
        except TreeError as error:
            error.host = error.host or host.name
            raise

    async def _ask(self, host: Host, slave: Host | None) -> Found:
        if host.name in self._absent:
            raise self._absent[host.name]
        own = await self.socket_of(host)
        try:
            return await ask_agent(host, slave, self.resolver, own=own, answer_timeout_s=_ANSWER_TIMEOUT_S)
        except UnreachableError as error:
            self._absent[host.name] = error
            raise

    async def socket_of(self, host: Host) -> Path | None:
        """Return the agent's own socket, where we may open it."""
        return await own_socket(self.inventory, host, self._state_folder, self.reach)

    async def _folder_source(self, host: Host) -> Source:
        return Source.SSH if await self.reach.connection_of(host) is Connection.SSH else Source.LOCAL


async def whole(found: Found) -> FileList:
    """Return the whole list, from whoever offers it; raises as ``Lists.find_slave``."""
    return found if isinstance(found, FileList) else await found.whole()


def folder_of(host: Host) -> Path:
    """Return the host's folder: a master's ``remote``, a slave's ``cache``."""
    folder = host.remote if host.is_master else host.cache
    assert folder is not None, "the inventory refuses a host that is worked on without its folder"  # noqa: S101
    return folder


def first_error(errors: list[JsyncError]) -> JsyncError:
    """Return the error to show when all masters of a slave failed: the first one that is not just absence."""
    present = [error for error in errors if not isinstance(error, UnreachableError)]
    return (present or errors)[0]


def _first_level(root: Path) -> tuple[str, ...]:
    """Return the names of the folders in ``root``; none where it can't be read, which shows when contents are read."""
    try:
        return tuple(sorted(place.name for place in root.iterdir() if place.is_dir()))
    except OSError:
        return ()
