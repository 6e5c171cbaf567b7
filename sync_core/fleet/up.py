"""Detached agents: started where they are missing, restarted where their settings changed, else left alone."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import filelock

from sync_core.agent.process import stop
from sync_core.agent.settings import settings_md5
from sync_core.agent.state import HostState, RunRecord
from sync_core.fleet.launch import Launcher, NotReady, wait_for_other, wait_until_ready
from sync_core.fleet.places import require_local
from sync_core.model.errors import HostError, JsyncError, StateError
from sync_core.model.inventory import Connection, Host, Inventory, Role

__all__ = ["UpOutcome", "UpResult", "runnable", "start_detached"]

STOP_GRACE_S = 10.0
_FORKS = 20


class UpOutcome(StrEnum):
    """What ``up -d`` did, or with ``--check`` would do, for one host."""

    STARTED = "started"
    RESTARTED = "restarted"
    RUNNING = "running"
    NOT_READY = "not-ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpResult:
    """One host's result.

    Attributes:
        host: the inventory's name.
        outcome: what happened.
        pid: of the agent, where one runs.
        error: what is wrong, for ``NOT_READY`` and ``FAILED``.
    """

    host: str
    outcome: UpOutcome
    pid: int | None = None
    error: JsyncError | None = None


def runnable(hosts: Iterable[Host]) -> tuple[Host, ...]:
    """Return the hosts that have agents: those with ``connection: none`` are only reached, never run."""
    return tuple(host for host in hosts if host.connection is not Connection.NONE)


def start_detached(
    inventory: Inventory, hosts: Iterable[Host], launcher: Launcher, *, wait_timeout_s: float, check: bool = False
) -> tuple[UpResult, ...]:
    """Make sure that the agents of ``hosts`` run with the settings of today; returns when all are ready.

    Args:
        inventory: where they are declared.
        hosts: whose agents; one host's failure is its result, the others go on.
        launcher: how to start one.
        wait_timeout_s: how long each may take to be ready.
        check: only say what would be done.
    """

    def one(host: Host) -> UpResult:
        try:
            require_local(host)
            return _up(inventory, host, launcher, wait_timeout_s=wait_timeout_s, check=check)
        except JsyncError as error:
            return UpResult(host=host.name, outcome=UpOutcome.FAILED, error=error)

    chosen = runnable(hosts)
    results: dict[str, UpResult] = {}
    with ThreadPoolExecutor(_FORKS) as pool:
        for role in Role:  # masters first, so that no slave finds its master's port closed
            some = [host for host in chosen if host.role is role]
            results |= {host.name: result for host, result in zip(some, pool.map(one, some), strict=True)}
    return tuple(results[host.name] for host in chosen)


def _up(inventory: Inventory, host: Host, launcher: Launcher, *, wait_timeout_s: float, check: bool) -> UpResult:
    state = HostState(launcher.state_folder, host.name)
    if check:
        record = state.claim(inventory.source)
        return _result(host, _decide(inventory, host, record), record)
    state.create()
    lock = state.up_lock()
    try:
        lock.acquire(timeout=wait_timeout_s)
    except filelock.Timeout:
        raise StateError(f"another jsync is starting or stopping {host.name}", host=host.name) from None
    try:
        record = state.claim(inventory.source)
        decision = _decide(inventory, host, record)
        if decision is UpOutcome.RUNNING and record is not None:
            return _wait(host, decision, wait_for_other(state, record, timeout_s=wait_timeout_s))
        if (
            record is not None
            and record.is_alive
            and not stop(record.pid, record.process_started_at, grace_s=STOP_GRACE_S)
        ):
            raise HostError(f"the agent of {host.name} (pid {record.pid}) can't be stopped", host=host.name)
        try:
            process = launcher.start_detached(inventory, host, state)
        except OSError as error:
            raise HostError(f"the agent of {host.name} can't be started: {error}", host=host.name) from error
        return _wait(host, decision, wait_until_ready(process, state, timeout_s=wait_timeout_s))
    finally:
        lock.release()


def _decide(inventory: Inventory, host: Host, record: RunRecord | None) -> UpOutcome:
    """Return what is to be done.

    Raises:
        StateError: an agent with other settings runs in somebody's foreground, where only they can restart it.
    """
    if record is None or not record.is_alive:
        return UpOutcome.STARTED
    if record.settings_md5 == settings_md5(inventory, host):
        return UpOutcome.RUNNING
    if not record.is_detached:
        raise StateError(
            f"the agent of {host.name} (pid {record.pid}) runs in the foreground with other settings",
            hint="stop it where it was started",
            host=host.name,
        )
    return UpOutcome.RESTARTED


def _wait(host: Host, outcome: UpOutcome, waited: RunRecord | NotReady) -> UpResult:
    if isinstance(waited, RunRecord):
        return _result(host, outcome, waited)
    failed = UpOutcome.NOT_READY if waited.exit_code is None else UpOutcome.FAILED
    return UpResult(host=host.name, outcome=failed, error=HostError(f"{host.name}: {waited.reason}", host=host.name))


def _result(host: Host, outcome: UpOutcome, record: RunRecord | None) -> UpResult:
    return UpResult(host=host.name, outcome=outcome, pid=record.pid if record is not None else None)
