"""Tables for people, as values; ``cli.layout`` turns them into text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

__all__ = ["Cell", "Style", "Styled", "Table", "paint"]


class Style(StrEnum):
    """How a cell looks where there is colour: what stands between ``ESC [`` and ``m``."""

    GOOD = "32"
    BAD = "1;31"
    DOUBTFUL = "33"
    FAINT = "2"
    HEADING = "1"


@dataclass(frozen=True, slots=True)
class Styled:
    """A cell with a style."""

    text: str
    style: Style


Cell: TypeAlias = str | Styled


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns and rows.

    Attributes:
        columns: headings.
        rows: each as long as ``columns``.
        right: headings of columns that hold numbers.
        remarks: what stands below each row, if anything does.
        narrow: what a terminal shows that is not wide enough for this one.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()
    narrow: Table | None = None


def paint(text: str, style: Style) -> str:
    """Return ``text`` between the escape sequences of ``style``."""
    return f"\x1b[{style}m{text}\x1b[0m"
