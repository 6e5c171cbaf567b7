"""A master, put together: command port, remote folder, register, wake-ups."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

from sync_core.agent import collector
from sync_core.agent.answer_builder import AnswerBuilder
from sync_core.agent.answers import answer_time, state_attributes
from sync_core.agent.dialect_answers import DialectAnswers
from sync_core.agent.digest_keeper import DigestKeeper
from sync_core.agent.file_contents import FileContents
from sync_core.agent.folder_names import FolderNames
from sync_core.agent.http_addresses import HttpAddresses
from sync_core.agent.master import MasterCommands
from sync_core.agent.master_offers import MasterOffers
from sync_core.agent.master_state import remote_scheduler
from sync_core.agent.master_status import MasterStatus
from sync_core.agent.remote import RemoteFolder
from sync_core.agent.root_guard import RootGuard
from sync_core.agent.signals import Signals
from sync_core.agent.state import HostState
from sync_core.agent.tls_status import tls_facts
from sync_core.agent.trust import Trust
from sync_core.agent.views import Views
from sync_core.model.answer_plan import realizes
from sync_core.model.errors import RootVanishedError, TreeError
from sync_core.model.folder import Folder
from sync_core.model.inventory import Dialect, Host, Inventory
from sync_core.model.registry.folder_map import FolderMap
from sync_core.model.registry.register import Register
from sync_core.model.registry.registration import Slave
from sync_core.model.reminder import DEFAULT_RHYTHM, Rhythm
from sync_core.net.addresses import own_addresses
from sync_core.net.host_names import HostNames
from sync_core.net.limits import RESERVED_FILES
from sync_core.net.policy import PolicyKeeper
from sync_core.net.resolve import Resolver
from sync_core.net.server import CommandServer
from sync_core.net.server_limits import most_listed
from sync_core.net.tls import Tls
from sync_core.protocol.messages import StateAnswer
from sync_core.protocol.texts import text
from sync_core.version import WIRE_VERSION

__all__ = ["MasterAgent"]

_log = logging.getLogger(__name__)


class MasterAgent:
    """The agent of one master.

    Args:
        inventory: where it and its slaves are declared.
        host: the master.
        state: its state folder.
        rhythm: how often slaves are told of a change that they don't fetch.

    Raises:
        CertificateError: what it is to speak TLS with can't be used.
    """

    def __init__(self, inventory: Inventory, host: Host, state: HostState, *, rhythm: Rhythm = DEFAULT_RHYTHM) -> None:
        assert host.remote is not None, "the inventory refuses a master without remote"  # noqa: S101
        slaves = inventory.slaves_of(host)
        resolver = Resolver()
        self._host = host
        self._inventory = inventory
        self._state = state
        self._started_at = time.time()
        self._changed = asyncio.Event()
        self._host_names = HostNames()
        self._tls = Tls.of(host)
        self._policy = PolicyKeeper(host=host, peers=slaves, resolver=resolver)
        self._trust = Trust(host, slaves, named_level_of=self._policy.named_level_of, resolver=resolver)
        self._digests = DigestKeeper(state.digests_path)
        contents = FileContents(host.remote)
        self._remote = RemoteFolder(
            host.remote,
            interval_s=host.interval_s,
            digests=self._digests,
            on_change=self._changed.set,
            prefetch=contents.prefetch,
            on_first_look=collector.pass_over,
            guard=RootGuard(host.remote, state, trust_path=host.trust_path).check,
        )
        folders = FolderMap(slaves, own=own_addresses(), is_http=host.dialect is Dialect.HTTP)
        self._names = FolderNames(folders, resolver, on_change=self._folders_changed)
        self._register = Register(
            folder_of=self._names.folder_of, realizes=realizes, rhythm=rhythm, nudge_s=host.interval_s
        )
        self._status = MasterStatus(self._register, name_of=self._name_of, facts=self._facts, write=state.write_status)
        self._signals = Signals(
            self._register,
            display=self._names.display,
            listen=host.listen,
            tls=self._tls,
            on_change=self._status.changed,
        )
        self._commands = MasterCommands(
            slaves=_by_name(slaves),
            remote=self._remote,
            builder=AnswerBuilder(self._remote.read),
            names=self._names,
            trust=self._trust,
            register=self._register,
            signals=self._signals,
            http_addresses=HttpAddresses(resolver, level_of=self._policy.level_of),
            state=self._state_answer,
            on_change=self._status.changed,
        )
        dialect = DialectAnswers(
            MasterOffers(
                commands=self._commands,
                register=self._register,
                signals=self._signals,
                contents=contents,
                on_change=self._status.changed,
            )
        )
        self._server = CommandServer(
            listen=host.listen,
            port=host.tcp_port,
            level_of=self._policy.level_of,
            standing_of=self._policy.standing_of,
            handler=self._commands.handle,
            serve_dialect=dialect.serve,
            most_entries=lambda: most_listed(self._remote.most_entries),
            on_close=self._commands.forget,
            tls=self._tls,
            own_socket=state.socket_path,
            answer_time=answer_time,
        )

    async def start(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """Bind the port and return what must run until the agent stops.

        Raises:
            PortInUseError: somebody else holds the port.
        """
        await self._policy.refresh()
        await self._server.start()
        self._check_room()
        _log.info("%s", text("SCHEDULER-956", "TCP", self._host.tcp_port))
        _log.info("%s", text("SCHEDULER-718", "remote", f"{self._host.remote}/"))
        return (
            self._policy.run(),
            self._remote.run(),
            self._names.run(),
            self._signals.run(),
            self._compare(),
            self._status.run(),
            *([] if self._tls is None else [self._tls.run(self._status.changed)]),
        )

    async def take(self, inventory: Inventory, host: Host) -> None:
        """Go on by another inventory; who is registered stays so, as long as they may connect.

        Args:
            inventory: where the master and its slaves are declared.
            host: the master, with the same settings where these need a restart.
        """
        slaves = inventory.slaves_of(host)
        await self._policy.take(host=host, peers=slaves)
        self._inventory, self._host = inventory, host
        self._trust.take(host, slaves)
        self._server.judge_again()
        self._commands.take_slaves(_by_name(slaves))
        self._names.take_slaves(slaves)
        self._register.nudge_every(host.interval_s)
        self._remote.look_every(host.interval_s)
        self._signals.stir()
        self._check_room()
        self._status.changed()

    async def finish(self) -> None:
        """Return at once: a master is in the middle of nothing that its end would hurt."""

    def _check_room(self) -> None:
        """Say at once what would otherwise show when the last slaves are turned away."""
        slaves = len(self._inventory.slaves_of(self._host))
        if slaves > self._server.most_connections:
            _log.error(
                "the inventory has %d slaves of this master, but the system lets it have %d connections: raise the "
                "limit of open files (`ulimit -Hn`, LimitNOFILE= in a systemd unit) to %d",
                slaves,
                self._server.most_connections,
                slaves + RESERVED_FILES,
            )

    async def close(self) -> None:
        """Close the port and all connections."""
        await self._server.close()
        await self._digests.close()

    async def _compare(self) -> None:
        """Tell the register about every change of the remote folder."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            with contextlib.suppress(RootVanishedError):  # the remote folder has said so in the log
                views = await self._remote.views()
                self._names.take(views.folders)
                self._register.view_changed(partial(_view_of, views))
                self._signals.stir()
            self._status.changed()

    def _folders_changed(self) -> None:
        self._register.folders_changed()
        self._signals.stir()

    def _facts(self, plain_peers: Sequence[str]) -> dict[str, Any]:
        return {
            "tcp_port": self._host.tcp_port,
            "udp_port": None,
            "last_error": self._remote.last_error,
            "unwatched_because": self._remote.unwatched_because,
            **tls_facts(self._tls, plain_peers),
        }

    def _name_of(self, slave: Slave) -> str | None:
        host = self._names.host_of(slave)
        return host.name if host is not None else None

    def _state_answer(self, what: frozenset[str]) -> StateAnswer:
        slaves = tuple(self._register)
        is_wanted = bool(what & {"remote_schedulers", "all"})
        shown = slaves if is_wanted else ()  # of thousands they take their time, and most who ask want none
        for slave in shown:
            self._host_names.want(slave.identity.ip)
        return StateAnswer(
            attributes=state_attributes(
                self._host,
                version=WIRE_VERSION,
                started_at=self._started_at,
                config_file=str(self._inventory.source),
            ),
            remote_schedulers=tuple(remote_scheduler(slave, self._host_names.of(slave.identity.ip)) for slave in shown),
            connected=sum(slave.is_connected for slave in slaves),
            active=sum(slave.is_active for slave in slaves),
            with_remote_schedulers=is_wanted,
            count=len(slaves),
        )


def _by_name(slaves: Iterable[Host]) -> dict[str, Host]:
    return {slave.name: slave for slave in slaves}


def _view_of(views: Views, folder: str | None) -> Folder | None:
    """Return a view; ``None`` while it can't be read."""
    try:
        return views.of(folder)
    except TreeError:
        return None
