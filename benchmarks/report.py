"""Figures for people, as Markdown for ``docs/performance.md``, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.figures import JSYNC, Figures, Series

__all__ = ["markdown", "write_json"]

_HEAD = ("measure", "who", "min", "median", "max", "p95", "n", "jsync / this")


def markdown(name: str, title: str, figures: Figures) -> str:
    """Return the table of one workload, with its notes."""
    ratios = figures.ratios()
    rows = [_row(series, ratios) for series in figures.series()]
    lines = [f"### {name}: {title}", "", *_table(rows)] if rows else [f"### {name}: {title}"]
    lines += ["", *(f"* {note}" for note in figures.notes)] if figures.notes else []
    return "\n".join(lines) + "\n"


def write_json(path: Path, machine: Mapping[str, str], found: Mapping[str, Figures]) -> None:
    """Write everything, each single number included."""
    document = {
        "schema": "jsync.benchmarks/1",
        "machine": dict(machine),
        "workloads": {
            name: {"series": [_values(series, figures.ratios()) for series in figures.series()], "notes": figures.notes}
            for name, figures in found.items()
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _values(series: Series, ratios: Mapping[tuple[str, str], float]) -> dict[str, object]:
    return {
        "measure": series.measure,
        "who": series.contender,
        "unit": series.unit,
        "values": list(series.values),
        "min": min(series.values),
        "median": series.median,
        "max": max(series.values),
        "p95": series.p95,
        "ratio": ratios.get((series.measure, series.contender)),
    }


def _row(series: Series, ratios: Mapping[tuple[str, str], float]) -> tuple[str, ...]:
    numbers = (min(series.values), series.median, max(series.values))
    ratio = ratios.get((series.measure, series.contender))
    return (
        series.measure,
        f"**{JSYNC}**" if series.contender == JSYNC else series.contender,
        *(f"{_shown(number)} {series.unit}" for number in numbers),
        "" if series.p95 is None else f"{_shown(series.p95)} {series.unit}",
        str(len(series.values)),
        "" if ratio is None else _shown(ratio),
    )


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    yield _line(_HEAD, widths)
    yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    yield from (_line(row, widths) for row in rows)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
