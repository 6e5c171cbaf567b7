"""What came of the work for each host, in the same words everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.fleet import OUTCOME_STYLES
from cli.tables import Cell, Styled

if TYPE_CHECKING:
    from sync_core.fleet.each import Outcome

__all__ = ["recap_cell", "recap_line"]


def recap_cell(outcome: Outcome) -> Cell:
    """Return the word for one host."""
    return Styled(outcome, OUTCOME_STYLES[outcome])


def recap_line(outcomes: Sequence[Outcome]) -> str:
    """Return how many hosts there are of each kind."""
    counts = {word: outcomes.count(word) for word in type(outcomes[0])} if outcomes else {}
    kinds = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"jsync: {len(outcomes)} hosts: {kinds}"
