"""The table that grows while ports are checked: on a terminal only, on stderr, and gone when the report comes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from cli.live import live_table
from cli.output import Sink
from cli.render.ports import verdict_style
from cli.tables import Cell, Style, Styled, Table

if TYPE_CHECKING:
    from sync_core.model.probe import CheckResult
    from sync_core.model.required_ports import PortCheck

__all__ = ["Progress", "live_ports"]


class Progress:
    """What is known so far of all checks.

    Args:
        checks: in the order in which they are shown.
        network_only: decides how verdicts look.
    """

    def __init__(self, checks: Sequence[PortCheck], *, network_only: bool) -> None:
        self._checks = tuple(checks)
        self._network_only = network_only
        self._results: dict[tuple[str, ...], list[CheckResult]] = {}

    def note(self, check: PortCheck, result: CheckResult) -> None:
        """Take in one result; a later one for the same address takes its place."""
        others = [one for one in self._results.get(_key(check), []) if one.address != result.address]
        self._results[_key(check)] = [*others, result]

    @property
    def done(self) -> int:
        """How many checks have a result."""
        return len(self._results)

    def table(self, *, most_rows: int) -> Table:
        """Return the checks that fit, those that go on still first."""
        ordered = sorted(self._checks, key=lambda check: _key(check) in self._results)
        rows = [self._row(check) for check in ordered[:most_rows]]
        head = f"{self.done} OF {len(self._checks)}"
        return Table(columns=("FROM", "TO", "PORT", head), rows=tuple(rows))

    def _row(self, check: PortCheck) -> tuple[Cell, ...]:
        results = self._results.get(_key(check), [])
        verdict: Cell = Styled("…", Style.FAINT)
        if results:
            worst = max(results, key=lambda one: verdict_style(one, network_only=self._network_only) is Style.BAD)
            verdict = Styled(worst.verdict, verdict_style(worst, network_only=self._network_only))
        return (check.source.name, check.target.name, f"{check.port}/{check.protocol}", verdict)


def _key(check: PortCheck) -> tuple[str, ...]:
    """Return what tells a check from the others; who makes the checks has values of their own."""
    return (check.source.name, check.target.name, check.protocol, check.purpose)


@contextlib.contextmanager
def live_ports(
    sink: Sink, checks: Sequence[PortCheck], *, network_only: bool
) -> Iterator[Callable[[PortCheck, CheckResult], None]]:
    """Show the progress of ``checks``, if somebody looks, and yield who must be told of results."""
    progress = Progress(checks, network_only=network_only)
    if not checks:
        yield progress.note
        return
    with live_table(sink, lambda rows: progress.table(most_rows=rows)):
        yield progress.note
