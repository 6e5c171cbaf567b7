"""Measured numbers, what they come to, and their ratios."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["JSYNC", "Figures", "NotDoneError", "Sample", "Series"]

JSYNC = "jsync"
"""The contender under test; all others are peers."""

_ENOUGH_FOR_P95 = 20


class NotDoneError(Exception):
    """A contender did not do its work: what was waited for, and how long."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured number.

    Attributes:
        measure: what was measured.
        unit: of ``value``: ``ms``, ``kB``, ``MiB``, ``%``.
        value: the number.
    """

    measure: str
    unit: str
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """All numbers of one measure of one contender, in the order in which they were measured."""

    measure: str
    unit: str
    contender: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def p95(self) -> float | None:
        """What 95 % do not exceed; ``None``: there are too few to say."""
        if len(self.values) < _ENOUGH_FOR_P95:
            return None
        return statistics.quantiles(self.values, n=20, method="inclusive")[-1]


@dataclass(slots=True)
class Figures:
    """What one workload brought.

    Attributes:
        notes: what must stand beside the numbers: who is missing, who did not get there.
    """

    notes: list[str] = field(default_factory=list)
    _values: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)

    def add(self, contender: str, sample: Sample) -> None:
        """Add one number."""
        self._values.setdefault((sample.measure, sample.unit, contender), []).append(sample.value)

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def series(self) -> Iterator[Series]:
        """Give everything, by measure; contenders in the order in which they came."""
        for wanted in dict.fromkeys(measure for measure, _, _ in self._values):
            for (measure, unit, contender), values in self._values.items():
                if measure == wanted:
                    yield Series(measure, unit, contender, values)

    def ratios(self) -> dict[tuple[str, str], float]:
        """Return how often a peer's median goes into ours, by measure and peer."""
        ours = {series.measure: series.median for series in self.series() if series.contender == JSYNC}
        return {
            (series.measure, series.contender): ours[series.measure] / series.median
            for series in self.series()
            if series.contender != JSYNC and series.measure in ours and series.median > 0
        }
