"""``jsync sync``: one fetch now, without an agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_slaves
from cli.command import Call, Command
from cli.errors import ExitCode, error_text
from cli.fleet import Forks, Timeout, at_work
from cli.render.recap import recap_line
from cli.render.sync import sync_document, sync_lines, sync_recap, sync_summary, sync_unified
from cli.render.unified import colored
from sync_core.model.errors import TooManyRemovalsError, UnsafeNameError

if TYPE_CHECKING:
    from sync_core.fleet.sync import Synced

__all__ = ["COMMAND"]


def _sync(
    call: Call,
    slaves: Annotated[list[str], typer.Argument(metavar="SLAVE", help="Which slaves.")],
    *,
    check: Annotated[bool, typer.Option("-C", "--check", help="Say what would change; change nothing.")] = False,
    diff: Annotated[bool, typer.Option("-D", "--diff", help="Show the lines that change.")] = False,
    forks: Forks = 20,
    timeout: Timeout = 300.0,
) -> int:
    from sync_core.agent.state import state_folder
    from sync_core.fleet.sync import sync_slaves

    inventory = call.inventory()
    chosen = choose_slaves(inventory, slaves, call.settings.limit)
    folder = state_folder(call.environ)
    with at_work(call, chosen, forks=forks, timeout=timeout) as options:
        results = sync_slaves(inventory, chosen, folder, check=check, with_contents=diff, options=options)
    codes = [_code(result) for result in results]
    if call.settings.is_json:
        documents = [sync_document(result, with_contents=diff) for result in results]
        call.sink.document("sync", {"ok": not any(codes), "is_check": check, "slaves": documents})
    else:
        _show_all(call, results, check=check, with_contents=diff)
    return max(codes, default=ExitCode.DONE)


def _code(result: Synced) -> ExitCode:
    match result.error:
        case None:
            return ExitCode.DONE
        case TooManyRemovalsError() | UnsafeNameError():
            return ExitCode.NEGATIVE  # the update was refused
        case _:
            return ExitCode.TROUBLE


def _show_all(call: Call, results: Sequence[Synced], *, check: bool, with_contents: bool) -> None:
    """Show what changed, slave by slave, and of several slaves a recap; with ``-q`` only what went wrong."""
    are_several = len(results) > 1
    for result in results:
        if result.error is not None:
            call.sink.warn(error_text(result.error, about=result.slave))
        elif not call.settings.is_quiet and not (are_several and not result.effects):
            _show(call, result, check=check, with_contents=with_contents)
    if are_several and not call.settings.is_quiet:
        call.sink.table(sync_recap(results))
        call.sink.note(recap_line([one.outcome for one in results]))


def _show(call: Call, result: Synced, *, check: bool, with_contents: bool) -> None:
    call.sink.lines([sync_summary(result, check=check)])
    call.sink.content(sync_lines(result))
    if with_contents:
        call.sink.content(colored(sync_unified(result)))


COMMAND = Command(
    name="sync",
    run=_sync,
    help="""Fetch once, now, without an agent.

    For slaves whose agent does not run; an agent fetches by itself. Elsewhere the jsync of that machine does it. Exit
    code 1 when an update was refused, 2 when there was no fetch.""",
    is_for_cron=True,
    examples=(
        ("jsync sync slave-5000", "bring its cache in line"),
        ("jsync sync slave-5000 -C", "what would change"),
        ("jsync sync slaves -CD", "with the lines that would change"),
    ),
)
