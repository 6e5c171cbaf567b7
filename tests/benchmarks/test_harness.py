"""The harness measures what it says: small work, once, each contender in its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.site import PROJECT, eventually

pytestmark = pytest.mark.e2e


def measured(folder: Path, *words: str) -> tuple[dict[str, Any], str]:
    """Run some workloads quickly; return the JSON and what was printed."""
    path = folder / "found.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json", str(path), *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["schema"] == "jsync.benchmarks/1"
    return document["workloads"], done.stdout


def measures_of(workload: dict[str, Any], who: str) -> dict[str, list[float]]:
    return {series["measure"]: series["values"] for series in workload["series"] if series["who"] == who}


def test_a_change_is_measured_beside_the_floor(tmp_path: Path) -> None:
    found, printed = measured(tmp_path, "W3")
    ours, floor = measures_of(found["W3"], "jsync"), measures_of(found["W3"], "bare Python")
    assert len(ours["in the copy"]) == len(floor["in the copy"]) == 2
    assert all(took_ms > 0 for took_ms in ours["in the copy"])
    assert {"loop delay, master", "loop delay, slave", "peak memory, master", "peak memory, slave"} <= ours.keys()
    assert "### W3: one file replaced by a rename" in printed
    assert not [note for note in found["W3"]["notes"] if note.startswith("jsync:")]


def test_the_command_line(tmp_path: Path) -> None:
    found, _ = measured(tmp_path, "W9")
    assert {"--help", "status", "diff"} == measures_of(found["W9"], "jsync").keys()


def test_a_crowd_is_told_and_gets_in_sync(tmp_path: Path) -> None:
    found, _ = measured(tmp_path, "W7")
    ours = measures_of(found["W7"], "jsync")
    for way in (", _all only", ", an own folder each"):
        (told_ms,), (in_sync_ms,) = ours[f"all told{way}"], ours[f"all in sync{way}"]
        assert 0 < told_ms <= in_sync_ms


def test_a_workload_that_is_none_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "W10"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no W10" in done.stderr


def test_who_ends_it_leaves_no_agent_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json", str(tmp_path / "found.json"), "W3"]
    with subprocess.Popen(command, cwd=PROJECT, env={**os.environ, "TMPDIR": str(tmp_path)}) as harness:
        eventually(lambda: agents_of(tmp_path), what="an agent")
        harness.terminate()
    assert harness.returncode == 1
    eventually(lambda: not agents_of(tmp_path), what="no agent")


def agents_of(folder: Path) -> list[int]:
    """Processes that were told of an inventory below ``folder``."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "agent" in words and any(word.startswith(str(folder)) for word in words):
            found.append(process.pid)
    return found
