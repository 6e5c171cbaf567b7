"""What must be said beside numbers: which machine, and which code."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

__all__ = ["commit_of", "facts", "version_of"]


def facts(jsync: Path) -> dict[str, str]:
    """Return the machine's facts, and which program was measured."""
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "commit": commit_of(jsync),
        "jsync": ".".join(map(str, version_of(jsync))),
        "python": _output([str(jsync.with_name("python")), "-V"]),
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "memory": f"{memory_gib:.0f} GiB",
        "kernel": platform.release(),
    }


def commit_of(jsync: Path) -> str:
    """Return the commit of the checkout in which the program lies, ``+`` behind it where files differ from it."""
    folder = str(jsync.parent)
    commit = _output(["git", "-C", folder, "rev-parse", "--short", "HEAD"]) or "unknown"
    return commit + "+" * bool(_output(["git", "-C", folder, "status", "--porcelain", "--untracked-files=no"]))


def version_of(jsync: Path) -> tuple[int, int]:
    """Return the first two numbers of the program's version."""
    major, minor = _output([str(jsync), "--version"]).split()[-1].split(".")[:2]
    return int(major), int(minor)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
