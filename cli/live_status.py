"""``jsync status --watch``: in place on a terminal; elsewhere the table, each time that it changes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from cli.layout import render, render_cut
from cli.output import Sink, StdoutClosed
from cli.render.recap import recap_line
from cli.render.status import status_table
from cli.screen import Screen
from cli.tables import Table

if TYPE_CHECKING:
    from sync_core.fleet.agent_status import AgentStatus, StatusReport

__all__ = ["watcher_of"]


class StatusWatcher(Protocol):
    """Who shows reports."""

    def show(self, report: StatusReport, missing: tuple[str, ...], now: datetime) -> None:
        """Show a report.

        Args:
            report: what is known.
            missing: hosts of which nothing is known yet.
            now: with a time zone.
        """


def watcher_of(sink: Sink) -> StatusWatcher:
    """Return who shows reports, by where stdout leads."""
    return _OnTerminal(sink) if sink.streams.stdout.isatty() else _Elsewhere(sink)


class _OnTerminal:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._screen = Screen(sink.streams)

    def show(self, report: StatusReport, missing: tuple[str, ...], now: datetime) -> None:
        size = self._screen.size
        awaited = f"; waiting for {', '.join(missing)}" if missing else ""
        counts = recap_line([agent.outcome for agent in report.agents]).removeprefix("jsync: ")
        title = Table(columns=(f"{now:%H:%M:%S} UTC  {counts}{awaited}",), rows=())
        lines = render_cut(title, color=self._sink.color, width=size.columns, height=1)
        agents = _shown(self._sink, report)
        if agents:
            lines += self._table(agents, now, width=size.columns, height=size.lines - 1 - len(lines))
        self._screen.show(lines[: size.lines - 1])

    def _table(self, agents: list[AgentStatus], now: datetime, *, width: int, height: int) -> list[str]:
        """Return as much as fits; if that is not all, those that need attention come first."""

        def lines_of(agents: list[AgentStatus]) -> list[str]:
            return render_cut(status_table(agents, now), color=self._sink.color, width=width)

        lines = lines_of(agents)
        if len(lines) <= height:
            return lines
        lines = lines_of(sorted(agents, key=lambda agent: agent.is_ok))
        return [*lines[: height - 1], f"… {len(lines) - height + 1} more lines"]


class _Elsewhere:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._shown: str | None = None

    def show(self, report: StatusReport, missing: tuple[str, ...], now: datetime) -> None:
        if not self._sink.streams.is_read():
            raise StdoutClosed
        agents = _shown(self._sink, report)
        text = render(status_table(agents, now), color=self._sink.color) if agents else ""
        if not missing and text != self._shown:
            self._shown = text
            self._sink.streams.write(text)
            self._sink.streams.flush()


def _shown(sink: Sink, report: StatusReport) -> list[AgentStatus]:
    """Return the agents that are shown: with ``-q`` those that need attention."""
    return [agent for agent in report.agents if not (sink.settings.is_quiet and agent.is_ok)]
