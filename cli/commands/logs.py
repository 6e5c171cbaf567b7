"""``jsync logs``: what detached agents wrote."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.agents import Prefixes
from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.documents import plain
from cli.errors import ExitCode, error_text
from cli.fleet import Forks, Timeout, announced_options, at_work
from cli.render.recap import recap_line
from sync_core.model.errors import JsyncError, UsageError

if TYPE_CHECKING:
    from sync_core.fleet.each import FleetOptions
    from sync_core.fleet.logs import HostLog
    from sync_core.model.inventory import Host, Inventory

__all__ = ["COMMAND"]


def _logs(
    call: Call,
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST", help="Whose logs; all by default.")] = None,
    *,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what is being written.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", metavar="N", min=0, help="How many lines of each.")] = 100,
    forks: Forks = 20,
    timeout: Timeout = 60.0,
) -> int:
    from sync_core.agent.state import state_folder

    if follow and call.settings.is_json:
        raise UsageError("-f and -o json exclude each other: a document that never ends is none", hint="leave out -f")
    inventory = call.inventory()
    chosen = choose_hosts(inventory, hosts or (), call.settings.limit)
    folder = state_folder(call.environ)
    if follow:
        options = announced_options(call, chosen, forks=forks, timeout=timeout)
        return _follow(call, inventory, chosen, folder, lines=lines, options=options)
    from sync_core.fleet.logs import read_logs

    with at_work(call, chosen, forks=forks, timeout=timeout) as options:
        logs = read_logs(inventory, chosen, folder, lines=lines, options=options)
    if call.settings.is_json:
        call.sink.document("logs", logs_document(logs))
    else:
        prefixes = Prefixes([host.name for host in chosen], color=call.sink.color)
        for log in logs:
            for line in log.lines:
                call.sink.log_line(prefixes.of(log.host), line)
            if log.error is not None:
                call.sink.warn(error_text(log.error, about=log.host))
        if len(logs) > 1 and any(log.error for log in logs):
            call.sink.note(recap_line([log.outcome for log in logs]))
    return ExitCode.TROUBLE if any(log.error for log in logs) else ExitCode.DONE


def logs_document(logs: Sequence[HostLog]) -> dict[str, object]:
    """Return the document without ``schema``."""
    return {
        "lines": [{"host": log.host, "line": line} for log in logs for line in log.lines],
        "hosts": [{"host": log.host, "recap": log.outcome.value} for log in logs],
        "errors": [{"host": log.host, "error": plain(log.error)} for log in logs if log.error is not None],
    }


def _follow(
    call: Call, inventory: Inventory, hosts: tuple[Host, ...], folder: Path, *, lines: int, options: FleetOptions
) -> ExitCode:
    """Show lines until Ctrl-C, or until there is nobody to show them to or nothing to follow any more."""
    from sync_core.fleet.logs import follow_logs

    prefixes = Prefixes([host.name for host in hosts], color=call.sink.color)
    failures: list[str] = []

    def failed(host: str, error: JsyncError) -> None:
        failures.append(host)
        call.sink.warn(error_text(error, about=host))

    follow_logs(
        inventory,
        hosts,
        folder,
        lines=lines,
        options=options,
        show=lambda host, line: call.sink.log_line(prefixes.of(host), line),
        failed=failed,
        is_wanted=call.sink.streams.is_read,
        lifeline=None if call.settings.part_size_bytes is None else sys.stdin.fileno(),
    )
    return ExitCode.TROUBLE if failures else ExitCode.DONE


COMMAND = Command(
    name="logs",
    run=_logs,
    help="""Show what detached agents wrote.

    Elsewhere the jsync of that machine is asked by SSH. Agents in the foreground write to the terminal where they were
    started.""",
    examples=(
        ("jsync logs", "the last lines of every agent"),
        ("jsync logs slave-5000 -f", "go on with this one until Ctrl-C"),
        ("jsync logs -q", "only warnings and errors"),
    ),
)
