"""What tests of fleets share: how agents are started, and the inventory of a site on disk."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sync_core.agent.state import HostState
from sync_core.fleet.launch import Launcher
from sync_core.inventory import load
from sync_core.model.inventory import Inventory
from tests.support.site import Site, eventually

__all__ = ["DIES", "SLEEPS", "a_launcher", "ended_by_signal", "inventory_of", "is_ready"]

SLEEPS = (sys.executable, "-c", "import time; time.sleep(30)")
"""A command that never becomes ready."""

DIES = (sys.executable, "-c", "import sys; sys.exit('jsync: it is\\n  broken')")
"""A command that fails at once, and says why."""


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
