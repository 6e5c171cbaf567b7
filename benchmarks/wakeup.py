"""From an atomic edit in ``remote`` to the new content in both slaves' caches, with wake-up, on the demo's files.

    python -m benchmarks.wakeup [ROUNDS]

Runs one master and two slaves as real processes on loopback and edits one file again and again. Where rsync is
installed, one ``rsync -a --delete`` of the same tree after each edit stands beside it: what a tool needs that is told
about every change from outside.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.site import PROJECT, Site, eventually, running_site

_LOOK_EVERY_S = 0.0005
_GIVE_UP_S = 30.0


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory(prefix="jsync-bench-") as name:
        site = Site(Path(name), slaves=2)
        shutil.copytree(PROJECT / "cli" / "example" / "remote" / "_all", site.remote / "_all", dirs_exist_ok=True)
        edited = min((site.remote / "_all").rglob("*.job.xml"))
        copies = [site.cache(slave) / edited.relative_to(site.remote / "_all") for slave in site.ports]
        with running_site(site):
            eventually(site.in_sync, what="in sync")
            _report("jsync, both slaves", [_round(site, edited, copies, n) for n in range(rounds)])
        if shutil.which("rsync"):
            target = Path(name) / "rsync"
            _report("rsync -a, one copy", [_rsync(site, edited, target, n) for n in range(rounds)])


def _round(site: Site, edited: Path, copies: list[Path], number: int) -> float:
    content = _content(number)
    started_s = time.perf_counter()
    site.write(edited, content)
    _wait(lambda: all(copy.read_bytes() == content for copy in copies))
    return time.perf_counter() - started_s


def _rsync(site: Site, edited: Path, target: Path, number: int) -> float:
    site.write(edited, _content(number + 10_000))
    started_s = time.perf_counter()
    subprocess.run(["rsync", "-a", "--delete", f"{site.remote}/_all/", f"{target}/"], check=True)
    return time.perf_counter() - started_s


def _content(number: int) -> bytes:
    return f"<job><script language='shell'>echo {number}</script></job>\n".encode()


def _wait(look: Callable[[], bool]) -> None:
    deadline_s = time.perf_counter() + _GIVE_UP_S
    while not look():
        if time.perf_counter() > deadline_s:
            raise SystemExit("the edit did not arrive")
        time.sleep(_LOOK_EVERY_S)


def _report(name: str, seconds: list[float]) -> None:
    ordered = sorted(value * 1000 for value in seconds)
    p90 = ordered[int(len(ordered) * 0.9)]
    print(
        f"{name}: {len(ordered)} rounds, median {statistics.median(ordered):.1f} ms, "
        f"90 % {p90:.1f} ms, longest {ordered[-1]:.1f} ms"
    )


if __name__ == "__main__":
    main()
