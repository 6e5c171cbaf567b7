"""How much an inventory's file may hold; a hostile one must not take all memory, or Python's stack."""

from __future__ import annotations

__all__ = ["MAX_DEPTH", "MAX_NODES", "MAX_NUMBER_CHARACTERS", "TooMuchError", "limit_reached"]

MAX_NODES = 400_000
"""Values after aliases were followed; what a file of the largest size can hold without any."""

MAX_DEPTH = 50
"""Groups within groups within groups: nobody reads more, and Python's stack allows some hundreds."""

MAX_NUMBER_CHARACTERS = 64
"""Python takes seconds for a million digits."""


class TooMuchError(Exception):
    """A document breaks one of our bounds at ``line`` and ``column``, both 1-based."""

    def __init__(self, message: str, *, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def limit_reached(*, depth: int, nodes: int) -> str | None:
    """Return which of our bounds a document breaks, if it does."""
    if depth > MAX_DEPTH:
        return f"the file has more than {MAX_DEPTH} levels"
    return f"the file has more than {MAX_NODES} values" if nodes > MAX_NODES else None
