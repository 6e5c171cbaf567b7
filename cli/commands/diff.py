"""``jsync diff``: the master's file list for a slave against the slave's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_slaves
from cli.command import Call, Command
from cli.errors import ExitCode, error_text
from cli.fleet import Forks, Timeout, at_work
from cli.render.diff import diff_document, diff_summary, diff_table, recap_table, unified_lines
from cli.render.recap import recap_line
from cli.render.unified import colored

if TYPE_CHECKING:
    from sync_core.fleet.diff import DiffReport, SlaveDiff

__all__ = ["COMMAND"]


def _diff(
    call: Call,
    slaves: Annotated[list[str], typer.Argument(metavar="SLAVE", help="Which slaves.")],
    with_contents: Annotated[
        bool, typer.Option("-u", "--unified", help="Show the lines that differ, from the slave's to the master's.")
    ] = False,
    forks: Forks = 20,
    timeout: Timeout = 120.0,
) -> int:
    from sync_core.agent.state import state_folder
    from sync_core.fleet.diff import diff_slaves

    inventory = call.inventory()
    chosen = choose_slaves(inventory, slaves, call.settings.limit)
    with at_work(call, chosen, forks=forks, timeout=timeout) as options:
        report = diff_slaves(
            inventory,
            chosen,
            with_contents=with_contents,
            state_folder=state_folder(call.environ),
            options=options,
        )
    if call.settings.is_json:
        call.sink.document("diff", diff_document(report, with_contents=with_contents))
    else:
        _show_all(call, report)
    return _code(report)


def _show_all(call: Call, report: DiffReport) -> None:
    """Show what differs, slave by slave, and of several slaves a recap; with ``-q`` only what differs."""
    are_several = len(report.slaves) > 1
    for one in report.slaves:
        _show(call, one, is_short=are_several or call.settings.is_quiet)
    if are_several and not call.settings.is_quiet:
        call.sink.table(recap_table(report.slaves))
        call.sink.note(recap_line([one.outcome for one in report.slaves]))


def _code(report: DiffReport) -> ExitCode:
    if report.has_trouble:
        return ExitCode.TROUBLE
    return ExitCode.DONE if report.in_sync else ExitCode.NEGATIVE


def _show(call: Call, one: SlaveDiff, *, is_short: bool) -> None:
    if one.diff is not None and not (is_short and one.diff.is_in_sync):
        call.sink.lines([diff_summary(one, one.diff)])
        if one.diff.entries:
            call.sink.table(diff_table(one.diff))
        for pair in one.contents:
            call.sink.content(colored(unified_lines(pair, one)))
    if one.error is not None:
        call.sink.warn(error_text(one.error, about=one.slave))


COMMAND = Command(
    name="diff",
    run=_diff,
    help="""Compare slaves with what their master holds for them.

    missing: only the master has it; extra: only the slave has it; changed: other content. Lists come from the agents,
    else by SSH from the folders, where nothing of jsync is needed. Exit code 0 when all are in sync, 1 when lists
    differ, 2 when a list could not be had.""",
    is_for_cron=True,
    examples=(
        ("jsync diff slave-5000", "what differs"),
        ("jsync diff slaves -q", "nothing when all is well"),
        ("jsync diff slave-5000 -u", "with the lines that differ"),
        ("jsync diff slaves -o json | jq .in_sync", "for scripts"),
    ),
)
