"""``jsync notify``: a wake-up by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_slaves
from cli.command import Call, Command
from cli.documents import plain
from cli.errors import ExitCode, error_text
from cli.fleet import Forks, Timeout, at_work

if TYPE_CHECKING:
    from sync_core.fleet.notify import Notified

__all__ = ["COMMAND"]


def _notify(
    call: Call,
    slaves: Annotated[list[str], typer.Argument(metavar="SLAVE", help="Which slaves.")],
    *,
    check: Annotated[bool, typer.Option("-C", "--check", help="Say where it would go; send nothing.")] = False,
    forks: Forks = 20,
    timeout: Timeout = 60.0,
) -> int:
    from sync_core.fleet.notify import notify_slaves

    inventory = call.inventory()
    chosen = choose_slaves(inventory, slaves, call.settings.limit)
    with at_work(call, chosen, forks=forks, timeout=timeout) as options:
        results = notify_slaves(inventory, chosen, check=check, options=options)
    is_bad = any(result.error for result in results)
    if call.settings.is_json:
        call.sink.document("notify", {"ok": not is_bad, "is_check": check, "slaves": plain(results)})
    else:
        for result in results:
            _show(call, result, check=check)
    return ExitCode.TROUBLE if is_bad else ExitCode.DONE


def _show(call: Call, result: Notified, *, check: bool) -> None:
    if result.error is not None:
        call.sink.warn(error_text(result.error, about=result.slave))
        return
    if not call.settings.is_quiet:
        verb = "would be sent" if check else "sent"
        whence = f" from {result.sent_by}" if result.sent_by else ""
        call.sink.lines([f"{result.slave}: wake-up {verb} to {result.endpoint} by {result.protocol.upper()}{whence}"])
    if result.note is not None:
        call.sink.warn(f"jsync: {result.slave}: the wake-up may be ignored: {result.note}")


COMMAND = Command(
    name="notify",
    run=_notify,
    help="""Send the wake-up to slaves, so that they check at once.

    It goes from the machine of the slave's master, since a slave listens to nobody else, to the slave's UDP port, or to
    its TCP port where it has no UDP port. A datagram is never answered: `jsync
    status` and the slave's log show what came of it.""",
    is_for_cron=True,
    examples=(
        ("jsync notify slave-5000", "wake this one up"),
        ("jsync notify slaves -C", "where it would go"),
    ),
)
