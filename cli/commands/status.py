"""``jsync status``: what each agent is, and whether each slave is in sync."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cli.agents import warn_of_orphans
from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.errors import ExitCode
from cli.fleet import Forks, Timeout, announced_options, at_work
from cli.render.recap import recap_line
from cli.render.status import status_document, status_table
from sync_core.model.errors import UsageError

if TYPE_CHECKING:
    from sync_core.fleet.agent_status import StatusReport
    from sync_core.fleet.each import FleetOptions
    from sync_core.model.inventory import Host, Inventory

__all__ = ["COMMAND"]

_PAUSE_S = 1.0


def _status(
    call: Call,
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST", help="Whose agents; all by default.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every second until Ctrl-C.")] = False,
    forks: Forks = 20,
    timeout: Timeout = 60.0,
) -> int:
    from sync_core.agent.state import state_folder
    from sync_core.fleet.status import read_status

    if watch and call.settings.is_json:
        raise UsageError("--watch and -o json exclude each other: stdout holds one document", hint="leave out --watch")
    inventory = call.inventory()
    chosen = choose_hosts(inventory, hosts or (), call.settings.limit)
    folder = state_folder(call.environ)
    if watch:
        _watch(call, inventory, chosen, folder, announced_options(call, chosen, forks=forks, timeout=timeout))
    with at_work(call, chosen, forks=forks, timeout=timeout) as options:
        report = read_status(inventory, chosen, folder, options=options)
    warn_of_orphans(call, inventory)
    if call.settings.is_json:
        call.sink.document("status", status_document(report))
    else:
        _show(call, report)
    return _code(report)


def _code(report: StatusReport) -> ExitCode:
    if report.has_trouble:
        return ExitCode.TROUBLE
    return ExitCode.DONE if report.ok else ExitCode.NEGATIVE


def _watch(call: Call, inventory: Inventory, hosts: tuple[Host, ...], folder: Path, options: FleetOptions) -> NoReturn:
    """Show the status again and again; only Ctrl-C ends it."""
    from cli.live_status import watcher_of
    from sync_core.fleet.status import watch_status

    watcher = watcher_of(call.sink)

    def show(report: StatusReport, missing: tuple[str, ...]) -> None:
        watcher.show(report, missing, datetime.now(UTC))

    watch_status(inventory, hosts, folder, options=options, show=show, pause_s=_PAUSE_S)


def _show(call: Call, report: StatusReport) -> None:
    agents = [agent for agent in report.agents if not (call.settings.is_quiet and agent.is_ok)]
    if agents:
        call.sink.table(status_table(agents, datetime.now(UTC)))
    if len(report.agents) > 1:
        call.sink.note(recap_line([agent.outcome for agent in report.agents]))


COMMAND = Command(
    name="status",
    run=_status,
    help="""Show what each agent is, and whether each slave is in sync.

    Agents in the foreground are seen too. Elsewhere the jsync of that machine is asked by SSH; where there is none, the
    agent itself by TCP, which a JobScheduler answers as well. Exit code 1 when an agent is not running or a slave is
    not in sync, 2 when an agent could not be asked.""",
    is_for_cron=True,
    examples=(
        ("jsync status", "every agent"),
        ("jsync status slaves -q", "only what needs attention"),
        ("jsync status --watch", "again every second"),
        ("jsync status -o json | jq .ok", "for scripts"),
    ),
)
