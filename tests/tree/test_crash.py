from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("how", "least_deaths"), [("steps", 60), ("moments", 15)])
def test_a_killed_update_tears_nothing_and_the_next_one_finishes_it(
    tmp_path: Path, how: str, least_deaths: int
) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.crashing", str(tmp_path), how],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) >= least_deaths
