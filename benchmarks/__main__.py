"""``python -m benchmarks [W1 … W9] [--runs N] [--quick] [--jsync PATH]``: see ``docs/performance.md``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.crowd.speaker import SPEAKERS
from benchmarks.figures import Figures, NotDoneError
from benchmarks.machine import facts, version_of
from benchmarks.options import QUICK, USUAL, Options
from benchmarks.probe import HOW_IT_IS_MEASURED
from benchmarks.report import markdown, write_json
from benchmarks.workloads import WORKLOADS

__all__ = ["main"]

_RESULTS = Path(__file__).resolve().parent / "results"
_FIRST_WITH_DIALECT = (0, 2)


def main(words: Sequence[str]) -> None:
    """Measure, print, and write JSON."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # what was started is stopped then too
    # What is measured starts as it does for people: from compiled modules.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    arguments = _arguments(words)
    options, machine = _options(arguments), facts(arguments.jsync)
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(f"runs: {options.runs} after {options.warm_ups} that do not count, contenders in turns")
    print(f"{HOW_IT_IS_MEASURED}\n", flush=True)
    found: dict[str, Figures] = {}
    for name in arguments.workloads or WORKLOADS:
        workload = WORKLOADS[name]
        with tempfile.TemporaryDirectory(prefix="jsync-bench-") as folder:
            bench = Bench(options, Path(folder))
            found[name] = bench.figures
            try:
                workload.measure(bench)
            except NotDoneError as error:
                bench.figures.note(f"given up: {error}")
        print(markdown(name, workload.title, bench.figures), flush=True)
    path = arguments.json or _RESULTS / f"{machine['commit']}.json"
    write_json(path, machine, found)
    print(f"written: {path}")


def _options(arguments: argparse.Namespace) -> Options:
    speaker = "dialect" if version_of(arguments.jsync) >= _FIRST_WITH_DIALECT else "classic"
    sizes = QUICK if arguments.quick else USUAL
    return Options(
        jsync=arguments.jsync,
        runs=arguments.runs or (1 if arguments.quick else 5),
        warm_ups=0 if arguments.quick else 1,
        sizes=replace(sizes, crowd=arguments.slaves or sizes.crowd),
        speaker=arguments.speaker or speaker,
    )


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="W1…W9", help="all by default")
    parser.add_argument("--runs", type=int, help="how often each is measured; 5 by default")
    parser.add_argument("--quick", action="store_true", help="one run with little work: does the harness work?")
    parser.add_argument("--jsync", type=Path, default=Path(sys.executable).with_name("jsync"), help="the program")
    parser.add_argument("--speaker", choices=list(SPEAKERS), help="of W7's slaves; by the program's version")
    parser.add_argument("--slaves", type=int, help=f"how many W7 has; {USUAL.crowd:,} by default")
    parser.add_argument("--json", type=Path, help="where to write; benchmarks/results/COMMIT.json by default")
    arguments = parser.parse_args(words)
    if unknown := [name for name in arguments.workloads if name not in WORKLOADS]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    return arguments


if __name__ == "__main__":
    main(sys.argv[1:])
