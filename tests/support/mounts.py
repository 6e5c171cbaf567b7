"""A mount namespace: what is mounted in it is seen by the programs that are started in it, and by nobody else."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["Mounts", "mounts"]


class Mounts:
    """The namespace of a process that sleeps in it.

    Attributes:
        prefix: what stands before a command that is to run in it.
    """

    def __init__(self, pid: int) -> None:
        self.prefix = ("nsenter", f"--mount=/proc/{pid}/ns/mnt", "--")

    def run(self, *command: str) -> str:
        """Run a command in it; return what it prints."""
        done = subprocess.run([*self.prefix, *command], capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def tmpfs(self, place: Path) -> None:
        """Mount a new file system in memory."""
        self.run("mount", "-t", "tmpfs", "tmpfs", str(place))

    def names(self, place: Path) -> list[str]:
        """Return what lies in a folder."""
        return self.run("ls", "-A", str(place)).split()


@contextlib.contextmanager
def mounts() -> Iterator[Mounts]:
    """Give a namespace, or skip the test where there is none to be had."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("mounts need root, unshare and nsenter")
    holder = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo && exec sleep 3600"]
    with subprocess.Popen(holder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                pytest.skip("mount namespaces are not allowed here")
            yield Mounts(process.pid)
        finally:
            process.kill()
