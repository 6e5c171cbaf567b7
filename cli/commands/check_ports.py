"""``jsync check-ports``: can they reach each other?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.errors import ExitCode
from cli.live_ports import live_ports
from cli.log import log_of_command
from cli.render.ports import explanation, has_remark, is_good, ports_document, ports_table

if TYPE_CHECKING:
    from sync_core.model.probe import PortsReport

__all__ = ["COMMAND"]


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
    from sync_core.fleet.ports import Options, check_ports, checks_of

    log_of_command(call.settings)
    inventory = call.inventory()
    chosen = choose_hosts(inventory, hosts or (), call.settings.limit)
    options = Options(timeout_s=timeout, wait_s=wait, network_only=network_only, password=call.password)
    with live_ports(call.sink, checks_of(inventory, chosen), network_only=network_only) as watcher:
        report = check_ports(inventory, chosen, options, watcher=watcher)
    if call.settings.is_json:
        call.sink.document("check-ports", ports_document(report))
    else:
        _show(call, report)
    return ExitCode.DONE if report.ok else ExitCode.NEGATIVE


def _show(call: Call, report: PortsReport) -> None:
    bad = tuple(check for check in report.checks if not is_good(check, report))
    shown = bad if call.settings.is_quiet else report.checks
    if shown:
        call.sink.table(ports_table(replace(report, checks=shown)))
    for check in shown:
        if check in bad or has_remark(check):
            call.sink.lines(["", *explanation(check)])


COMMAND = Command(
    name="check-ports",
    run=_check_ports,
    help="""Check that masters and slaves reach each other.

    For every slave and each of its masters: slave to master (registration), master to slave by UDP (wake-up) and by
    TCP (commands), each from the host that opens the connection: here, or by SSH. Exit code 1 when a required port is
    not open.""",
    is_for_cron=True,
    examples=(
        ("jsync check-ports", "every check of the inventory"),
        ("jsync check-ports slave-5000", "the three checks of this slave"),
        ("jsync check-ports --wait 60 -q", "in a script after `jsync up -d`"),
        ("jsync check-ports --network-only", "before the agents run"),
    ),
)
