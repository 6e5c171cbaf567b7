"""One look at agents: each asked where it is, by its state folder, its machine's jsync, or itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sync_core.agent.beat import silent_s
from sync_core.agent.state import HostState
from sync_core.fleet.agent_status import AgentState, AgentStatus, StatusReport, known_values, status_from, unreachable
from sync_core.fleet.displaced import lately_displaced
from sync_core.fleet.each import FleetOptions, for_each
from sync_core.fleet.reach import Reach
from sync_core.fleet.slave_view import SlaveView, with_master_view
from sync_core.model.errors import HostError, JsyncError, PeerError, UnreachableError
from sync_core.model.inventory import Connection, Host, Inventory
from sync_core.net.resolve import Resolver

if TYPE_CHECKING:
    from sync_core.fleet.far_calls import FarCalls
    from sync_core.protocol.messages import StateAnswer

__all__ = ["Look"]

T = TypeVar("T")


class Look:
    """Looks at agents; what several of them need is asked once. ``close`` it.

    Args:
        inventory: where they are declared.
        chosen: all that will be looked at.
        state_folder: where run state lies.
        options: how many at once, and how long each may take.
        keep_s: how long an answer counts; ``None``: for ever.
    """

    def __init__(
        self,
        inventory: Inventory,
        chosen: Sequence[Host],
        state_folder: Path,
        options: FleetOptions,
        *,
        keep_s: float | None = None,
    ) -> None:
        self._inventory = inventory
        self._chosen = tuple(chosen)
        self._state_folder = state_folder
        self._keep_s = keep_s
        self._reach = Reach(options.runners())
        self._options = options
        self._resolver = Resolver()
        self._questions: dict[tuple[str, str], asyncio.Task[Any]] = {}

    async def at(self, hosts: Sequence[Host]) -> StatusReport:
        """Return how the agents of ``hosts`` are now.

        Raises:
            StateError: another inventory owns the name of a host here.
        """
        here = {host.name for host in hosts if await self._reach.connection_of(host) is Connection.LOCAL}
        local = {
            host.name: _local_status(self._inventory, host, self._state_folder) for host in hosts if host.name in here
        }

        async def one(host: Host) -> AgentStatus:
            status = local.get(host.name) or await self._far_status(host)
            return status if host.is_master else await self._with_master(host, status)

        return StatusReport(
            agents=await for_each(
                hosts,
                one,
                options=self._options,
                failed=lambda host, error: unreachable(host, str(error)),
                outcome=lambda status: status.outcome,
            )
        )

    def forget_failures(self) -> None:
        """Reach again, the next time, who could not be reached."""
        self._reach.forget_failures()

    async def close(self) -> None:
        """Let go of everything that is asked still, and of all machines."""
        for task in self._questions.values():
            task.cancel()
        await asyncio.gather(*self._questions.values(), return_exceptions=True)
        await self._reach.close()

    @cached_property
    def _calls(self) -> FarCalls:
        from sync_core.fleet.far_calls import FarCalls  # noqa: PLC0415 - not where all agents are here

        return FarCalls(self._inventory, self._reach, timeout_s=self._options.timeout_s)

    async def _far_status(self, host: Host) -> AgentStatus:
        try:
            return status_from(host, await self._document(host))
        except UnreachableError as error:
            reason = error
        except JsyncError as error:  # no jsync there, or an old one, or one that refuses
            reason = UnreachableError(str(error), hint=error.hint)
        from sync_core.fleet.asked_status import status_of_answer  # noqa: PLC0415 - likewise

        try:
            return status_of_answer(host, await self._state_of(host))
        except (PeerError, HostError) as error:
            return unreachable(host, f"{reason}; {error}" if str(reason) != str(error) else str(reason))

    async def _document(self, host: Host) -> Mapping[str, Any]:
        """Return what the jsync of the host's machine says of all its hosts that are wanted."""
        neighbours = {other.name for other in self._calls.neighbours(host)}
        names = [other.name for other in self._chosen if other.name in neighbours]
        return await self._once("document", names[0], lambda: self._calls.ask(host, "status", *names))

    async def _state_of(self, host: Host) -> StateAnswer:
        from sync_core.fleet.asked_status import ask_state  # noqa: PLC0415 - likewise

        return await self._once("state", host.name, lambda: ask_state(host, self._resolver))

    async def _once(self, what: str, name: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        task = self._questions.get((what, name))
        if task is None:
            task = self._questions[what, name] = asyncio.ensure_future(ask())
            task.add_done_callback(lambda _: self._outdate((what, name)))
        # Shielded: several hosts may wait for it, and one of them may give up.
        answer: T = await asyncio.shield(task)
        return answer

    def _outdate(self, question: tuple[str, str]) -> None:
        """Ask anew when the answer, which has just come, has been kept for its time."""
        if self._keep_s is not None:
            asyncio.get_running_loop().call_later(self._keep_s, self._questions.pop, question, None)

    async def _with_master(self, host: Host, status: AgentStatus) -> AgentStatus:
        """Add what the slave's master knows of it."""
        if status.state is not AgentState.RUNNING:
            return status
        master = self._inventory.hosts.get(status.master or host.masters[0])
        if master is None or not master.is_master:
            return status
        if await self._reach.connection_of(master) is Connection.LOCAL:
            said = _said_here(self._inventory, self._state_folder, master.name)
            status = replace(status, displaced=lately_displaced(said, datetime.now(UTC), host.name))
            view = _local_view(said, host.name)
            return _with_reason(status if view is None else with_master_view(status, view, master.name))
        from sync_core.fleet.asked_status import slave_views  # noqa: PLC0415 - likewise

        try:
            views = slave_views(await self._state_of(master))
            addresses = await self._resolver.resolve(host.address)
        except (PeerError, HostError):
            return _with_reason(status)  # the master's own line tells
        view = next((found for ip in addresses if (found := views.get((ip, host.tcp_port))) is not None), None)
        return _with_reason(with_master_view(status, view, master.name))


def _local_status(inventory: Inventory, host: Host, state_folder: Path) -> AgentStatus:
    state = HostState(state_folder, host.name)
    record = state.claim(inventory.source)
    if record is None or not record.is_alive:
        died = f"the agent (pid {record.pid}) died" if record is not None else None
        return AgentStatus(
            host=host.name,
            role=host.role,
            state=AgentState.STOPPED,
            tcp_port=host.tcp_port,
            udp_port=host.udp_port,
            last_error=died,
        )
    said = {**state.status(), **asdict(record)}
    values = {"tcp_port": host.tcp_port, "udp_port": host.udp_port, **known_values(said)}
    if host.is_master:
        values["displaced"] = lately_displaced(said, datetime.now(UTC))
    if (silence_s := silent_s(state, time.monotonic())) is not None:
        values["last_error"] = f"no sign of life for {silence_s:.0f} s: `jsync up -d {host.name}` restarts it"
        return AgentStatus(host=host.name, role=host.role, state=AgentState.HUNG, **values)
    running = AgentState.RUNNING if record.is_ready else AgentState.STARTING
    return AgentStatus(host=host.name, role=host.role, state=running, **values)


def _said_here(inventory: Inventory, state_folder: Path, master: str) -> Mapping[str, Any]:
    """Return what a master of this inventory on this machine says of itself; nothing where it does not run."""
    state = HostState(state_folder, master)
    record = state.record()
    is_there = record is not None and record.is_alive and record.inventory == inventory.source
    return state.status() if is_there else {}


def _local_view(said: Mapping[str, Any], slave: str) -> SlaveView | None:
    """Return what a master says of a slave that is not in sync."""
    entries = said.get("slaves")
    entries = entries if isinstance(entries, list) else []
    entry = next((one for one in entries if isinstance(one, dict) and one.get("slave") == slave), {})
    if not isinstance(entry.get("pending_since"), str) or entry.get("is_refused") is True:
        return None  # why it does not take what it is given, the slave itself says best
    because = "the wake-up is not answered" if entry.get("is_unanswered") else "the wake-up was sent"
    return SlaveView(is_registered=True, is_pending=True, pending_since=entry["pending_since"], pending_because=because)


def _with_reason(status: AgentStatus) -> AgentStatus:
    """Say why a slave is not in sync, if nobody has yet."""
    if status.in_sync is True or status.pending_because is not None:
        return status
    because = status.last_error
    if because is None and status.registered_at is None:
        because = "it has not registered with a master yet"
    return replace(status, pending_because=because)
