"""A master as a real process, and a crowd of scripted JobSchedulers in another one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.site import PROJECT, Site

__all__ = ["FIRST_PORT", "Crowd", "CrowdSite", "a_crowd"]

FIRST_PORT = 10_001
"""Of the crowd's ``tcp_port``; they are only told apart by it, nothing listens there."""


class CrowdSite(Site):
    """A site whose slaves are all JobSchedulers, declared by one range."""

    def __init__(self, folder: Path, count: int) -> None:
        self.count = count
        super().__init__(folder, slaves=0)

    def write_inventory(self) -> None:
        many = {
            "address": "127.0.0.1",
            "connection": "none",
            "tcp_port": "{n}",
            "udp_port": "{n}",
            "scheduler_id": "many-{n}",
        }
        # An interval so long that nobody is nudged: every wake-up is about the change.
        master = {"address": "127.0.0.1", "tcp_port": self.master_port, "remote": str(self.remote), "interval_s": 3600}
        document = {
            "masters": {"hosts": {"master": master}},
            "slaves": {"hosts": {f"many-[{FIRST_PORT}:{FIRST_PORT + self.count - 1}]": many}},
        }
        self.inventory.write_text(json.dumps(document), encoding="utf-8")

    def memory_mib(self) -> float:
        """The resident memory of the master's process."""
        status = Path(f"/proc/{self.pid('master')}/status").read_text(encoding="ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) / 1024


class Crowd:
    """The other process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ready = self._next()

    def story(self) -> dict[str, Any]:
        """End it, and return what its slaves went through since they were ready."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._next()

    def _next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the crowd has gone"
        values = json.loads(line)
        assert isinstance(values, dict)
        return values


@contextmanager
def a_crowd(site: CrowdSite) -> Iterator[Crowd]:
    """Let all slaves of ``site`` register and fetch; they are ready when the context is entered."""
    command = [sys.executable, "-m", "tests.support.many_slaves", str(site.master_port), str(site.count)]
    with subprocess.Popen(
        [*command, str(FIRST_PORT)], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Crowd(process)
        finally:
            process.kill()
