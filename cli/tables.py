"""Tables for people. A table is a value; ``render`` turns it into text."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cli.text import printable

__all__ = ["Cell", "Style", "Styled", "Table", "paint", "render"]


class Style(StrEnum):
    """How a cell looks where there is colour."""

    GOOD = "green"
    BAD = "bold red"
    DOUBTFUL = "yellow"
    FAINT = "dim"


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
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: frozenset[str] = frozenset()


_ESCAPES = {Style.GOOD: "32", Style.BAD: "1;31", Style.DOUBTFUL: "33", Style.FAINT: "2"}


def paint(text: str, style: Style) -> str:
    """Return ``text`` between the escape sequences of ``style``."""
    return f"\x1b[{_ESCAPES[style]}m{text}\x1b[0m"


def render(table: Table, *, color: bool, is_terminal: bool) -> str:
    """Return the table as lines.

    Args:
        table: what to show.
        color: whether styles show.
        is_terminal: fold cells to the terminal's width; elsewhere nothing is wrapped or shortened.
    """
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for heading in table.columns:
        grid.add_column(heading, overflow="fold", justify="right" if heading in table.right else "left")
    for row in table.rows:
        grid.add_row(*(Text(_text(cell), style=cell.style if isinstance(cell, Styled) else "") for cell in row))
    console = Console(
        file=io.StringIO(),
        force_terminal=color,
        color_system="standard" if color else None,
        width=shutil.get_terminal_size().columns if is_terminal else _natural_width(table),
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(grid)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _text(cell: Cell) -> str:
    return printable(cell.text if isinstance(cell, Styled) else cell)


def _natural_width(table: Table) -> int:
    """Return a width at which nothing needs to be folded."""
    from rich.cells import cell_len

    rows = (table.columns, *table.rows)
    widest = (max(cell_len(_text(row[column])) for row in rows) for column in range(len(table.columns)))
    return sum(width + 2 for width in widest) + 1
