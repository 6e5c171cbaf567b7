"""What each agent is, and whether each slave is in sync (``cli.md`` section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sync_core.agent.state import HostState
from sync_core.fleet.places import require_local
from sync_core.fleet.up import runnable
from sync_core.model.errors import JsyncError, NotBuiltError
from sync_core.model.inventory import Host, Inventory, Role

__all__ = ["AgentState", "AgentStatus", "StatusReport", "read_status"]


class AgentState(StrEnum):
    """Whether an agent runs."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPED = "stopped"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """One agent; times are RFC 3339 in UTC, and ``None`` stands for what is not known.

    Attributes:
        host: the inventory's name.
        role: master or slave.
        state: whether it runs.
        pid: its process.
        version: of its jsync.
        started_at: when it started.
        tcp_port: its command port.
        udp_port: its wake-up port.
        slaves_registered: of a master: how many slaves are connected.
        slaves_in_sync: of a master: how many of them have all that it holds for them.
        registered_at: of a slave: when it registered, while it is registered.
        master: of a slave: with which master.
        in_sync: of a slave: whether it holds what the master has for it, as far as both know.
        files: of a slave: how many files its cache holds.
        tree_md5: of a slave: the digest of its cache.
        last_fetch_at: of a slave: when it last checked with success.
        pending_since: of a slave: since when it lacks something.
        pending_because: of a slave: why, in words.
        last_error: what is wrong now, if anything.
    """

    host: str
    role: Role
    state: AgentState
    pid: int | None = None
    version: str | None = None
    started_at: str | None = None
    tcp_port: int | None = None
    udp_port: int | None = None
    slaves_registered: int | None = None
    slaves_in_sync: int | None = None
    registered_at: str | None = None
    master: str | None = None
    in_sync: bool | None = None
    files: int | None = None
    tree_md5: str | None = None
    last_fetch_at: str | None = None
    pending_since: str | None = None
    pending_because: str | None = None
    last_error: str | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it runs, and is in sync if it is a slave."""
        if self.state is not AgentState.RUNNING or self.last_error is not None:
            return False
        return self.role is Role.MASTER or self.in_sync is True


_TYPES: Mapping[str, type] = {
    "tcp_port": int,
    "udp_port": int,
    "slaves_registered": int,
    "slaves_in_sync": int,
    "registered_at": str,
    "master": str,
    "in_sync": bool,
    "files": int,
    "tree_md5": str,
    "last_fetch_at": str,
    "pending_since": str,
    "last_error": str,
}
"""What agents write about themselves; what has another type is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """The agents in inventory order."""

    agents: tuple[AgentStatus, ...]

    @property
    def ok(self) -> bool:
        """Whether every agent is well."""
        return all(agent.is_ok for agent in self.agents)

    @property
    def has_trouble(self) -> bool:
        """Whether an agent could not be asked at all."""
        return any(agent.state is AgentState.UNREACHABLE for agent in self.agents)


def read_status(inventory: Inventory, hosts: Iterable[Host], state_folder: Path) -> StatusReport:
    """Return how the agents of ``hosts`` are; those that run in somebody's foreground are seen too.

    Args:
        inventory: where they are declared.
        hosts: whose agents.
        state_folder: where run state lies.

    Raises:
        StateError: another inventory owns a host's name.
    """
    masters = {master.name: _master_view(inventory, state_folder, master.name) for master in inventory.masters}
    return StatusReport(agents=tuple(_status(inventory, host, state_folder, masters) for host in runnable(hosts)))


def _status(
    inventory: Inventory, host: Host, state_folder: Path, masters: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> AgentStatus:
    try:
        require_local(host)
    except NotBuiltError as error:
        return AgentStatus(host=host.name, role=host.role, state=AgentState.UNREACHABLE, last_error=str(error))
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
    values = {"tcp_port": host.tcp_port, "udp_port": host.udp_port, **state.status()}
    known = {name: values[name] for name, kind in _TYPES.items() if isinstance(values.get(name), kind)}
    if not host.is_master:
        known |= _pending(host.name, known, masters)
    return AgentStatus(
        host=host.name,
        role=host.role,
        state=AgentState.RUNNING if record.is_ready else AgentState.STARTING,
        pid=record.pid,
        version=record.version,
        started_at=record.started_at,
        **known,
    )


def _master_view(inventory: Inventory, state_folder: Path, master: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what a master of this inventory on this machine says of its slaves, by their names."""
    state = HostState(state_folder, master)
    record = state.record()
    if record is None or not record.is_alive or record.inventory != str(inventory.source):
        return {}
    entries = state.status().get("slaves")
    entries = entries if isinstance(entries, list) else []
    return {str(entry.get("slave")): entry for entry in entries if isinstance(entry, dict)}


def _pending(
    name: str, slave: Mapping[str, Any], masters: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> dict[str, Any]:
    """Add what the master knows: a slave that was not reached by the wake-up believes itself in sync."""
    entry = masters.get(str(slave.get("master")), {}).get(name)
    if entry is None or not isinstance(entry.get("pending_since"), str):
        because = slave.get("last_error") if slave.get("in_sync") is not True else None
        return {"pending_because": because}
    unanswered = "the wake-up is not answered" if entry.get("is_unanswered") else "the wake-up was sent"
    return {"in_sync": False, "pending_since": entry["pending_since"], "pending_because": unanswered}


def error_of(agent: AgentStatus) -> JsyncError | None:
    """Return why an agent could not be asked, as an error."""
    if agent.state is not AgentState.UNREACHABLE:
        return None
    return NotBuiltError(agent.last_error or "not reachable", host=agent.host)
