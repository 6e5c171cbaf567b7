"""State tables as the pages under ``docs`` show them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

__all__ = ["as_markdown"]

_State = TypeVar("_State", bound=StrEnum)
_Move = TypeVar("_Move", bound=StrEnum)


def as_markdown(table: Mapping[_State, Mapping[_Move, _State]]) -> str:
    """Return a table of moves, one line for each."""
    lines = ["| in this state | this | leads to |", "|---|---|---|"]
    for state, row in table.items():
        lines += [f"| {state} | {move} | {following} |" for move, following in row.items()]
        lines += [] if row else [f"| {state} | | |"]
    return "\n".join(lines)
