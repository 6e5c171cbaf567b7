"""``jsync logs``: what detached agents wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.agents import Prefixes
from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.errors import ExitCode
from sync_core.model.errors import UsageError

__all__ = ["COMMAND"]


def _logs(
    call: Call,
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST", help="Whose logs; all by default.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what is being written.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", metavar="N", min=0, help="How many lines of each.")] = 100,
) -> int:
    from sync_core.agent.state import state_folder
    from sync_core.fleet.logs import follow_logs, read_logs

    if follow and call.settings.is_json:
        raise UsageError("-f and -o json exclude each other: a document that never ends is none", hint="leave out -f")
    inventory = call.inventory()
    chosen = choose_hosts(inventory, hosts or (), call.settings.limit)
    prefixes = Prefixes([host.name for host in chosen], color=call.sink.color)
    folder = state_folder(call.environ)
    if call.settings.is_json:
        found = read_logs(inventory, chosen, folder, lines=lines)
        call.sink.document("logs", {"lines": [{"host": host, "line": line} for host, line in found]})
        return ExitCode.DONE
    source = follow_logs if follow else read_logs
    for host, line in source(inventory, chosen, folder, lines=lines):
        call.sink.log_line(prefixes.of(host), line)
    return ExitCode.DONE


COMMAND = Command(
    name="logs",
    run=_logs,
    help="""Show what detached agents wrote.

    Agents in the foreground write to the terminal where they were started.""",
    examples=(
        ("jsync logs", "the last lines of every agent"),
        ("jsync logs slave-5000 -f", "go on with this one until Ctrl-C"),
        ("jsync logs -q", "only warnings and errors"),
    ),
)
