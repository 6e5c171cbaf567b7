"""``jsync up``: the agents run, here in the foreground or on their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.agents import installer_of, launcher_of, units_of, warn_of_orphans, with_recap
from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.errors import ExitCode, error_text
from cli.fleet import Forks, at_work
from cli.foreground import run_attached, run_here
from cli.render.recap import recap_cell, recap_line
from cli.tables import Style, Styled, Table
from sync_core.model.errors import UsageError

if TYPE_CHECKING:
    from sync_core.fleet.up import UpOutcome, UpResult


__all__ = ["COMMAND"]


def _up(
    call: Call,
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST", help="Whose agents; all by default.")] = None,
    *,
    detach: Annotated[bool, typer.Option("-d", "--detach", help="Return when all are ready; they run on.")] = False,
    wait_timeout: Annotated[
        float, typer.Option("--wait-timeout", metavar="S", min=0.1, help="Seconds until an agent must be ready.")
    ] = 60.0,
    install: Annotated[
        bool, typer.Option("--install", help="As -d; bring jsync to other machines where it is missing or older.")
    ] = False,
    forks: Forks = 20,
    check: Annotated[bool, typer.Option("-C", "--check", help="Say what would be done; do nothing.")] = False,
    accept_new_root: Annotated[
        bool, typer.Option("--accept-new-root", help="As -d; the file systems that their folders lie on now are right.")
    ] = False,
    attached: Annotated[bool, typer.Option("--attached", hidden=True)] = False,
) -> int:
    inventory = call.inventory(keep_part=not check)
    chosen = choose_hosts(inventory, hosts or (), call.settings.limit)
    if attached:
        return run_attached(call, inventory, chosen, wait_timeout_s=wait_timeout)
    if accept_new_root and not hosts:
        raise UsageError("--accept-new-root is for hosts that are named", hint="jsync up --accept-new-root HOST")
    if not (detach or install or check or accept_new_root):
        return run_here(call, inventory, chosen, wait_timeout_s=wait_timeout, forks=forks)
    from sync_core.fleet.everywhere import UpOptions, up_everywhere

    options = UpOptions(
        wait_timeout_s=wait_timeout,
        check=check,
        verbosity=call.settings.verbosity,
        installer=installer_of(call) if install else None,
        units=None if check else units_of(call),
        accept_new_root=accept_new_root,
    )
    with at_work(call, chosen, forks=forks, timeout=options.machine_s) as fleet:
        results = up_everywhere(inventory, chosen, launcher_of(call), options, fleet)
    warn_of_orphans(call, inventory)
    codes = [_code(result) for result in results]
    if call.settings.is_json:
        agents = [with_recap(result) for result in results]
        call.sink.document("up", {"ok": not any(codes), "is_check": check, "agents": agents})
        return max(codes, default=ExitCode.DONE)
    if not call.settings.is_quiet:
        _show(call, results, is_check=check)
    for result in results:
        if result.error is not None:
            call.sink.warn(error_text(result.error, about=result.host))
    if len(results) > 1:
        call.sink.note(recap_line([result.recap for result in results]))
    return max(codes, default=ExitCode.DONE)


def _code(result: UpResult) -> ExitCode:
    from sync_core.fleet.up import UpOutcome

    match result.outcome:
        case UpOutcome.FAILED | UpOutcome.UNREACHABLE:
            return ExitCode.TROUBLE
        case UpOutcome.NOT_READY:
            return ExitCode.NEGATIVE
        case _:
            return ExitCode.DONE


def _show(call: Call, results: tuple[UpResult, ...], *, is_check: bool) -> None:
    rows = tuple(
        (
            result.host,
            Styled(_word(result.outcome, is_check=is_check), Style.BAD if result.error else Style.GOOD),
            str(result.pid) if result.pid else "",
            recap_cell(result.recap),
            f"jsync {result.installed} {'would be ' if is_check else ''}installed" if result.installed else "",
        )
        for result in results
    )
    call.sink.table(Table(columns=("HOST", "AGENT", "PID", "RECAP", ""), rows=rows, right=frozenset({"PID"})))


def _word(outcome: UpOutcome, *, is_check: bool) -> str:
    from sync_core.fleet.up import UpOutcome

    is_act = outcome in {UpOutcome.STARTED, UpOutcome.RELOADED, UpOutcome.RESTARTED}
    return f"would be {outcome}" if is_check and is_act else outcome


COMMAND = Command(
    name="up",
    run=_up,
    help="""Start the agents and stay with them.

    Their log lines stand behind their names; Ctrl-C or SIGTERM stops them. With -d it returns when all are ready,
    leaves alone what runs with the same settings, reloads what can take over others while it runs, and restarts what
    died or needs that. Agents on other machines are run by the jsync there; in the foreground they end with us.""",
    is_for_cron=True,
    examples=(
        ("jsync up", "everything, in the foreground"),
        ("jsync up slaves -v", "only the slaves, with every step in the log"),
        ("jsync up -d", "leave them running, here and elsewhere"),
        ("jsync up --install -l new", "the same, and bring jsync along"),
        ("* * * * * jsync up -d -q", "cron: what died comes back within a minute"),
    ),
)
