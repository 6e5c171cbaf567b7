"""What the commands that work on many hosts share: two options, the live display, and words for a recap."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cli.command import Call
from cli.live import live_table
from cli.log import log_of_command
from cli.tables import Cell, Style, Styled, Table

if TYPE_CHECKING:
    from sync_core.fleet.each import FleetOptions, Outcome
    from sync_core.model.inventory import Host

__all__ = ["OUTCOME_STYLES", "Forks", "HostProgress", "Timeout", "announced_options", "at_work", "quiet_options"]

Forks = Annotated[int, typer.Option("--forks", metavar="N", min=1, help="Hosts at once.")]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="S", min=0.1, help="Seconds for each host, everything included.")
]

OUTCOME_STYLES = {
    "ok": Style.GOOD,
    "changed": Style.DOUBTFUL,
    "unreachable": Style.BAD,
    "failed": Style.BAD,
}


class HostProgress:
    """Which hosts are done, and which are being worked on since when; shown by another thread than told.

    Args:
        hosts: all of them.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self._since: dict[str, float] = {}
        self._outcomes: dict[str, str] = {}
        self._hosts = tuple(hosts)

    def started(self, host: str) -> None:
        """Take note that the work for a host begins."""
        self._since[host] = time.monotonic()

    def ended(self, host: str, outcome: Outcome) -> None:
        """Take note that it is over."""
        self._since.pop(host, None)
        self._outcomes[host] = outcome

    def table(self, most_rows: int) -> Table:
        """Return the hosts that are waited for, the longest first, and then those that are not well."""
        now = time.monotonic()
        waited_for = [(host, Styled(f"{now - since:.0f} s", Style.FAINT)) for host, since in list(self._since.items())]
        bad = [
            (host, Styled(word, OUTCOME_STYLES[word])) for host, word in list(self._outcomes.items()) if word != "ok"
        ]
        rows: list[tuple[Cell, ...]] = [*waited_for, *bad]
        return Table(columns=(f"{len(self._outcomes)} OF {len(self._hosts)}", ""), rows=tuple(rows[:most_rows]))


@contextlib.contextmanager
def at_work(call: Call, hosts: Sequence[Host], *, forks: int, timeout: float) -> Iterator[FleetOptions]:
    """Give the options of a run on ``hosts``, and show its progress while it lasts, if somebody looks."""
    options = announced_options(call, hosts, forks=forks, timeout=timeout)
    progress = HostProgress([host.name for host in hosts])
    with live_table(call.sink, progress.table):
        yield replace(options, watcher=progress)


def announced_options(call: Call, hosts: Sequence[Host], *, forks: int, timeout: float) -> FleetOptions:
    """Return the options of a run on ``hosts``, which ``-v`` shows; what the library logs of it goes to stderr."""
    log_of_command(call.settings)
    if call.settings.verbosity:
        number = "1 host" if len(hosts) == 1 else f"{len(hosts)} hosts"
        call.sink.note(f"jsync: {number}, {forks} at once, {timeout:g} s for each")
    return quiet_options(call, forks=forks, timeout=timeout)


def quiet_options(call: Call, *, forks: int, timeout: float) -> FleetOptions:
    """Return the options of a run that shows no progress."""
    from sync_core.fleet.each import FleetOptions

    return FleetOptions(forks=forks, timeout_s=timeout, password=call.password)
