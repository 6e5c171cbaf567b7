"""``jsync check-ports``: can they reach each other?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.documents import plain
from cli.errors import ExitCode
from cli.log import log_of_command
from cli.tables import Style, Styled, Table

if TYPE_CHECKING:
    from sync_core.model.probe import CheckResult, PortsReport

__all__ = ["COMMAND"]

_PAUSE_S = 1.0


def _check_ports(
    call: Call,
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST", help="At either end; all by default.")] = None,
    timeout: Annotated[float, typer.Option("--timeout", metavar="S", min=0.1, help="Seconds for each check.")] = 3.0,
    wait: Annotated[
        float, typer.Option("--wait", metavar="S", min=0, help="Seconds to try again until all is well.")
    ] = 0.0,
    network_only: Annotated[
        bool, typer.Option("--network-only", help="Before go-live: a port that nobody listens on is good enough.")
    ] = False,
) -> int:
    from sync_core.fleet.ports import check_ports

    log_of_command(call.settings)
    inventory = call.inventory()
    chosen = choose_hosts(inventory, hosts or (), call.settings.limit)
    deadline = time.monotonic() + wait
    while True:
        report = check_ports(inventory, chosen, timeout_s=timeout, network_only=network_only)
        left_s = deadline - time.monotonic()
        if report.ok or left_s <= 0:
            break
        time.sleep(min(_PAUSE_S, left_s))
    _show(call, report)
    return ExitCode.DONE if report.ok else ExitCode.NEGATIVE


def _show(call: Call, report: PortsReport) -> None:
    if call.settings.is_json:
        call.sink.document("check-ports", {"ok": report.ok, "checks": plain(report.checks)})
        return
    shown = [check for check in report.checks if not call.settings.is_quiet or not _is_good(check, report)]
    if not shown:
        return
    columns = ("FROM", "TO", "PORT", "PURPOSE", "VERDICT", "MS")
    rows = tuple(_row(check, report) for check in shown)
    call.sink.table(Table(columns=columns, rows=rows, right=frozenset({"MS"})))
    for check in shown:
        if not _is_good(check, report):
            call.sink.lines(["", *_explanation(check)])


def _row(check: CheckResult, report: PortsReport) -> tuple[str | Styled, ...]:
    from sync_core.model.probe import Verdict

    good = Style.GOOD if check.verdict is Verdict.OPEN else Style.DOUBTFUL
    style = good if _is_good(check, report) else Style.BAD if check.required else Style.DOUBTFUL
    target = check.target if check.target == check.address else f"{check.target} ({check.address})"
    purpose = check.purpose if check.required else f"{check.purpose} (not required)"
    verdict = Styled(check.verdict, style)
    return (check.source, target, f"{check.port}/{check.protocol}", purpose, verdict, f"{check.elapsed_ms:.1f}")


def _is_good(check: CheckResult, report: PortsReport) -> bool:
    from sync_core.model.probe import PortsReport

    return PortsReport(checks=(check,), network_only=report.network_only).ok if check.required else True


def _explanation(check: CheckResult) -> list[str]:
    head = f"{check.source} -> {check.target} {check.port}/{check.protocol}: {check.verdict}"
    fix = [f"  next: {check.fix}"] if check.fix else []
    return [head, *(f"  {word}" for word in check.evidence), *fix]


COMMAND = Command(
    name="check-ports",
    run=_check_ports,
    help="""Check that masters and slaves reach each other.

    For every slave and each of its masters: slave to master (registration), master to slave by UDP (wake-up) and by
    TCP (commands). Exit code 1 when a required port is not open.""",
    examples=(
        ("jsync check-ports", "every check of the inventory"),
        ("jsync check-ports slave-5000", "the three checks of this slave"),
        ("jsync check-ports --wait 60 -q", "in a script after `jsync up -d`"),
        ("jsync check-ports --network-only", "before the agents run"),
    ),
)
