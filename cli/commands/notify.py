"""``jsync notify``: a wake-up by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.choice import choose_slaves
from cli.command import Call, Command
from cli.errors import ExitCode, error_text
from cli.fleet import Forks, Timeout, at_work
from cli.render.notify import notify_document, notify_recap, notify_summary
from cli.render.recap import recap_line

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
        documents = [notify_document(result) for result in results]
        call.sink.document("notify", {"ok": not is_bad, "is_check": check, "slaves": documents})
    else:
        _show(call, results, check=check)
    return ExitCode.TROUBLE if is_bad else ExitCode.DONE


def _show(call: Call, results: Sequence[Notified], *, check: bool) -> None:
    """Show where one wake-up went, or of several a recap; with ``-q`` only what may have been in vain."""
    if not call.settings.is_quiet:
        if len(results) > 1:
            call.sink.table(notify_recap(results))
        else:
            call.sink.lines(notify_summary(result, check=check) for result in results if result.error is None)
    for result in results:
        if result.error is not None:
            call.sink.warn(error_text(result.error, about=result.slave))
        if result.note is not None:
            call.sink.warn(f"jsync: {result.slave}: the wake-up may be ignored: {result.note}")
    if len(results) > 1:
        call.sink.note(recap_line([result.outcome for result in results]))


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
