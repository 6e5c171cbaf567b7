"""``jsync notify``: a wake-up by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.choice import choose_slaves
from cli.command import Call, Command
from cli.documents import plain
from cli.errors import ExitCode, error_text
from cli.log import log_of_command

__all__ = ["COMMAND"]


def _notify(
    call: Call,
    slaves: Annotated[list[str], typer.Argument(metavar="SLAVE", help="Which slaves.")],
    check: Annotated[bool, typer.Option("-C", "--check", help="Say where it would go; send nothing.")] = False,
) -> int:
    from sync_core.fleet.notify import notify_slaves

    log_of_command(call.settings)
    results = notify_slaves(choose_slaves(call.inventory(), slaves, call.settings.limit), check=check)
    is_bad = any(result.error for result in results)
    if call.settings.is_json:
        call.sink.document("notify", {"ok": not is_bad, "is_check": check, "slaves": plain(results)})
        return ExitCode.TROUBLE if is_bad else ExitCode.DONE
    verb = "would be sent" if check else "sent"
    for result in results:
        if result.error is not None:
            call.sink.warn(error_text(result.error, about=result.slave))
        elif not call.settings.is_quiet:
            call.sink.lines([f"{result.slave}: wake-up {verb} to {result.endpoint} by {result.protocol.upper()}"])
    return ExitCode.TROUBLE if is_bad else ExitCode.DONE


COMMAND = Command(
    name="notify",
    run=_notify,
    help="""Send the wake-up to slaves, so that they check at once.

    It goes to the slave's UDP port; to its TCP port where it has no UDP port. A datagram is never answered: `jsync
    status` and the slave's log show what came of it.""",
    examples=(
        ("jsync notify slave-5000", "wake this one up"),
        ("jsync notify slaves -C", "where it would go"),
    ),
)
