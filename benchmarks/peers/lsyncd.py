"""lsyncd, tuned: no delay, whole files, all targets at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import running

__all__ = ["lsyncd"]

_SETTINGS = "settings {{ nodaemon = true, maxProcesses = {most}, inotifyMode = 'CloseWrite or Modify' }}\n"
_SYNC = """\
sync {{ default.rsync, source = '{source}', target = '{target}', delay = 0,
        rsync = {{ archive = true, compress = false, whole_file = true }} }}
"""


@contextmanager
def lsyncd(source: Path, targets: Sequence[Path], folder: Path) -> Iterator[int]:
    """Run it from ``source`` to local ``targets`` and give its process; ``folder`` takes its configuration."""
    config = folder / "lsyncd.lua"
    blocks = [_SYNC.format(source=source, target=target) for target in targets]
    config.write_text(_SETTINGS.format(most=len(targets)) + "".join(blocks), encoding="utf-8")
    for target in targets:
        target.mkdir(parents=True, exist_ok=True)
    with running(["lsyncd", str(config)], cwd=folder) as process:
        yield process.pid
