"""Job files for tests: the real ones where they are at hand, and generated ones that always are."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from tests.support.site import PROJECT

LIVE = Path(os.environ.get("JSYNC_TEST_DATA", str(PROJECT.parent / "shared" / "data" / "live")))


def fill_with_live_files(folder: Path) -> int:
    """Copy the real configuration files below ``folder``; returns how many; skips the test where there are none."""
    if not LIVE.is_dir():
        pytest.skip(f"the real configuration files are not at {LIVE}: set JSYNC_TEST_DATA")
    shutil.copytree(LIVE, folder, dirs_exist_ok=True)
    return sum(1 for path in LIVE.rglob("*") if path.is_file())


def fill_with_generated_files(folder: Path, *, files: int = 391, seed: int = 1) -> int:
    """Write real-looking job files below ``folder``, in nested folders, some large, some empty; returns how many."""
    draw = random.Random(seed)
    kinds = ("job", "job_chain", "order", "lock", "schedule", "process_class")
    for n in range(files):
        depth = draw.randrange(4)
        parts = [f"{draw.choice('abcdef')}{draw.randrange(6)}" for _ in range(depth)]
        path = folder.joinpath(
            *parts, f"{draw.choice(['nightly', 'load', 'übung', 'a b'])}-{n}.{draw.choice(kinds)}.xml"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(job_file(n, lines=draw.choice([0, 1, 5, 40, 400])))
    return files


def job_file(number: int, *, lines: int) -> bytes:
    """Return the content of one job file; no lines make an empty file."""
    if lines == 0:
        return b""
    script = "\n".join(f"echo step {number}.{line}" for line in range(lines))
    head = '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
    return f'{head}<job title="Nr. {number}"><script language="shell">\n{script}\n</script></job>\n'.encode("latin-1")
