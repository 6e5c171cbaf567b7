"""What a run of the benchmarks was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["QUICK", "USUAL", "Options", "Sizes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much work each workload is.

    Attributes:
        files: of the tree of W1 to W4.
        differences: of W4.
        changes: of W3, W6 and W8 in each run.
        checks: of W2 in each run.
        large_files: of W5.
        large_bytes: of each of them.
        slaves: of W6.
        files_of_many: of the tree of W6.
        crowd: slaves of W7.
        growth: the trees of W8, in files.
        idle_s: how long the idle master of W7 is watched.
        patience_s: after which something is said not to be done.
    """

    files: int = 10_000
    differences: int = 25
    changes: int = 10
    checks: int = 5
    large_files: int = 4
    large_bytes: int = 64 << 20
    slaves: int = 20
    files_of_many: int = 2_000
    crowd: int = 5_000
    growth: tuple[int, ...] = (1_000, 10_000, 100_000)
    idle_s: float = 20.0
    patience_s: float = 300.0


USUAL = Sizes()
QUICK = Sizes(
    files=120,
    differences=5,
    changes=2,
    checks=1,
    large_files=2,
    large_bytes=1 << 18,
    slaves=2,
    files_of_many=20,
    crowd=20,
    growth=(50, 120),
    idle_s=0.5,
    patience_s=30.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run.

    Attributes:
        jsync: the program under test.
        runs: how often each contender is measured, after ``warm_ups`` runs that do not count.
        warm_ups: runs that do not count.
        sizes: how much work it is.
        speaker: what W7's slaves speak: ``classic`` or ``dialect``.
    """

    jsync: Path
    runs: int
    warm_ups: int
    sizes: Sizes
    speaker: str
