"""Starting an agent as a process of its own, and waiting until it is ready."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sync_core.agent.own_folder import opener
from sync_core.agent.run_record import RunRecord
from sync_core.agent.state import HostState
from sync_core.model.inventory import Host, Inventory

__all__ = ["Launcher", "NotReady", "last_words", "wait_for_other", "wait_until_ready"]

_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """Why an agent is not ready.

    Attributes:
        exit_code: of the process; ``None`` if it still runs but took too long.
        reason: what it said last, or how long it was waited for.
    """

    exit_code: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """How this ``jsync`` starts another one.

    Attributes:
        command: the program and the options that every agent gets.
        state_folder: handed on, so that parent and child agree.
    """

    command: tuple[str, ...]
    state_folder: Path

    def arguments(self, inventory: Inventory, host: Host, *more: str) -> Sequence[str]:
        """Return the command line of the host's agent."""
        sources = (word for source in inventory.sources for word in ("--inventory", str(source)))
        return (*self.command, "agent", host.name, *sources, *more)

    def environment(self) -> dict[str, str]:
        """Return the environment of an agent."""
        return {**os.environ, "JSYNC_STATE_DIR": str(self.state_folder), "PYTHONUNBUFFERED": "1"}

    def start_detached(self, inventory: Inventory, host: Host, state: HostState) -> subprocess.Popen[bytes]:
        """Start the agent in a session of its own; it writes its log file itself.

        Raises:
            OSError: the process could not be started.
        """
        with open(state.startup_errors_path, "wb", opener=opener) as errors:
            return subprocess.Popen(  # noqa: S603 - our own program, and arguments from a checked inventory
                self.arguments(inventory, host, "--detached"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                env=self.environment(),
                start_new_session=True,
            )


def wait_until_ready(process: subprocess.Popen[bytes], state: HostState, *, timeout_s: float) -> RunRecord | NotReady:
    """Wait until the agent has bound its ports.

    Args:
        process: the agent.
        state: its state folder.
        timeout_s: how long that may take.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        record = state.record()
        if record is not None and record.pid == process.pid and record.is_ready:
            return record
        if process.poll() is not None:
            return NotReady(exit_code=process.returncode, reason=last_words(state))
        if time.monotonic() >= deadline:
            return NotReady(exit_code=None, reason=f"not ready within {timeout_s:g} s")
        time.sleep(_POLL_S)


def wait_for_other(state: HostState, record: RunRecord, *, timeout_s: float) -> RunRecord | NotReady:
    """Wait until an agent that somebody else started is ready."""
    deadline = time.monotonic() + timeout_s
    while not record.is_ready:
        if time.monotonic() >= deadline:
            return NotReady(exit_code=None, reason=f"not ready within {timeout_s:g} s")
        time.sleep(_POLL_S)
        newer = state.record()
        if newer is None or not newer.is_alive:
            return NotReady(exit_code=1, reason="it ended while it started")
        record = newer
    return record


def last_words(state: HostState) -> str:
    """Return what the agent wrote to stderr when its start failed, without the word that repeats our name."""
    try:
        with open(state.startup_errors_path, encoding="utf-8", errors="replace", opener=opener) as said:
            lines = said.read().splitlines()
    except OSError:
        lines = []
    return " ".join(line.strip().removeprefix("jsync: ") for line in lines[-4:] if line.strip()) or (
        f"it said nothing; is there room in {state.folder}?"
    )
