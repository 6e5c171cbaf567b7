"""How a table becomes lines: as wide as it must be, folded to a terminal, or cut off at its edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from cli.tables import Cell, Style, Styled, Table, paint
from cli.text import printable

__all__ = ["render", "render_cut"]

_GAP = "  "
_LEAST = 12
"""A column is not folded to fewer characters."""

_Line: TypeAlias = tuple[Cell, ...]


def render(table: Table, *, color: bool, width: int | None = None) -> str:
    """Return the table as lines.

    Args:
        table: what to show.
        color: whether styles show.
        width: of the terminal, in columns; where it is too narrow even for ``table.narrow``, cells are folded, and
            where they would become too small for that, each row becomes a block. ``None``: nothing is folded.
    """
    return "".join(f"{_painted(line, color=color)}\n" for line in _fitted(table, width))


def render_cut(table: Table, *, color: bool, width: int, height: int | None = None) -> list[str]:
    """Return the table with a line for each row, cut off at the right, and at most ``height`` lines of it."""
    chosen = table if table.narrow is None or _total(_natural(table)) <= width else table.narrow
    lines = list(_grid(chosen, _natural(chosen), None))[:height]
    return [_painted(_cut(line, width), color=color) for line in lines]


def _fitted(table: Table, width: int | None) -> Iterator[_Line]:
    natural = _natural(table)
    if width is None or _total(natural) <= width:
        return _grid(table, natural, width)
    if table.narrow is not None:
        return _fitted(table.narrow, width)
    least = [min(one, _LEAST) for one in natural]
    return _blocks(table, width) if _total(least) > width else _grid(table, _shrunk(natural, least, width), width)


def _natural(table: Table) -> list[int]:
    """Return widths at which nothing needs to be folded."""
    from rich.cells import cell_len

    rows = (table.columns, *table.rows)
    return [max(cell_len(_text(row[column])) for row in rows) for column in range(len(table.columns))]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _shrunk(natural: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """Return widths that fit; the widest columns give most."""
    widths = list(natural)
    while _total(widths) > width:
        place = max(range(len(widths)), key=lambda one: (widths[one] > least[one], widths[one]))
        widths[place] -= 1
    return widths


def _grid(table: Table, widths: Sequence[int], width: int | None) -> Iterator[_Line]:
    is_right = [heading in table.right for heading in table.columns]
    yield from _row([Styled(heading, Style.HEADING) for heading in table.columns], widths, is_right)
    for place, row in enumerate(table.rows):
        yield from _row(row, widths, is_right)
        remark = _text(table.remarks[place]) if table.remarks else ""
        if remark:
            yield from ((_GAP + line,) for line in _folded(remark, None if width is None else width - len(_GAP)))


def _row(cells: Sequence[Cell], widths: Sequence[int], is_right: Sequence[bool]) -> Iterator[_Line]:
    """Return the lines of one row: as many as its highest cell has."""
    from rich.cells import cell_len

    columns = [_folded(_text(cell), width) for cell, width in zip(cells, widths, strict=True)]
    for number in range(max(map(len, columns))):
        line: list[Cell] = []
        blanks = ""
        for cell, parts, width, right in zip(cells, columns, widths, is_right, strict=True):
            part = parts[number] if number < len(parts) else ""
            rest = " " * (width - cell_len(part))
            if part:
                line += [blanks + (rest if right else ""), _like(cell, part)]
                blanks = _GAP if right else rest + _GAP
            else:
                blanks += rest + _GAP
        yield tuple(line)


def _blocks(table: Table, width: int) -> Iterator[_Line]:
    """Return a block of lines for each row, each with its heading in front; empty cells are left out."""
    head = max(map(len, table.columns))
    for place, row in enumerate(table.rows):
        if place:
            yield ()
        remark = table.remarks[place] if table.remarks else ""
        for heading, cell in zip((*table.columns, ""), (*row, remark), strict=True):
            for number, part in enumerate(_folded(_text(cell), max(width - head - len(_GAP), 1))):
                if part:
                    label = "" if number else heading
                    yield (Styled(label, Style.HEADING), " " * (head - len(label)) + _GAP, _like(cell, part))


def _folded(text: str, width: int | None) -> list[str]:
    """Return ``text`` in lines of at most ``width``, broken between words where that is possible."""
    from rich.cells import cell_len, chop_cells

    if width is None or cell_len(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines += chop_cells(word, width) or [""]
    return [line for line in lines if line] or [""]


def _cut(line: _Line, width: int) -> _Line:
    """Return what fits of a line; an ellipsis stands for the rest."""
    from rich.cells import cell_len, set_cell_size

    if sum(cell_len(_raw(piece)) for piece in line) <= width:
        return line
    left, kept = width - 1, []
    for piece in line:
        part = _raw(piece) if cell_len(_raw(piece)) <= left else set_cell_size(_raw(piece), left)
        kept.append(_like(piece, part))
        left -= cell_len(part)
    return (*kept, "…")


def _painted(line: Iterable[Cell], *, color: bool) -> str:
    pieces = (paint(p.text, p.style) if color and isinstance(p, Styled) and p.text else _raw(p) for p in line)
    return "".join(pieces)


def _like(cell: Cell, text: str) -> Cell:
    return Styled(text, cell.style) if isinstance(cell, Styled) else text


def _raw(cell: Cell) -> str:
    return cell.text if isinstance(cell, Styled) else cell


def _text(cell: Cell) -> str:
    return printable(_raw(cell))
