"""The long-lived master: answers its slaves from the remote folder and books who has what."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from sync_core.agent.answer_builder import AnswerBuilder, BuiltAnswer
from sync_core.agent.answers import error_answer
from sync_core.agent.commands import OwnRequest, StateOf, answer_command
from sync_core.agent.folders import FolderChooser
from sync_core.agent.http_slaves import HttpSlaves
from sync_core.agent.register import MOST_BY_HTTP, Registrations
from sync_core.agent.registration import AnyIdentity, Identity, Slave
from sync_core.agent.remote import RemoteFolder
from sync_core.agent.views import Views
from sync_core.agent.wakeups import WakeUps
from sync_core.model.errors import JsyncError
from sync_core.model.inventory import Host
from sync_core.model.manifest import Manifest
from sync_core.net.server import Connection
from sync_core.protocol.messages import (
    Answer,
    CheckFolders,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    FileListAnswer,
    ListFiles,
    OkAnswer,
    Register,
    Request,
)
from sync_core.protocol.texts import text

__all__ = ["MasterCommands"]

_log = logging.getLogger(__name__)


class MasterCommands:
    """Carries out what peers ask a master.

    Args:
        slaves: the inventory's slaves of this master, by name.
        remote: what it distributes.
        folder_of: finds the own folder of a registered slave.
        chooser: finds that of a slave by name.
        register: who is registered.
        http_slaves: books those that fetch by HTTP.
        wake_ups: signals slaves.
        state: builds ``<state>`` for the words of ``what``.
        on_change: called after the register changed.
        on_stale: called when a slave was given a view that is no longer the newest.
    """

    def __init__(
        self,
        *,
        slaves: dict[str, Host],
        remote: RemoteFolder,
        folder_of: Callable[[Slave, Views], Awaitable[str | None]],
        chooser: FolderChooser,
        register: Registrations,
        http_slaves: HttpSlaves,
        wake_ups: WakeUps,
        state: StateOf,
        on_change: Callable[[], None],
        on_stale: Callable[[], None],
    ) -> None:
        self._slaves = slaves
        self._remote = remote
        self._folder_of = folder_of
        self._chooser = chooser
        self._register = register
        self._http_slaves = http_slaves
        self._wake_ups = wake_ups
        self._state = state
        self._on_change = on_change
        self._on_stale = on_stale
        self._builder = AnswerBuilder(remote.read)
        self._warned_without_folder: set[AnyIdentity] = set()

    async def handle(self, connection: Connection, request: Request) -> Answer:
        """Return the answer to one request; our own errors become ERROR answers."""
        return await answer_command(connection, request, state=self._state, own=self._answer)

    async def _answer(self, connection: Connection, request: OwnRequest) -> Answer:
        match request:
            case Register():
                return self._register_slave(connection, request)
            case FetchUpdatedFiles():
                return await self._fetch(connection, request.listed)
            case CheckFolders():
                self._remote.look_now()
                return OkAnswer()
            case ListFiles():
                return await self._list(request.slave)
            case FetchDifferences():
                return await self._differences(request.slave, request.listed)
            case FetchConfiguration():
                return await self._fetch_by_http(connection, request)

    def forget(self, connection: Connection) -> None:
        """Note that a connection ended."""
        self._register.unbind(connection, now=time.time())
        self._on_change()

    def _register_slave(self, connection: Connection, message: Register) -> Answer:
        identity = Identity(connection.peer_ip, message.tcp_port)
        older = self._register.register(identity, message, connection, now=time.time(), monotonic=time.monotonic())
        if isinstance(older, Connection):
            _log.warning("%s", text("SCHEDULER-714", str(identity), str(older), str(connection)))
            older.close()
        self._wake_ups.stir()
        self._on_change()
        return OkAnswer(is_jsync=message.is_jsync)

    async def _fetch(self, connection: Connection, listed: Manifest) -> Answer:
        slave = self._register.of(connection)
        if slave is None:
            return error_answer("SCHEDULER-457", str(connection.peer_ip))
        return await self._fetch_for(slave, listed)

    async def _fetch_by_http(self, connection: Connection, request: FetchConfiguration) -> Answer:
        """Answer a fetch that is a registration too; by raw TCP it may come as well (``protocol.md`` section 8.3)."""
        slave = await self._http_slaves.arrive(request, connection.peer_ip)
        self._on_change()
        return await self._fetch_for(slave, request.listed)

    async def _fetch_for(self, slave: Slave, listed: Manifest) -> Answer:
        views = await self._remote.views()
        folder = await self._folder_of(slave, views)
        self._note_missing_folder(slave, folder, views)
        built = await self._build(views, folder, listed, is_jsync=slave.message.is_jsync)
        self._book(slave, views, folder, built)
        has_more = not built.is_whole and not built.is_unread  # what can't be read comes when it can, not in a loop
        if has_more or not self._remote.is_newest(views):
            self._on_stale()
        return built.answer

    def _book(self, asked: Slave, views: Views, folder: str | None, built: BuiltAnswer) -> None:
        """Note that the slave was given this view, or all of it but what could not be read."""
        slave = self._register.get(asked.identity)
        if slave is None or slave.connection is not asked.connection:
            return
        given_md5 = views.tree_md5(folder)
        is_refused = built.is_news and slave.had_news and slave.given_md5 == given_md5
        self._register.put(
            replace(
                slave,
                fetched_at=time.time(),
                given_md5=given_md5 if built.is_whole else "",
                folder=folder,
                changed_at=None if built.is_whole else time.time(),
                had_news=built.is_news,
                refused_since=(slave.refused_since or time.time()) if is_refused else None,
                reminder=slave.reminder.fetched(time.monotonic()),
                error=None,
            )
        )
        self._wake_ups.stir()
        self._on_change()

    async def _list(self, name: str | None) -> Answer:
        views, folder = await self._view_for(name)
        return FileListAnswer(manifest=views.of(folder))

    async def _differences(self, name: str | None, listed: Manifest) -> Answer:
        views, folder = await self._view_for(name)
        return (await self._build(views, folder, listed, is_jsync=True)).answer

    async def _view_for(self, name: str | None) -> tuple[Views, str | None]:
        slave = self._slaves.get(name or "")
        if slave is None:
            raise JsyncError(f"this master has no slave {name!r}")
        views = await self._remote.views()
        address = await self._chooser.address_of(slave)
        return views, await self._chooser.choose(views.folders, slave, address)

    async def _build(self, views: Views, folder: str | None, listed: Manifest, *, is_jsync: bool) -> BuiltAnswer:
        built = await self._builder.build(views, folder, listed, is_jsync=is_jsync)
        if built.is_unread:
            self._remote.look_now()  # the disk is not what was seen last
        return built

    def _note_missing_folder(self, slave: Slave, folder: str | None, views: Views) -> None:
        if folder is None and not views.of(None).entries and slave.identity not in self._warned_without_folder:
            if len(self._warned_without_folder) >= MOST_BY_HTTP:
                self._warned_without_folder.clear()
            self._warned_without_folder.add(slave.identity)
            name = f"Remote_scheduler {slave.message.scheduler_id} ({slave.identity})"
            _log.info("%s", text("SCHEDULER-455", name))
