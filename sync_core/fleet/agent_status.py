"""What is known of an agent, as values, and how documents and files become such values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sync_core.fleet.each import Outcome
from sync_core.model.inventory import Host, Role

__all__ = ["AgentState", "AgentStatus", "StatusReport", "known_values", "status_from", "unreachable"]


class AgentState(StrEnum):
    """Whether an agent runs."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPED = "stopped"
    HUNG = "hung"
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
        reloaded_at: when it last took over a changed inventory without a restart.
        reload_error: why it refused the last one that it was to take over.
        tcp_port: its command port.
        udp_port: its wake-up port.
        slaves_registered: of a master: how many slaves are connected.
        slaves_in_sync: of a master: how many of them have all that it holds for them.
        registered_at: of a slave: when it registered, while it is registered.
        master: of a slave: with which master.
        in_sync: of a slave: whether it holds what the master has for it, as far as both know.
        files: of a slave: how many files its cache holds.
        tree_digest: of a slave: the digest of its cache.
        last_fetch_at: of a slave: when it last checked with success.
        pending_since: of a slave: since when it lacks something.
        pending_because: of a slave: why, in words.
        last_error: what is wrong now, if anything.
        certificate_expires_at: when the certificate in use ends, where it speaks TLS.
        certificate_warning: what should be mended before that, in words.
        plain_peers: where it speaks TLS: the peers that are there and do not.
        displaced: slaves whose place another connection took in the last ten minutes: ``{slave, count, last_at}``.
        unwatched_because: of a master: why no events tell it of changes, so that only its periodic scan sees them.
    """

    host: str
    role: Role
    state: AgentState
    pid: int | None = None
    version: str | None = None
    started_at: str | None = None
    reloaded_at: str | None = None
    reload_error: str | None = None
    tcp_port: int | None = None
    udp_port: int | None = None
    slaves_registered: int | None = None
    slaves_in_sync: int | None = None
    registered_at: str | None = None
    master: str | None = None
    in_sync: bool | None = None
    files: int | None = None
    tree_digest: str | None = None
    last_fetch_at: str | None = None
    pending_since: str | None = None
    pending_because: str | None = None
    last_error: str | None = None
    unwatched_because: str | None = None
    certificate_expires_at: str | None = None
    certificate_warning: str | None = None
    plain_peers: list[str] | None = None
    displaced: list[dict[str, Any]] | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it runs, nobody took a place from anybody, and it is in sync if it is a slave."""
        if self.state is not AgentState.RUNNING or self.last_error is not None or self.displaced:
            return False
        return self.role is Role.MASTER or self.in_sync is True

    @property
    def outcome(self) -> Outcome:
        """What the recap says; nothing is ever changed."""
        if self.state is AgentState.UNREACHABLE:
            return Outcome.UNREACHABLE
        return Outcome.OK if self.is_ok else Outcome.FAILED


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


_TYPES: Mapping[str, type] = {
    "pid": int,
    "version": str,
    "started_at": str,
    "reloaded_at": str,
    "reload_error": str,
    "tcp_port": int,
    "udp_port": int,
    "slaves_registered": int,
    "slaves_in_sync": int,
    "registered_at": str,
    "master": str,
    "in_sync": bool,
    "files": int,
    "tree_digest": str,
    "last_fetch_at": str,
    "pending_since": str,
    "pending_because": str,
    "last_error": str,
    "unwatched_because": str,
    "certificate_expires_at": str,
    "certificate_warning": str,
    "plain_peers": list,
    "displaced": list,
}
"""What has another type is not known."""


def known_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of ``values`` that an ``AgentStatus`` can have."""
    return {name: values[name] for name, kind in _TYPES.items() if isinstance(values.get(name), kind)}


def status_from(host: Host, document: Mapping[str, Any]) -> AgentStatus:
    """Return what another machine's ``jsync status -o json`` says of ``host``.

    Args:
        host: whose agent.
        document: all that it says.
    """
    agents = document.get("agents")
    entries = [one for one in agents if isinstance(one, dict)] if isinstance(agents, list) else []
    entry = next((one for one in entries if one.get("host") == host.name), {})
    try:
        state = AgentState(str(entry.get("state")))
    except ValueError:
        return unreachable(host, f"the jsync of {host.address} says nothing of it")
    return AgentStatus(host=host.name, role=host.role, state=state, **known_values(entry))


def unreachable(host: Host, reason: str) -> AgentStatus:
    """Return the status of an agent of which nothing is known."""
    return AgentStatus(host=host.name, role=host.role, state=AgentState.UNREACHABLE, last_error=reason)
