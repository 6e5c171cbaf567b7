"""W9: how long people and scripts wait for the command line."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.figures import JSYNC, Sample
from benchmarks.processes import ended_after_s
from benchmarks.site import JsyncSite
from benchmarks.trees import write_tree

__all__ = ["command_line"]

_FILES = 20
_PEER = "python, typer and yaml alone"


def command_line(bench: Bench) -> None:
    """Measure W9, with both agents running. The peer is the interpreter that imports what any such tool needs."""
    site, patience_s = bench.site(), bench.sizes.patience_s
    write_tree(site.shared, _FILES)
    imports = [str(bench.options.jsync.with_name("python")), "-c", "import typer, yaml"]
    with site.running():
        site.wait_until_in_sync(_FILES)
        for measure, words in {"--help": ["--help"], "status": ["status"], "diff": ["diff", "slave-0"]}.items():
            bench.rounds(
                {
                    JSYNC: lambda words=words, measure=measure: _jsync(site, words, measure),  # type: ignore[misc]
                    _PEER: lambda measure=measure: _imports(imports, measure, patience_s),  # type: ignore[misc]
                }
            )


def _jsync(site: JsyncSite, words: list[str], measure: str) -> Iterator[Sample]:
    yield Sample(measure, "ms", site.run(*words)[0] * 1000)


def _imports(command: list[str], measure: str, patience_s: float) -> Iterator[Sample]:
    yield Sample(measure, "ms", ended_after_s(command, timeout_s=patience_s) * 1000)
