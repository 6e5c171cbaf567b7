"""Detached agents: started where they are missing, reloaded or restarted where settings changed, else left alone."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from sync_core.agent.beat import BEAT_S, silent_s
from sync_core.agent.process import is_agent, stop
from sync_core.agent.run_record import RunRecord
from sync_core.agent.settings import restart_md5, settings_md5
from sync_core.agent.state import HostState
from sync_core.fleet.each import DEFAULT_FORKS, Outcome, outcome_of, runnable
from sync_core.fleet.launch import Launcher, NotReady, wait_for_other, wait_until_ready
from sync_core.fleet.reload import reload_agent
from sync_core.fleet.units import Units
from sync_core.model.errors import HostError, JsyncError, StateError
from sync_core.model.inventory import Host, Inventory, Role

__all__ = ["STOP_GRACE_S", "UpOutcome", "UpResult", "end_agent", "start_detached"]

STOP_GRACE_S = 15.0
"""An agent may take 10 s to finish the update under way."""
_PATIENCE_S = 3 * BEAT_S
_POLL_S = 0.1


class UpOutcome(StrEnum):
    """What ``up -d`` did, or with ``--check`` would do, for one host."""

    STARTED = "started"
    RELOADED = "reloaded"
    RESTARTED = "restarted"
    RUNNING = "running"
    NOT_READY = "not-ready"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpResult:
    """One host's result.

    Attributes:
        host: the inventory's name.
        outcome: what happened.
        pid: of the agent, where one runs.
        installed: the version of jsync that was brought to its machine for it, or would be.
        error: what is wrong, for ``NOT_READY``, ``FAILED`` and ``UNREACHABLE``.
    """

    host: str
    outcome: UpOutcome
    pid: int | None = None
    installed: str | None = None
    error: JsyncError | None = None

    @property
    def recap(self) -> Outcome:
        """What it comes to."""
        is_changed = self.outcome is not UpOutcome.RUNNING or self.installed is not None
        return outcome_of(self.error, is_changed=is_changed)


def start_detached(
    inventory: Inventory,
    hosts: Iterable[Host],
    launcher: Launcher,
    *,
    wait_timeout_s: float,
    check: bool = False,
    units: Units | None = None,
    forks: int = DEFAULT_FORKS,
) -> tuple[UpResult, ...]:
    """Make sure that the agents of ``hosts``, all on this machine, run with the settings of today.

    It returns when all are ready.

    Args:
        inventory: where they are declared.
        hosts: whose agents; one host's failure is its result, the others go on.
        launcher: how to start one.
        wait_timeout_s: how long each may take to be ready.
        check: only say what would be done.
        units: the service manager that new ones belong to; ``None``: they are on their own.
        forks: how many at once.
    """

    def one(host: Host) -> UpResult:
        try:
            return _Up(inventory, host, launcher, units).run(wait_timeout_s, check=check)
        except JsyncError as error:
            return UpResult(host=host.name, outcome=UpOutcome.FAILED, error=error)

    chosen = runnable(hosts)
    results: dict[str, UpResult] = {}
    with ThreadPoolExecutor(forks) as pool:
        for role in Role:  # masters first, so that no slave finds its master's port closed
            some = [host for host in chosen if host.role is role]
            results |= {host.name: result for host, result in zip(some, pool.map(one, some), strict=True)}
    return tuple(results[host.name] for host in chosen)


@dataclass(frozen=True, slots=True)
class _Up:
    inventory: Inventory
    host: Host
    launcher: Launcher
    units: Units | None

    def run(self, wait_timeout_s: float, *, check: bool) -> UpResult:
        host, state = self.host, HostState(self.launcher.state_folder, self.host.name)
        if check:
            record = state.claim(self.inventory.source)
            return _result(host, self._decide(state, record, patience_s=0), record)
        state.create()
        with state.held_for_up(wait_timeout_s):
            record = state.claim(self.inventory.source)
            decision = self._decide(state, record, patience_s=_PATIENCE_S)
            if decision is UpOutcome.RUNNING and record is not None:
                return _wait(host, decision, wait_for_other(state, record, timeout_s=wait_timeout_s))
            if decision is UpOutcome.RELOADED and record is not None:
                return _wait(host, decision, reload_agent(state, record, timeout_s=wait_timeout_s))
            if self.units is not None:
                self.units.stop(host.name)
            if record is not None:
                end_agent(state, record)
            return _wait(host, decision, self._start(state, wait_timeout_s))

    def _decide(self, state: HostState, record: RunRecord | None, *, patience_s: float) -> UpOutcome:
        """Return what is to be done.

        Raises:
            StateError: an agent with other settings, or one that hangs, runs in somebody's foreground, where only
                they can restart it.
        """
        if record is None or not record.is_alive:
            return UpOutcome.STARTED
        hangs = _hangs(state, patience_s)
        if not hangs and record.settings_md5 == settings_md5(self.inventory, self.host):
            return UpOutcome.RUNNING
        if not hangs and record.restart_md5 == restart_md5(self.host):
            return UpOutcome.RELOADED
        if not record.is_detached:
            how = "and hangs" if hangs else "with other settings"
            raise StateError(
                f"the agent of {self.host.name} (pid {record.pid}) runs in the foreground {how}",
                hint="stop it where it was started",
                host=self.host.name,
            )
        return UpOutcome.RESTARTED

    def _start(self, state: HostState, timeout_s: float) -> RunRecord | NotReady:
        if self.units is not None:
            return self.units.start_agent(self.launcher, self.inventory, self.host, state, timeout_s=timeout_s)
        try:
            process = self.launcher.start_detached(self.inventory, self.host, state)
        except OSError as error:
            raise HostError(f"the agent of {self.host.name} can't be started: {error}", host=self.host.name) from error
        return wait_until_ready(process, state, timeout_s=timeout_s)


def _hangs(state: HostState, patience_s: float) -> bool:
    """Return whether the agent gives no sign of life, also not within ``patience_s``: it may have been frozen."""
    deadline = time.monotonic() + patience_s
    while silent_s(state, time.monotonic()) is not None:
        if time.monotonic() >= deadline:
            return True
        time.sleep(_POLL_S)
    return False


def end_agent(state: HostState, record: RunRecord) -> None:
    """End a detached agent, and return when it is gone.

    A record alone ends nobody: the process must have begun when it says, be such an agent, and run for the user whose
    folder the record lies in.

    Raises:
        HostError: it can't be stopped, or is something else.
    """
    if not record.is_alive:
        return
    if not is_agent(record.pid, state.host, owner=state.owner, is_detached=True):
        raise HostError(
            f"the process {record.pid} is no detached agent of {state.host}, so it is left alone",
            hint=f"if no agent of {state.host} runs, remove {state.record_path}",
            host=state.host,
        )
    if not stop(record.pid, record.process_started_at, grace_s=STOP_GRACE_S):
        raise HostError(f"the agent of {record.host} (pid {record.pid}) can't be stopped", host=record.host)


def _wait(host: Host, outcome: UpOutcome, waited: RunRecord | NotReady) -> UpResult:
    if isinstance(waited, RunRecord):
        return _result(host, outcome, waited)
    failed = UpOutcome.NOT_READY if waited.exit_code is None else UpOutcome.FAILED
    return UpResult(host=host.name, outcome=failed, error=HostError(f"{host.name}: {waited.reason}", host=host.name))


def _result(host: Host, outcome: UpOutcome, record: RunRecord | None) -> UpResult:
    return UpResult(host=host.name, outcome=outcome, pid=record.pid if record is not None else None)
