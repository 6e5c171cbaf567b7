"""A master, put together: command port, remote folder, register, wake-ups."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from sync_core.agent.answers import answer_time, state_attributes
from sync_core.agent.folders import FolderChooser
from sync_core.agent.http_slaves import HttpSlaves
from sync_core.agent.master import MasterCommands
from sync_core.agent.master_state import remote_scheduler, slave_status
from sync_core.agent.recognition import Recognition
from sync_core.agent.register import Registrations
from sync_core.agent.remote import RemoteFolder
from sync_core.agent.state import HostState
from sync_core.agent.wakeups import WakeUps
from sync_core.model.errors import RootVanishedError
from sync_core.model.inventory import Dialect, Host, Inventory
from sync_core.model.reminder import DEFAULT_RHYTHM, Rhythm
from sync_core.net.host_names import HostNames
from sync_core.net.limits import RESERVED_FILES
from sync_core.net.policy import PolicyKeeper
from sync_core.net.resolve import Resolver
from sync_core.net.server import CommandServer
from sync_core.protocol.messages import Register, StateAnswer
from sync_core.protocol.texts import text
from sync_core.tree.memory import load_observations, save_observations
from sync_core.version import WIRE_VERSION

__all__ = ["MasterAgent"]

_log = logging.getLogger(__name__)

_STATUS_PAUSE_S = 0.2
"""Changes of the register within this make one write of the status."""
_STATUS_SHARE = 20
"""Where thousands of slaves make the status long, the pause is so many times what writing it takes."""


class MasterAgent:
    """The agent of one master.

    Args:
        inventory: where it and its slaves are declared.
        host: the master.
        state: its state folder.
        rhythm: how often slaves are told of a change that they don't fetch.
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
        self._register_changed = asyncio.Event()
        self._folders_changed = asyncio.Event()
        self._rhythm = rhythm
        self._host_names = HostNames()
        self._register = Registrations(rhythm_of=self._rhythm_of)
        chooser = FolderChooser(slaves, resolver, is_http=host.dialect is Dialect.HTTP)
        self._recognition = Recognition(chooser)
        self._policy = PolicyKeeper(host=host, peers=slaves, resolver=resolver)
        self._remote = RemoteFolder(
            host.remote,
            interval_s=host.interval_s,
            known=load_observations(state.digests_path),
            save=lambda seen: save_observations(state.digests_path, seen),
            on_change=self._changed.set,
        )
        self._wake_ups = WakeUps(
            self._register,
            folder_of=self._recognition.folder_of,
            display=self._recognition.display,
            listen=host.listen,
            on_signal=self._register_changed.set,
        )
        self._http_slaves = HttpSlaves(
            self._register, resolver, level_of=self._policy.level_of, on_change=self._register_changed.set
        )
        self._commands = MasterCommands(
            slaves={slave.name: slave for slave in slaves},
            remote=self._remote,
            folder_of=self._recognition.folder_of,
            chooser=chooser,
            register=self._register,
            http_slaves=self._http_slaves,
            wake_ups=self._wake_ups,
            state=self._state_answer,
            on_change=self._register_changed.set,
            on_stale=self._changed.set,
        )
        self._server = CommandServer(
            listen=host.listen,
            port=host.tcp_port,
            level_of=self._policy.level_of,
            handler=self._commands.handle,
            on_close=self._commands.forget,
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
            self._wake_ups.run(),
            self._http_slaves.run(),
            self._compare(),
            self._judge_folders(),
            self._write_status(),
        )

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

    async def _compare(self) -> None:
        """Tell the wake-ups about every change of the remote folder."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            with contextlib.suppress(RootVanishedError):  # the remote folder has said so in the log
                await self._wake_ups.compare(await self._remote.views())
            self._register_changed.set()
            self._folders_changed.set()

    async def _judge_folders(self) -> None:
        """Tell of folders that no slave can have; apart from the wake-ups, which must not wait for a name service."""
        while True:
            await self._folders_changed.wait()
            self._folders_changed.clear()
            with contextlib.suppress(RootVanishedError):
                await self._recognition.judge(await self._remote.views())

    async def _write_status(self) -> None:
        while True:
            started_s = time.monotonic()
            for slave in self._register:
                self._host_names.want(slave.identity.ip)
            entries = [slave_status(slave, await self._recognition.name_of(slave)) for slave in self._register]
            values = {
                "tcp_port": self._host.tcp_port,
                "udp_port": None,
                "slaves_registered": sum(entry["is_active"] for entry in entries),
                "slaves_in_sync": sum(entry["in_sync"] for entry in entries),
                "last_error": self._remote.last_error,
                "slaves": entries,
            }
            await asyncio.to_thread(self._state.write_status, values)
            took_s = time.monotonic() - started_s
            await self._register_changed.wait()
            self._register_changed.clear()
            await asyncio.sleep(max(_STATUS_PAUSE_S, _STATUS_SHARE * took_s))

    def _rhythm_of(self, message: Register) -> Rhythm:
        """A JobScheduler never checks by itself, so it is told to every ``interval_s``; jsync does."""
        return self._rhythm if message.is_jsync else replace(self._rhythm, nudge_s=self._host.interval_s)

    def _state_answer(self, what: frozenset[str]) -> StateAnswer:
        slaves = tuple(self._register)
        return StateAnswer(
            attributes=state_attributes(
                self._host,
                version=WIRE_VERSION,
                started_at=self._started_at,
                config_file=str(self._inventory.source),
            ),
            remote_schedulers=tuple(
                remote_scheduler(slave, self._host_names.of(slave.identity.ip)) for slave in slaves
            ),
            connected=sum(slave.is_connected for slave in slaves),
            active=sum(slave.is_active for slave in slaves),
            with_remote_schedulers=bool(what & {"remote_schedulers", "all"}),
        )
