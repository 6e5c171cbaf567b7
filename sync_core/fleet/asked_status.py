"""What agents say of themselves when they are asked by TCP (``show_state``), real JobSchedulers too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sync_core.fleet.agent_status import AgentState, AgentStatus
from sync_core.fleet.ask import ask
from sync_core.model.errors import PeerError
from sync_core.model.inventory import Host
from sync_core.model.security import IpAddress, parse_ip
from sync_core.net.resolve import Resolver
from sync_core.protocol.messages import RemoteScheduler, ShowState, StateAnswer

__all__ = ["SlaveView", "ask_state", "slave_views", "status_of_answer", "with_master_view"]

_ANSWER_TIMEOUT_S = 10.0
_UTC = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaveView:
    """What a master knows of one slave.

    Attributes:
        is_registered: whether it is there now.
        is_pending: whether it lacks something.
        registered_at: since when it is there.
        pending_since: since when it lacks something.
        pending_because: why, in words.
        fetched_at: when it last got what it lacked.
    """

    is_registered: bool
    is_pending: bool
    registered_at: str | None = None
    pending_since: str | None = None
    pending_because: str | None = None
    fetched_at: str | None = None


async def ask_state(host: Host, resolver: Resolver) -> StateAnswer:
    """Return what the agent of ``host`` says of itself and, a master, of its slaves.

    Raises:
        UnreachableError: nobody answers.
        PeerError: the answer is a refusal, or makes no sense.
    """
    question = ShowState(what=frozenset({"remote_schedulers"}) if host.is_master else frozenset())
    answer = await ask(host, question, resolver=resolver, answer_timeout_s=_ANSWER_TIMEOUT_S)
    if not isinstance(answer, StateAnswer):
        raise PeerError(f"{host.name} answers, but not with its state", host=host.name)
    return answer


def status_of_answer(host: Host, answer: StateAnswer) -> AgentStatus:
    """Return a status from the answer alone; whether a slave is in sync only its master can say."""
    values = answer.attributes
    status = AgentStatus(
        host=host.name,
        role=host.role,
        state=AgentState.RUNNING,
        pid=_number(values.get("pid")),
        version=values.get("version"),
        started_at=_utc(values.get("spooler_running_since")),
        tcp_port=_number(values.get("tcp_port")) or host.tcp_port,
        udp_port=_number(values.get("udp_port")) or None,
    )
    if not host.is_master:
        return status
    return replace(
        status,
        slaves_registered=answer.connected if answer.active is None else answer.active,
        slaves_in_sync=sum(view.is_registered and not view.is_pending for view in map(_view, answer.remote_schedulers)),
    )


def slave_views(answer: StateAnswer) -> Mapping[tuple[IpAddress, int], SlaveView]:
    """Return what a master says of its slaves, by address and TCP port."""
    views = {}
    for one in answer.remote_schedulers:
        ip, port = parse_ip(one.attributes.get("ip", "")), _number(one.attributes.get("tcp_port"))
        if ip is not None and port is not None:
            views[ip, port] = _view(one)
    return views


def with_master_view(status: AgentStatus, view: SlaveView | None, master: str) -> AgentStatus:
    """Return the status of a slave with what its master adds: one whom no wake-up reaches believes itself in sync.

    Args:
        status: what the slave says; where it says nothing of being in sync, its master's word is taken.
        view: what the master says of it; ``None``: the master does not know it.
        master: the master's name.
    """
    is_silent = status.in_sync is None and status.state is AgentState.RUNNING
    if view is None:
        because = f"it has never registered with {master}"
        return replace(status, in_sync=False, pending_because=because) if is_silent else status
    if is_silent:
        status = replace(
            status,
            in_sync=view.is_registered,
            master=master,
            registered_at=view.registered_at,
            last_fetch_at=view.fetched_at,
            pending_because=None if view.is_registered else f"it is not registered with {master} now",
        )
    if not view.is_pending:
        return status
    return replace(status, in_sync=False, pending_since=view.pending_since, pending_because=view.pending_because)


def _view(one: RemoteScheduler) -> SlaveView:
    values = one.attributes
    is_pending = values.get("configuration_changed") == "yes"
    return SlaveView(
        is_registered=_is_connected(one),
        is_pending=is_pending,
        registered_at=_utc(values.get("connected_at")),
        pending_since=_utc(values.get("configuration_changed_at")) if is_pending else None,
        pending_because=(one.error.text if one.error is not None else "the wake-up was sent") if is_pending else None,
        fetched_at=_utc(values.get("configuration_transfered_at")),
    )


def _is_connected(one: RemoteScheduler) -> bool:
    """Whether the slave counts as present; by HTTP nobody is connected for long, but active."""
    return "yes" in {one.attributes.get("connected"), one.attributes.get("active")}


def _number(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 10 else None


def _utc(text: str | None) -> str | None:
    """Return a peer's time as RFC 3339, if it says that it is UTC."""
    found = _UTC.fullmatch(text or "")
    return f"{found[1]}T{found[2]}Z" if found else None
