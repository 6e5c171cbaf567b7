"""``jsync notify``: where wake-ups went, or would go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cli.documents import plain
from cli.render.recap import recap_cell
from cli.tables import Cell, Table

if TYPE_CHECKING:
    from sync_core.fleet.notify import Notified

__all__ = ["notify_document", "notify_recap", "notify_summary"]


def notify_document(result: Notified) -> dict[str, Any]:
    """Return one slave's part of the document."""
    values = plain(result)
    assert isinstance(values, dict)  # noqa: S101 - a value becomes an object
    return {**values, "recap": result.outcome.value}


def notify_summary(result: Notified, *, check: bool) -> str:
    """Return one line about one slave."""
    verb = "would be sent" if check else "sent"
    whence = f" from {result.sent_by}" if result.sent_by else ""
    return f"{result.slave}: wake-up {verb} to {result.endpoint} by {result.protocol.upper()}{whence}"


def notify_recap(results: Iterable[Notified]) -> Table:
    """Return a line for each slave: what came of it, and which way the wake-up went."""
    return Table(columns=("SLAVE", "RECAP", "TO", "BY", "FROM"), rows=tuple(_row(one) for one in results))


def _row(result: Notified) -> tuple[Cell, ...]:
    whence = "" if result.error is not None else (result.sent_by or "here")
    return (result.slave, recap_cell(result.outcome), result.endpoint, result.protocol.upper(), whence)
