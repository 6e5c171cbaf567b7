"""``jsync tls``: certificates for the hosts of an inventory."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_hosts
from cli.command import Call, Command
from cli.errors import ExitCode, error_text
from cli.render.tls import tls_document, tls_snippet, tls_table
from sync_core.model.errors import UsageError

if TYPE_CHECKING:
    from sync_core.fleet.certificates import TlsReport
    from sync_core.model.inventory import Host, Inventory

__all__ = ["COMMAND"]


class _Action(StrEnum):
    INIT = "init"
    RENEW = "renew"
    SHOW = "show"


def _tls(
    call: Call,
    action: Annotated[_Action, typer.Argument(metavar="ACTION", help="init, renew or show.")],
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="init: where to; `tls` beside the inventory by default.")
    ] = None,
    *,
    check: Annotated[bool, typer.Option("-C", "--check", help="Say what would be made; write nothing.")] = False,
) -> int:
    from sync_core.fleet.certificates import init_tls, renew_tls, show_tls

    if folder is not None and action is not _Action.INIT:
        raise UsageError(f"`jsync tls {action}` takes no DIR: the inventory says where certificates are")
    inventory = call.inventory()
    hosts = choose_hosts(inventory, (), call.settings.limit)
    now = datetime.now(UTC)
    if action is _Action.INIT:
        place = _place(inventory, hosts) if folder is None else folder
        report = init_tls(hosts, place, now=now, check=check)
    else:
        _require_tls(hosts)
        report = renew_tls(hosts, now=now, check=check) if action is _Action.RENEW else show_tls(hosts, now=now)
        place = None
    _say(call, action, report, check=check)
    if place is not None and any(host.tls is None for host in hosts):
        call.sink.note(tls_snippet(place, inventory.sources[0].parent))
    if report.has_trouble:
        return ExitCode.TROUBLE
    return ExitCode.DONE if report.ok else ExitCode.NEGATIVE


def _place(inventory: Inventory, hosts: tuple[Host, ...]) -> Path:
    """Return the folder of the authority that the inventory names, or the one beside it where it names none."""
    named = next((host.tls.ca.parent for host in hosts if host.tls is not None), None)
    if named is not None:
        return named
    source = inventory.sources[0]
    return (source if source.is_dir() else source.parent) / "tls"


def _require_tls(hosts: tuple[Host, ...]) -> None:
    if all(host.tls is None for host in hosts):
        raise UsageError(
            "no host that is meant has `tls`", hint="`jsync tls init` makes certificates, and says what next"
        )


def _say(call: Call, action: str, report: TlsReport, *, check: bool) -> None:
    if call.settings.is_json:
        call.sink.document("tls", tls_document(report, action, check=check))
        return
    shown = [one for one in report.certificates if not call.settings.is_quiet or one.error or one.warning]
    if shown:
        call.sink.table(tls_table(shown))
    for one in shown:
        if one.error is not None:
            call.sink.warn(error_text(one.error, about=one.host))


COMMAND = Command(
    name="tls",
    run=_tls,
    help="""Make, renew or show the certificates of the hosts.

    `init` makes an authority and a certificate for every host that has none, and never replaces what is there. `renew`
    gives hosts new ones, with new keys; agents take them without a restart. `show` looks at them as the agents would:
    exit code 1 when one ends within 30 days, 2 when one can't be used. Where hosts are on other machines,
    `jsync up --install` brings them theirs.""",
    examples=(
        ("jsync tls init", "an authority and certificates"),
        ("jsync tls renew -l slave-5000", "a new certificate for this one"),
        ("jsync tls show -q", "only what ends soon or can't be used"),
    ),
)
