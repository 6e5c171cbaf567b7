"""A master's commands over a real folder, without any socket; its slaves' look-ups of names can be made to wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sync_core.agent.answer_builder import AnswerBuilder
from sync_core.agent.file_contents import FileContents
from sync_core.agent.folder_names import FolderNames
from sync_core.agent.http_addresses import HttpAddresses
from sync_core.agent.master import MasterCommands
from sync_core.agent.master_offers import MasterOffers
from sync_core.agent.remote import RemoteFolder
from sync_core.agent.signals import Signals
from sync_core.agent.trust import Trust
from sync_core.agent.views import Views
from sync_core.model.answer_plan import realizes
from sync_core.model.errors import TreeError
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.inventory import Host, Role
from sync_core.model.registry.folder_map import FolderMap
from sync_core.model.registry.register import Register
from sync_core.model.registry.registration import Slave
from sync_core.model.security import Level
from sync_core.net.connection import Connection
from sync_core.protocol.messages import Answer, ChangesAnswer, FetchUpdatedFiles, Request, StateAnswer
from sync_core.tree.scan import scan
from tests.support.agents import a_connection, a_resolver, in_background
from tests.support.digests import MemoryDigests
from tests.support.net import a_host

__all__ = ["CommandedMaster", "a_commanded_master", "put"]


class _Names(FolderNames):
    """Names whose look-ups wait while the gate is closed."""

    def __init__(self, folders: FolderMap, *, on_change: Callable[[], None]) -> None:
        super().__init__(folders, a_resolver(), on_change=on_change)
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Event()

    async def choice(self, slave: Slave) -> str | None:
        self.waiting.set()
        await self.gate.wait()
        return await super().choice(slave)


class CommandedMaster:
    """A master's commands.

    Args:
        root: its remote folder; what is there counts as settled.
        slaves: of its inventory.
        own: the master's entry there.
        more: for the remote folder.

    Attributes:
        commands: answers requests.
        offers: answers in our own dialect.
        register: who is registered.
        remote: the folder.
        names: whose look-ups can be made to wait.
        changes: how often the register changed.
    """

    def __init__(self, root: Path, *slaves: Host, own: Host | None = None, **more: Any) -> None:
        self.changes = 0
        self.view_changed = asyncio.Event()
        known = scan(root).root if root.exists() else EMPTY_FOLDER
        self.remote = RemoteFolder(
            root, interval_s=60, digests=MemoryDigests(known), on_change=self.view_changed.set, **more
        )
        hosts = slaves or (a_host("slave-1", tcp_port=5001),)
        self.names = _Names(FolderMap(hosts, own=frozenset()), on_change=self._folders_changed)
        self.register = Register(folder_of=self.names.folder_of, realizes=realizes)
        self.signals = Signals(self.register, display=lambda slave: str(slave.identity.ip), listen=None)
        self.commands = MasterCommands(
            slaves={host.name: host for host in hosts},
            remote=self.remote,
            builder=AnswerBuilder(self.remote.read),
            names=self.names,
            trust=Trust(own or a_host("m", role=Role.MASTER), hosts, named_level_of=lambda _: Level.ALL),
            register=self.register,
            signals=self.signals,
            http_addresses=HttpAddresses(a_resolver(), level_of=lambda _: Level.NONE),
            state=lambda what: StateAnswer(attributes={"what": " ".join(sorted(what))}),
            on_change=self._count,
        )
        self.offers = MasterOffers(
            commands=self.commands,
            register=self.register,
            signals=self.signals,
            contents=FileContents(root),
            on_change=self._count,
        )

    def _folders_changed(self) -> None:
        self.register.folders_changed()

    def _count(self) -> None:
        self.changes += 1

    @property
    def slave(self) -> Slave:
        """The only one that is registered."""
        (slave,) = self.register
        return slave

    async def ask(self, request: Request, connection: Connection | None = None) -> Answer:
        """Ask on a connection, by default on one of somebody who may do all."""
        return await self.commands.handle(connection or a_connection(), request)

    async def fetch(self, connection: Connection, listed: Folder = EMPTY_FOLDER) -> ChangesAnswer:
        """Fetch, which must succeed."""
        answer = await self.ask(FetchUpdatedFiles(listed=listed), connection)
        assert isinstance(answer, ChangesAnswer), answer
        return answer

    async def take_views(self) -> None:
        """Tell names and register of the newest views, as the agent does after each change."""
        views = await self.remote.views()
        self.names.take(views.folders)
        self.register.view_changed(lambda folder: _view_of(views, folder))


def _view_of(views: Views, folder: str | None) -> Folder | None:
    try:
        return views.of(folder)
    except TreeError:
        return None


@asynccontextmanager
async def a_commanded_master(root: Path, *slaves: Host, **more: Any) -> AsyncIterator[CommandedMaster]:
    """Run a master's folder and its look-ups; nobody is told anything by itself."""
    master = CommandedMaster(root, *slaves, **more)
    async with in_background(master.remote.run(), master.names.run()):
        if master.remote.root.exists():
            await master.take_views()
        yield master


def put(root: Path, path: str, content: bytes) -> None:
    """Write as careful programs do: the rename is trusted at once."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.new")
    beside.write_bytes(content)
    beside.replace(place)
