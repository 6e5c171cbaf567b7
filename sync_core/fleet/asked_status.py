"""What agents say of themselves when they are asked by TCP (``show_state``), real JobSchedulers too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sync_core.fleet.agent_status import AgentState, AgentStatus
from sync_core.fleet.ask import ask
from sync_core.fleet.slave_view import SlaveView
from sync_core.model.errors import PeerError
from sync_core.model.inventory import Host
from sync_core.model.security import IpAddress, parse_ip
from sync_core.net.resolve import Resolver
from sync_core.protocol.messages import RemoteScheduler, ShowState, StateAnswer

__all__ = ["ask_state", "slave_views", "status_of_answer"]

_ANSWER_TIMEOUT_S = 10.0
_UTC = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)Z")


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
