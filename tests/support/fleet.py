"""What tests of fleets share: how agents are started, and the inventory of a site on disk."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sync_core.agent.state import HostState
from sync_core.fleet.launch import Launcher
from sync_core.inventory import load
from sync_core.model.errors import JsyncError
from sync_core.model.inventory import Connection, Inventory
from tests.support.runners import PrefixRunner
from tests.support.site import PROJECT, Site, eventually

__all__ = ["DIES", "SLEEPS", "FarAway", "Listener", "a_launcher", "ended_by_signal", "far", "inventory_of", "is_ready"]

SLEEPS = (sys.executable, "-c", "import time; time.sleep(30)")
"""A command that never becomes ready."""

DIES = (sys.executable, "-c", "import sys; sys.exit('jsync: it is\\n  broken')")
"""A command that fails at once, and says why."""


class FarAway(PrefixRunner):
    """This machine as if it were another one: a state folder of its own, and jsync on its PATH."""

    def __init__(self, folder: Path) -> None:
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        jsync = folder / "bin" / "jsync"
        jsync.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m cli "$@"\n')
        jsync.chmod(0o755)
        super().__init__(
            "env", f"PATH={folder}/bin:/usr/bin:/bin", f"JSYNC_STATE_DIR={folder}/state", f"PYTHONPATH={PROJECT}"
        )


def far(inventory: Inventory, *names: str) -> Inventory:
    """Return the inventory with some hosts on another machine."""
    hosts = {
        name: replace(host, connection=Connection.SSH) if name in names else host
        for name, host in inventory.hosts.items()
    }
    return replace(inventory, hosts=hosts)


class Listener:
    """Keeps what is told of agents in the foreground."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.started: list[str] = []
        self.left_out: dict[str, JsyncError] = {}
        self.greeted = 0

    def line(self, host: str, line: str) -> None:
        self.lines.append((host, line))

    def ready(self, host: str) -> None:
        self.started.append(host)

    def refused(self, host: str, error: JsyncError) -> None:
        self.left_out[host] = error

    def all_ready(self) -> None:
        self.greeted += 1

    def said(self, text: str) -> bool:
        return any(text in line for _, line in self.lines)


def a_launcher(folder: Path, *command: str) -> Launcher:
    """Return how agents are started: by real commands, unless a test gives another one."""
    return Launcher(command=command or (sys.executable, "-P", "-m", "cli"), state_folder=folder)


def inventory_of(site: Site) -> Inventory:
    return load(site.inventory, environ={})


def is_ready(folder: Path, host: str) -> bool:
    record = HostState(folder, host).record()
    return record is not None and record.is_ready and record.is_alive


@contextmanager
def ended_by_signal(is_time: Callable[[], object], number: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """Send this process a signal as soon as ``is_time``, while the body runs on the main thread."""

    def wait() -> None:
        try:
            eventually(is_time, what="the time for the signal")
        finally:
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        thread.join()
