"""``jsync status``: what each agent is, and whether each slave is in sync."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.documents import plain
from cli.errors import ExitCode
from cli.log import log_of_command
from cli.tables import Cell, Style, Styled, Table
from sync_core.model.errors import UsageError

if TYPE_CHECKING:
    from sync_core.fleet.status import AgentStatus, StatusReport
    from sync_core.model.inventory import Host, Inventory

__all__ = ["COMMAND"]

_PAUSE_S = 1.0
_CLEAR = "\x1b[H\x1b[2J"

_OF_BOTH = ("host", "role", "state", "pid", "version", "started_at", "tcp_port", "udp_port")
_OF_MASTERS = (*_OF_BOTH, "slaves_registered", "slaves_in_sync", "last_error")
_OF_SLAVES = (
    *_OF_BOTH,
    "registered_at",
    "master",
    "in_sync",
    "files",
    "tree_md5",
    "last_fetch_at",
    "pending_since",
    "pending_because",
    "last_error",
)


def _status(
    call: Call,
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST", help="Whose agents; all by default.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every second until Ctrl-C.")] = False,
) -> int:
    from sync_core.agent.state import state_folder
    from sync_core.fleet.status import read_status

    if watch and call.settings.is_json:
        raise UsageError("--watch and -o json exclude each other: stdout holds one document", hint="leave out --watch")
    log_of_command(call.settings)
    inventory = call.inventory()
    chosen = choose_hosts(inventory, hosts or (), call.settings.limit)
    folder = state_folder(call.environ)
    if watch:
        _watch(call, inventory, chosen, folder)
    report = read_status(inventory, chosen, folder)
    if call.settings.is_json:
        call.sink.document("status", {"ok": report.ok, "agents": [_document(agent) for agent in report.agents]})
    else:
        _show(call, report)
    return _code(report)


def _code(report: StatusReport) -> ExitCode:
    if report.has_trouble:
        return ExitCode.TROUBLE
    return ExitCode.DONE if report.ok else ExitCode.NEGATIVE


def _watch(call: Call, inventory: Inventory, hosts: tuple[Host, ...], folder: Path) -> None:
    """Show the status again and again; only Ctrl-C ends it."""
    from sync_core.fleet.status import read_status

    is_terminal = call.sink.streams.stdout.isatty()
    while True:
        report = read_status(inventory, hosts, folder)
        call.sink.streams.write(_CLEAR if is_terminal else "")
        _show(call, report)
        call.sink.streams.flush()
        time.sleep(_PAUSE_S)


def _document(agent: AgentStatus) -> dict[str, object]:
    return {key: plain(getattr(agent, key)) for key in (_OF_MASTERS if _is_master(agent) else _OF_SLAVES)}


def _show(call: Call, report: StatusReport) -> None:
    agents = [agent for agent in report.agents if not (call.settings.is_quiet and agent.is_ok)]
    if not agents:
        return
    columns = ("HOST", "ROLE", "STATE", "PID", "TCP", "UDP", "IN SYNC", "FILES", "LAST FETCH", "NOTE")
    rows = tuple(_row(agent) for agent in agents)
    call.sink.table(Table(columns=columns, rows=rows, right=frozenset({"PID", "TCP", "UDP", "FILES"})))


def _row(agent: AgentStatus) -> tuple[Cell, ...]:
    return (
        agent.host,
        agent.role,
        Styled(agent.state, Style.GOOD if agent.state == "running" else Style.BAD),
        _text(agent.pid),
        _text(agent.tcp_port),
        _text(agent.udp_port),
        _sync(agent),
        _text(agent.files),
        agent.last_fetch_at or "",
        agent.last_error or agent.pending_because or "",
    )


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


def _is_master(agent: AgentStatus) -> bool:
    return agent.role == "master"


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


COMMAND = Command(
    name="status",
    run=_status,
    help="""Show what each agent is, and whether each slave is in sync.

    Agents in the foreground are seen too. Exit code 1 when an agent is not running or a slave is not in sync.""",
    examples=(
        ("jsync status", "every agent"),
        ("jsync status slaves -q", "only what needs attention"),
        ("jsync status --watch", "again every second"),
        ("jsync status -o json | jq .ok", "for scripts"),
    ),
)
