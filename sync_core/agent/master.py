"""What peers may ask a master: registrations, lists, and the views of its remote folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from sync_core.agent.answer_builder import AnswerBuilder, BuiltAnswer
from sync_core.agent.answers import error_answer
from sync_core.agent.commands import OwnRequest, StateOf, answer_command
from sync_core.agent.folder_names import FolderNames
from sync_core.agent.http_addresses import HttpAddresses
from sync_core.agent.paced import Paced
from sync_core.agent.remote import RemoteFolder
from sync_core.agent.signals import Signals
from sync_core.agent.trust import Trust
from sync_core.agent.views import Views
from sync_core.model.errors import JsyncError
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.inventory import Host
from sync_core.model.registry.register import Register as SlaveRegister
from sync_core.model.registry.registration import HttpIdentity, Identity, Registration, Slave
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
    OpenDialect,
    Register,
    Request,
)

__all__ = ["MasterCommands"]


class MasterCommands:
    """Carries out what peers ask a master.

    Args:
        slaves: the inventory's slaves of this master, by name.
        remote: what it distributes.
        builder: builds answers from it.
        names: knows whose folder is whose.
        trust: knows who may act for whom.
        register: who is registered.
        signals: carries out what the register wants done.
        http_addresses: where those that ask by HTTP want their wake-ups.
        state: builds ``<state>`` for the words of ``what``.
        on_change: called after the register changed.
    """

    def __init__(
        self,
        *,
        slaves: Mapping[str, Host],
        remote: RemoteFolder,
        builder: AnswerBuilder,
        names: FolderNames,
        trust: Trust,
        register: SlaveRegister,
        signals: Signals,
        http_addresses: HttpAddresses,
        state: StateOf,
        on_change: Callable[[], None],
    ) -> None:
        self._slaves = slaves
        self._remote = remote
        self._builder = builder
        self._names = names
        self._trust = trust
        self._register = register
        self._signals = signals
        self._http_addresses = http_addresses
        self._state = state
        self._on_change = on_change
        self._look_now = Paced(remote.look_now)

    def take_slaves(self, slaves: Mapping[str, Host]) -> None:
        """Take the slaves of another inventory, by name; who was proven to be one of the others is cut off."""
        self._slaves = slaves
        for slave in self._register:
            if slave.identity.name and slave.identity.name not in slaves and isinstance(slave.connection, Connection):
                slave.connection.close()

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
                self._look_now()
                return OkAnswer()
            case ListFiles():
                views, folder = await self.view_for(connection, request.slave)
                return FileListAnswer(tree=views.of(folder), own=views.own(folder) or EMPTY_FOLDER)
            case FetchDifferences():
                return await self._differences(connection, request)
            case FetchConfiguration():
                return await self._fetch_by_http(connection, request)
            case OpenDialect():
                return OkAnswer(jsync=2)

    def forget(self, connection: Connection) -> None:
        """Note that a connection ended."""
        self._register.ended(connection, wall=time.time())
        self._on_change()

    def _register_slave(self, connection: Connection, message: Register) -> Answer:
        identity = Identity(connection.peer_ip, message.tcp_port, self._trust.slave_of(connection))
        said = _registration(message)
        if not identity.name:
            self._trust.check_stranger(connection.peer_ip)
            address = Slave(identity=identity, registration=said).address
            self._trust.check_plain(self._names.host_at(address), None)
        effects = self._register.registered(identity, said, connection, now=time.monotonic(), wall=time.time())
        connection.is_kept = not message.is_logoff
        self._signals.carry_out(effects)
        self._signals.stir()
        self._on_change()
        return OkAnswer(jsync=0 if not message.is_jsync else 2 if message.knows_dialect else 1)

    async def _fetch(self, connection: Connection, listed: Folder) -> Answer:
        slave = self._register.of(connection)
        if slave is None:
            return error_answer("SCHEDULER-457", str(connection.peer_ip))
        return await self._fetch_for(slave, connection, listed)

    async def _fetch_by_http(self, connection: Connection, request: FetchConfiguration) -> Answer:
        """Answer a fetch that is a registration too; by raw TCP it may come as well (``protocol.md`` section 8.3)."""
        name = self._trust.slave_of(connection)
        if not name:
            self._trust.check_stranger(connection.peer_ip)
        ip = await self._http_addresses.wake_up_address(request.ip, connection.peer_ip)
        interval_s = max(1, request.interval_s)
        slave = self._register.asked_by_http(
            HttpIdentity(request.member_id, ip, request.udp_port, name),
            Registration(
                scheduler_id=request.scheduler_id,
                udp_port=request.udp_port,
                version=request.version,
                is_jsync=request.is_jsync,
                is_cluster_member=True,
                interval_s=interval_s,
                from_ip=connection.peer_ip,
            ),
            origin=connection.peer_ip,
            active_s=2.0 * interval_s,
            now=time.monotonic(),
            wall=time.time(),
        )
        self._signals.stir()
        self._on_change()
        return await self._fetch_for(slave, None, request.listed)

    async def _fetch_for(self, slave: Slave, connection: Connection | None, listed: Folder) -> Answer:
        is_jsync = slave.registration.is_jsync
        views, folder = await self.view_of(slave)
        built = await self._build(views, folder, listed, is_jsync=is_jsync)
        effects = self._register.fetched(
            slave,
            connection,
            given=views.of(folder),
            folder=folder,
            is_whole=built.is_whole,
            is_news=built.is_news,
            has_more=built.has_more,
            now=time.monotonic(),
            wall=time.time(),
        )
        self._signals.carry_out(effects)
        self._signals.stir()
        self._on_change()
        return built.answer

    async def view_of(self, slave: Slave) -> tuple[Views, str | None]:
        """Return the newest views, and the name of the slave's own folder in them.

        Raises:
            RootVanishedError: the remote folder is not there.
            UntrustedError: it speaks in plain, and that is another's; or its scheduler id is.
        """
        views = await self._newest_views()
        folder = await self._names.choice(slave)
        if not slave.identity.name:
            self._trust.check_stranger(
                slave.registration.from_ip or slave.identity.ip
            )  # the inventory may have changed
            self._trust.check_plain(self._names.host_of(slave), folder)
        return views, folder

    async def view_for(self, connection: Connection, name: str | None) -> tuple[Views, str | None]:
        """Return the same for a slave of the inventory, registered or not, as far as ``connection`` may see it.

        Raises:
            JsyncError: there is no such slave, or it is none of its business.
            RootVanishedError: the remote folder is not there.
        """
        slave = self._slaves.get(name or "")
        if slave is None:
            raise JsyncError(f"this master has no slave {name!r}")
        views = await self._newest_views()
        folder = await self._names.choice_for(slave, is_jsync=True)
        self._trust.check_look(connection, slave, is_at=self._names.is_at(slave, connection.peer_ip))
        return views, folder

    async def _newest_views(self) -> Views:
        views = await self._remote.views()
        self._names.take(views.folders)  # whose folder is whose must be known of these very views
        return views

    async def _differences(self, connection: Connection, request: FetchDifferences) -> Answer:
        views, folder = await self.view_for(connection, request.slave)
        return (await self._build(views, folder, request.listed, is_jsync=True, is_portion=False)).answer

    async def _build(
        self, views: Views, folder: str | None, listed: Folder, *, is_jsync: bool, is_portion: bool = True
    ) -> BuiltAnswer:
        built = await self._builder.build(views, folder, listed, is_jsync=is_jsync, is_portion=is_portion)
        if built.is_unread:
            self._remote.look_now()  # the disk is not what was seen last
        return built


def _registration(message: Register) -> Registration:
    return Registration(
        scheduler_id=message.scheduler_id,
        udp_port=message.udp_port,
        version=message.version,
        is_jsync=message.is_jsync,
        is_cluster_member=message.is_cluster_member,
        is_logoff=message.is_logoff,
    )
