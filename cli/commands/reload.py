"""``jsync reload``: agents take over what has changed in the inventory, without a restart."""

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
    from collections.abc import Sequence

    from sync_core.fleet.reload import ReloadResult

__all__ = ["COMMAND"]


def _reload(
    call: Call,
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST", help="Whose agents; all by default.")] = None,
    *,
    wait_timeout: Annotated[
        float, typer.Option("--wait-timeout", metavar="S", min=0.1, help="Seconds until an agent must have done it.")
    ] = 60.0,
    forks: Forks = 20,
    check: Annotated[bool, typer.Option("-C", "--check", help="Say what would be done; do nothing.")] = False,
) -> int:
    from sync_core.agent.state import state_folder
    from sync_core.fleet.everywhere import reload_everywhere, reload_s

    inventory = call.inventory(keep_part=not check)
    chosen = choose_hosts(inventory, hosts or (), call.settings.limit)
    folder = state_folder(call.environ)
    with at_work(call, chosen, forks=forks, timeout=reload_s(wait_timeout)) as fleet:
        results = reload_everywhere(inventory, chosen, folder, fleet, wait_timeout_s=wait_timeout, check=check)
    code = max(map(_code, results), default=ExitCode.DONE)
    if call.settings.is_json:
        agents = [with_recap(result) for result in results]
        call.sink.document("reload", {"ok": not code, "is_check": check, "agents": agents})
    else:
        _show(call, results, is_check=check)
    return code


def _code(result: ReloadResult) -> ExitCode:
    from sync_core.fleet.reload import ReloadOutcome

    if result.outcome in {ReloadOutcome.FAILED, ReloadOutcome.UNREACHABLE}:
        return ExitCode.TROUBLE
    return ExitCode.DONE if result.error is None else ExitCode.NEGATIVE


def _show(call: Call, results: Sequence[ReloadResult], *, is_check: bool) -> None:
    from sync_core.fleet.reload import ReloadOutcome

    rows = tuple(
        (
            result.host,
            Styled(
                f"would be {result.outcome}"
                if is_check and result.outcome is ReloadOutcome.RELOADED
                else result.outcome,
                Style.BAD if result.error else Style.GOOD,
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
    if len(results) > 1:
        call.sink.note(recap_line([result.recap for result in results]))


COMMAND = Command(
    name="reload",
    run=_reload,
    help="""Have agents that run take over a changed inventory.

    No registration is dropped: slaves that were added are known at once, those that were taken out are cut off. What
    needs a restart, such as another port, is left alone and named; `jsync up -d` does either. An inventory that is
    wrong changes nothing.""",
    is_for_cron=True,
    examples=(
        ("jsync reload", "all agents of this inventory"),
        ("jsync reload masters", "only the masters: a slave was added"),
        ("jsync reload -C", "what would be reloaded, and what needs a restart"),
    ),
)
