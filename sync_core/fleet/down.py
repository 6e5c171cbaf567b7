"""Stopping detached agents."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import filelock

from sync_core.agent.process import stop
from sync_core.agent.state import HostState, RunRecord
from sync_core.fleet.places import require_local
from sync_core.fleet.up import STOP_GRACE_S, runnable
from sync_core.model.errors import HostError, JsyncError, StateError
from sync_core.model.inventory import Host, Inventory

__all__ = ["DownOutcome", "DownResult", "stop_detached"]

_FORKS = 20
_LOCK_PATIENCE_S = 60.0


class DownOutcome(StrEnum):
    """What ``down`` did, or with ``--check`` would do, for one host."""

    STOPPED = "stopped"
    NOT_RUNNING = "not-running"
    FOREGROUND = "foreground"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DownResult:
    """One host's result.

    Attributes:
        host: the inventory's name.
        outcome: what happened; an agent in somebody's foreground is left to them.
        pid: of the agent that was, or is, there.
        error: what is wrong, for ``FAILED``.
    """

    host: str
    outcome: DownOutcome
    pid: int | None = None
    error: JsyncError | None = None


def stop_detached(
    inventory: Inventory, hosts: Iterable[Host], state_folder: Path, *, check: bool = False
) -> tuple[DownResult, ...]:
    """Stop the detached agents of ``hosts`` and wait until they are gone.

    Args:
        inventory: where they are declared.
        hosts: whose agents; one host's failure is its result, the others go on.
        state_folder: where run state lies.
        check: only say what would be done.
    """

    def one(host: Host) -> DownResult:
        try:
            require_local(host)
            return _down(inventory, host, HostState(state_folder, host.name), check=check)
        except JsyncError as error:
            return DownResult(host=host.name, outcome=DownOutcome.FAILED, error=error)

    with ThreadPoolExecutor(_FORKS) as pool:
        return tuple(pool.map(one, runnable(hosts)))


def _down(inventory: Inventory, host: Host, state: HostState, *, check: bool) -> DownResult:
    if not state.folder.exists():
        return DownResult(host=host.name, outcome=DownOutcome.NOT_RUNNING)
    if check:
        return _decide(host, state.claim(inventory.source))
    lock = state.up_lock()
    try:
        lock.acquire(timeout=_LOCK_PATIENCE_S)
    except filelock.Timeout:
        raise StateError(f"another jsync is starting or stopping {host.name}", host=host.name) from None
    try:
        record = state.claim(inventory.source)
        decision = _decide(host, record)
        if record is None or decision.outcome is DownOutcome.FOREGROUND:
            return decision
        if record.is_alive and not stop(record.pid, record.process_started_at, grace_s=STOP_GRACE_S):
            raise HostError(f"the agent of {host.name} (pid {record.pid}) can't be stopped", host=host.name)
        state.forget(record)
        return decision
    finally:
        lock.release()


def _decide(host: Host, record: RunRecord | None) -> DownResult:
    """Return what is to be done, as if it were done."""
    if record is None or not record.is_alive:
        return DownResult(host=host.name, outcome=DownOutcome.NOT_RUNNING)
    outcome = DownOutcome.STOPPED if record.is_detached else DownOutcome.FOREGROUND
    return DownResult(host=host.name, outcome=outcome, pid=record.pid)
