"""A whole site in a temporary folder: an inventory, a remote folder, real ``jsync`` processes on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.support.ports import free_port

T = TypeVar("T")

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0 * float(os.environ.get("JSYNC_TEST_PATIENCE", "1"))


def eventually(look: Callable[[], T], *, timeout_s: float = PATIENCE_S, what: str = "") -> T:
    """Return what ``look`` returns as soon as it is true; fail with its last value when it never is."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or look} is still {value!r} after {timeout_s} s")
        time.sleep(0.02)


@dataclass(frozen=True)
class Run:
    """How one command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.stdout)


@dataclass
class Site:
    """One master and some slaves on 127.0.0.1."""

    folder: Path
    slaves: int = 1
    interval_s: float = 60
    more: dict[str, dict[str, Any]] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.remote = self.folder / "remote"
        self.state = self.folder / "state"
        self.inventory = self.folder / "jsync.yaml"
        (self.remote / "_all").mkdir(parents=True, exist_ok=True)
        self.master_port = free_port()
        self.ports = {f"slave-{n}": free_port() for n in range(self.slaves)}
        self.write_inventory()

    def write_inventory(self) -> None:
        """Write the inventory anew; JSON is YAML."""
        master = {
            "address": "127.0.0.1",
            "tcp_port": self.master_port,
            "remote": str(self.remote),
            "interval_s": self.interval_s,
        }
        slaves = {
            name: {
                "address": "127.0.0.1",
                "tcp_port": port,
                "udp_port": port,
                "cache": str(self.cache(name)),
                "interval_s": self.interval_s,
                **self.more.get(name, {}),
            }
            for name, port in self.ports.items()
        }
        document = {
            "masters": {"hosts": {"master": {**master, **self.more.get("master", {})}}},
            "slaves": {"hosts": slaves},
        }
        self.inventory.write_text(json.dumps(document, indent=1), encoding="utf-8")

    def cache(self, slave: str = "slave-0") -> Path:
        """The slave's cache folder."""
        return self.folder / "caches" / slave

    def own(self, slave: str = "slave-0") -> Path:
        """The slave's own folder below ``remote``, made if it is missing."""
        folder = self.remote / f"127.0.0.1#{self.ports[slave]}"
        folder.mkdir(exist_ok=True)
        return folder

    def command(self, *arguments: str) -> list[str]:
        """The command line of ``jsync``."""
        return [*self.prefix, sys.executable, "-m", "cli", *arguments]

    def environment(self) -> dict[str, str]:
        """The environment of ``jsync``."""
        return {
            **os.environ,
            "JSYNC_STATE_DIR": str(self.state),
            "JSYNC_INVENTORY": str(self.inventory),
            "PYTHONPATH": str(PROJECT),
        }

    def run(self, *arguments: str, timeout_s: float = 90) -> Run:
        """Run one command to its end."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=timeout_s,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def up(self, *hosts: str) -> None:
        """Start detached agents; all must be ready."""
        run = self.run("up", "-d", *hosts)
        assert run.code == 0, run.stdout + run.stderr

    def pid(self, host: str) -> int:
        """The pid of a host's agent."""
        return int(json.loads((self.state / host / "agent.json").read_text())["pid"])

    def log(self, host: str) -> str:
        """What the host's detached agent wrote so far."""
        path = self.state / host / "agent.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def wait_for_line(self, host: str, text: str) -> str:
        """Wait until the host's log has a line with ``text``; returns that line."""
        return eventually(
            lambda: next((line for line in self.log(host).splitlines() if text in line), ""), what=f"{text!r} in {host}"
        )

    def in_sync(self, *slaves: str) -> bool:
        """Whether ``jsync diff`` says so."""
        return self.run("diff", *(slaves or ("slaves",)), "-q").code == 0

    def write(self, path: Path, content: bytes) -> None:
        """Write a file as careful programs do: beside its place, then renamed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_bytes(content)
        temporary.replace(path)


@contextmanager
def running_site(site: Site, hosts: Sequence[str] = ()) -> Iterator[Site]:
    """Start all agents, and stop them in any case."""
    try:
        site.up(*hosts)
        yield site
    finally:
        site.run("down")


def tree(root: Path) -> dict[str, bytes | None]:
    """Everything below ``root``: files with their content, folders as ``None``; what goes meanwhile is not there."""
    found: dict[str, bytes | None] = {}
    for path in sorted(root.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            found[str(path.relative_to(root))] = None if path.is_dir() else path.read_bytes()
    return found
