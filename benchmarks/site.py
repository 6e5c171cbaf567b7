"""jsync as it is used: an inventory in a folder, and the command line. Nothing of its inside is imported."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import NotDoneError
from benchmarks.processes import wait_for
from benchmarks.trees import count_files
from tests.support.ports import free_port

__all__ = ["MASTER", "JsyncSite"]

MASTER: Final = "master"
_LONG_S = 3600


class JsyncSite:
    """One master and some slaves on loopback, each with folders of its own below ``folder``.

    Args:
        folder: where everything lies.
        jsync: the program.
        slaves: how many.
        interval_s: seconds between two checks.
        master_port_for_slaves: where slaves find the master, if not at its own port (a relay).
        patience_s: how long a command may take.
    """

    def __init__(
        self,
        folder: Path,
        jsync: Path,
        *,
        slaves: int = 1,
        interval_s: float = _LONG_S,
        master_port_for_slaves: int | None = None,
        patience_s: float = 300.0,
    ) -> None:
        self.folder = folder
        self.remote = folder / "remote"
        self.shared = self.remote / "_all"
        self.outside = folder / "outside"
        self.master_port = free_port()
        self.ports = {f"slave-{number}": free_port() for number in range(slaves)}
        self._jsync = jsync
        self._interval_s = interval_s
        self._patience_s = patience_s
        self._inventories = {MASTER: self.master_port}
        if master_port_for_slaves is not None:
            self._inventories["slaves"] = master_port_for_slaves
        for path in (self.shared, self.outside):
            path.mkdir(parents=True, exist_ok=True)
        self.write_inventories({name: self._slave(name, port) for name, port in self.ports.items()})

    def _slave(self, name: str, port: int) -> dict[str, Any]:
        return {"tcp_port": port, "udp_port": port, "cache": str(self.cache(name)), "interval_s": self._interval_s}

    def write_inventories(self, slaves: Mapping[str, Mapping[str, Any]], *, interval_s: float | None = None) -> None:
        """Write the inventory; the slaves have one of their own where a relay stands between."""
        for name, port in self._inventories.items():
            master = {"tcp_port": port, "remote": str(self.remote), "interval_s": interval_s or self._interval_s}
            of_slaves = {slave: {"address": "127.0.0.1", **values} for slave, values in slaves.items()}
            document = {
                "masters": {"hosts": {MASTER: {"address": "127.0.0.1", **master}}},
                "slaves": {"hosts": of_slaves},
            }
            (self.folder / f"{name}.yaml").write_text(json.dumps(document), encoding="utf-8")

    def cache(self, slave: str = "slave-0") -> Path:
        """The slave's copy."""
        return self.folder / "caches" / slave

    def command(self, *arguments: str, of: str = MASTER) -> list[str]:
        """The command line with the inventory of the master, or of the slaves."""
        return [str(self._jsync), *arguments, "-i", str(self.folder / f"{self._inventory_of(of)}.yaml")]

    def _inventory_of(self, host: str) -> str:
        return "slaves" if host != MASTER and "slaves" in self._inventories else MASTER

    @property
    def environment(self) -> dict[str, str]:
        """In which jsync runs: its state lies here."""
        return {**os.environ, "JSYNC_STATE_DIR": str(self.folder / "state")}

    def run(self, *arguments: str, of: str = MASTER, codes: tuple[int, ...] = (0,)) -> tuple[float, str]:
        """Run a command to its end; return how long it took, in seconds, and what it printed.

        Raises:
            NotDoneError: it took too long or ended with another code.
        """
        started_s = time.perf_counter()
        with subprocess.Popen(
            self.command(*arguments, of=of),
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:  # who ends the harness waits for it: an ``up`` that is killed leaves an agent that nobody knows
            try:
                out, err = process.communicate(timeout=self._patience_s)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise NotDoneError(f"jsync {arguments[0]}: not within {self._patience_s:.0f} s") from error
        took_s = time.perf_counter() - started_s
        if process.returncode not in codes:
            raise NotDoneError(f"jsync {arguments[0]} ended with {process.returncode}: {out}{err}"[:1000])
        return took_s, out

    @contextmanager
    def running(self, *hosts: str) -> Iterator[None]:
        """Start these agents, all by default, and stop them in any case."""
        hosts = hosts or (MASTER, *self.ports)
        try:
            for of in self._inventories:
                self.run("up", "-d", *(host for host in hosts if self._inventory_of(host) == of), of=of)
            yield
        finally:
            for of in self._inventories:
                self.run("down", of=of, codes=(0, 1, 2))

    def pid(self, host: str) -> int:
        """The process of a running agent, as ``jsync status`` says it."""
        document = json.loads(self.run("status", host, "-o", "json", of=host, codes=(0, 1))[1])
        return int(document["agents"][0]["pid"])

    def says_in_sync(self, slave: str) -> bool:
        """Whether the slave's agent says that it has it all: what ``jsync status`` reads, without its start."""
        try:
            text = (self.folder / "state" / slave / "status.json").read_text(encoding="utf-8")
            return bool(json.loads(text).get("in_sync"))
        except (FileNotFoundError, json.JSONDecodeError):
            return False

    def wait_until_in_sync(self, files: int) -> None:
        """Wait until every slave says that it has it all, and has so many files.

        Raises:
            NotDoneError: one never had.
        """
        for slave in self.ports:
            what = f"{slave} with {files} files"
            wait_for(lambda slave=slave: self._has_all(slave, files), what=what, timeout_s=self._patience_s)  # type: ignore[misc]

    def _has_all(self, slave: str, files: int) -> bool:
        return self.says_in_sync(slave) and count_files(self.cache(slave)) == files
