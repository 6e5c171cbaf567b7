"""``jsync status``: the table and the document (``cli.md`` section 5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from cli.documents import plain
from cli.tables import Cell, Style, Styled, Table
from cli.times import ago

if TYPE_CHECKING:
    from sync_core.fleet.agent_status import AgentStatus, StatusReport

__all__ = ["status_document", "status_table"]

_OF_BOTH = (
    "host",
    "role",
    "state",
    "pid",
    "version",
    "started_at",
    "reloaded_at",
    "reload_error",
    "tcp_port",
    "udp_port",
)
_OF_TLS = ("certificate_expires_at", "certificate_warning", "plain_peers")
_OF_MASTERS = (
    *_OF_BOTH,
    "slaves_registered",
    "slaves_in_sync",
    "last_error",
    "unwatched_because",
    "displaced",
    *_OF_TLS,
)
_OF_SLAVES = (
    *_OF_BOTH,
    "registered_at",
    "master",
    "in_sync",
    "files",
    "tree_digest",
    "last_fetch_at",
    "pending_since",
    "pending_because",
    "last_error",
    "displaced",
    *_OF_TLS,
)


_MOST_NAMES = 5
_STATES = {"running": Style.GOOD, "starting": Style.DOUBTFUL}


def status_document(report: StatusReport) -> dict[str, object]:
    """Return the document without ``schema``; a master has no keys that only slaves have, and the reverse."""
    return {
        "ok": report.ok,
        "agents": [
            {
                **{key: plain(getattr(agent, key)) for key in (_OF_MASTERS if _is_master(agent) else _OF_SLAVES)},
                "recap": agent.outcome.value,
            }
            for agent in report.agents
        ],
    }


def status_table(agents: Iterable[AgentStatus], now: datetime) -> Table:
    """Return a line for each agent; what is wrong or awaited stands at its end.

    Where there is little room it stands below, and times are counted from now.

    Args:
        agents: in their order.
        now: with a time zone.
    """
    agents = tuple(agents)
    columns = ("HOST", "ROLE", "STATE", "SINCE", "PID", "TCP", "UDP", "IN SYNC", "FILES", "LAST FETCH", "NOTE")
    rows = tuple(_row(agent) for agent in agents)
    narrow = Table(
        columns=("HOST", "ROLE", "STATE", "SINCE", "IN SYNC", "FILES", "LAST FETCH"),
        rows=tuple(_narrow_row(agent, now) for agent in agents),
        right=frozenset({"FILES"}),
        remarks=tuple(_note(agent, lambda time: ago(time, now)) for agent in agents),
    )
    return Table(columns=columns, rows=rows, right=frozenset({"PID", "TCP", "UDP", "FILES"}), narrow=narrow)


def _row(agent: AgentStatus) -> tuple[Cell, ...]:
    return (
        agent.host,
        agent.role,
        _state(agent),
        _second(agent.started_at),
        _text(agent.pid),
        _text(agent.tcp_port),
        _text(agent.udp_port),
        _sync(agent),
        _text(agent.files),
        _second(agent.last_fetch_at),
        _note(agent, _second),
    )


def _narrow_row(agent: AgentStatus, now: datetime) -> tuple[Cell, ...]:
    return (
        agent.host,
        agent.role,
        _state(agent),
        ago(agent.started_at, now) if agent.started_at else "",
        _sync(agent),
        _text(agent.files),
        ago(agent.last_fetch_at, now) if agent.last_fetch_at else "",
    )


def _state(agent: AgentStatus) -> Cell:
    return Styled(agent.state, _STATES.get(agent.state, Style.BAD))


def _sync(agent: AgentStatus) -> Cell:
    """Return ``yes`` or ``no`` for a slave, and how many of its slaves are in sync for a master."""
    if not _is_master(agent):
        if agent.in_sync is None:
            return ""
        return Styled("yes", Style.GOOD) if agent.in_sync else Styled("no", Style.BAD)
    if agent.slaves_registered is None:
        return ""
    is_good = agent.slaves_in_sync == agent.slaves_registered
    return Styled(f"{agent.slaves_in_sync} of {agent.slaves_registered}", Style.GOOD if is_good else Style.DOUBTFUL)


def _note(agent: AgentStatus, moment: Callable[[str], str]) -> str:
    """Return what is wrong or awaited, and since when, in the form that ``moment`` gives to times."""
    words = [agent.last_error or ""]
    if agent.unwatched_because is not None:
        words.append(f"changes are seen by the periodic scan only: {agent.unwatched_because}")
    if agent.in_sync is False:
        because = agent.pending_because if agent.pending_because != agent.last_error else None
        since = f"behind since {moment(agent.pending_since)}" if agent.pending_since else ""
        words.append(": ".join(word for word in (since, because) if word))
    words += [
        f"another connection took the place of {one['slave']}, {one['count']} times, last at {moment(one['last_at'])}: "
        "does a second process register its port there? (SCHEDULER-714)"
        for one in (agent.displaced or [])[:_MOST_NAMES]
        if {"slave", "count", "last_at"} <= one.keys()
    ]
    if agent.plain_peers:
        words.append(f"in plain: {_few(agent.plain_peers)}")
    words.append(agent.certificate_warning or "")
    return "; ".join(word for word in words if word)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(map(str, names[:_MOST_NAMES])) + more


def _second(time: str | None) -> str:
    """Return an RFC 3339 time without fractions, as tables show it."""
    return "" if time is None else re.sub(r"\.\d+", "", time)


def _is_master(agent: AgentStatus) -> bool:
    return agent.role == "master"


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
