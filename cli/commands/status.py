"""``jsync status``: what each agent is, and whether each slave is in sync."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.errors import ExitCode
from cli.log import log_of_command
from cli.render.status import status_document, status_table
from sync_core.model.errors import UsageError

if TYPE_CHECKING:
    from sync_core.fleet.status import StatusReport
    from sync_core.model.inventory import Host, Inventory

__all__ = ["COMMAND"]

_PAUSE_S = 1.0
_CLEAR = "\x1b[H\x1b[2J"


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
        call.sink.document("status", status_document(report))
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


def _show(call: Call, report: StatusReport) -> None:
    agents = [agent for agent in report.agents if not (call.settings.is_quiet and agent.is_ok)]
    if agents:
        call.sink.table(status_table(agents))


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
