"""``jsync down``: detached agents stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.agents import with_recap
from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.errors import ExitCode, error_text
from cli.fleet import Forks, at_work
from cli.render.recap import recap_cell, recap_line
from cli.tables import Style, Styled, Table

if TYPE_CHECKING:
    from sync_core.fleet.down import DownResult

__all__ = ["COMMAND"]


def _down(
    call: Call,
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST", help="Whose agents; all by default.")] = None,
    *,
    forks: Forks = 20,
    check: Annotated[bool, typer.Option("-C", "--check", help="Say what would be stopped; stop nothing.")] = False,
) -> int:
    from sync_core.agent.state import state_folder
    from sync_core.fleet.down import stop_orphans
    from sync_core.fleet.everywhere import DOWN_S, stop_everywhere
    from sync_core.fleet.units import find_units

    inventory = call.inventory()
    chosen = choose_hosts(inventory, hosts or (), call.settings.limit)
    folder = state_folder(call.environ)
    with at_work(call, chosen, forks=forks, timeout=DOWN_S) as fleet:
        results = stop_everywhere(inventory, chosen, folder, fleet, check=check, units=find_units(call.environ))
    if not hosts and call.settings.limit is None:
        results = (*results, *stop_orphans(inventory, folder, check=check, units=find_units(call.environ)))
    is_bad = any(result.error for result in results)
    if call.settings.is_json:
        call.sink.document(
            "down", {"ok": not is_bad, "is_check": check, "agents": [with_recap(result) for result in results]}
        )
    else:
        _show(call, results, is_check=check)
    return ExitCode.TROUBLE if is_bad else ExitCode.DONE


def _show(call: Call, results: tuple[DownResult, ...], *, is_check: bool) -> None:
    from sync_core.fleet.down import DownOutcome

    styles = {
        DownOutcome.STOPPED: Style.GOOD,
        DownOutcome.NOT_RUNNING: Style.FAINT,
        DownOutcome.FAILED: Style.BAD,
        DownOutcome.UNREACHABLE: Style.BAD,
    }
    rows = tuple(
        (
            result.host,
            Styled(
                "would be stopped" if is_check and result.outcome is DownOutcome.STOPPED else result.outcome,
                styles.get(result.outcome, Style.DOUBTFUL),
            ),
            str(result.pid) if result.pid else "",
            recap_cell(result.recap),
        )
        for result in results
    )
    if not call.settings.is_quiet:
        call.sink.table(Table(columns=("HOST", "AGENT", "PID", "RECAP"), rows=rows, right=frozenset({"PID"})))
    for result in results:
        if result.error is not None:
            call.sink.warn(error_text(result.error, about=result.host))
        elif result.outcome is DownOutcome.FOREGROUND:
            call.sink.warn(
                f"jsync: {result.host} runs in the foreground (pid {result.pid}); stop it where it was started"
            )
    if len(results) > 1:
        call.sink.note(recap_line([result.recap for result in results]))


COMMAND = Command(
    name="down",
    run=_down,
    help="""Stop detached agents.

    An agent that runs in somebody's foreground is left alone.""",
    is_for_cron=True,
    examples=(
        ("jsync down", "all of this inventory"),
        ("jsync down slaves", "only the slaves"),
        ("jsync down -C", "what would be stopped"),
    ),
)
