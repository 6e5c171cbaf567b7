"""Runs one target with atheris: ``python -m tests.fuzz TARGET --seconds 600``."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import sys
import tempfile
from pathlib import Path

_CASES = Path(__file__).parent / "cases"


def main() -> None:
    """Fuzz until the time is over or a fault is found; the fault's bytes are kept."""
    atheris = importlib.import_module("atheris")  # it is no requirement, and has no types
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=600)
    chosen = parser.parse_args()
    with atheris.instrument_imports(include=["sync_core"]):
        target = importlib.import_module("tests.fuzz.targets").TARGETS[chosen.target]

    def run(data: bytes) -> None:
        try:
            target.run(data)
        except BaseException:
            case = _CASES / chosen.target / hashlib.sha256(data).hexdigest()[:16]
            case.parent.mkdir(parents=True, exist_ok=True)
            case.write_bytes(data)
            print(f"kept as {case}", file=sys.stderr)
            raise

    corpus = Path(tempfile.mkdtemp(prefix="jsync-fuzz-"))
    for number, seed in enumerate(target.seeds()):
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup([sys.argv[0], str(corpus), f"-max_total_time={chosen.seconds}", "-rss_limit_mb=2048"], run)
    atheris.Fuzz()


main()
