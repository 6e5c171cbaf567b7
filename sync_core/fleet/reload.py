"""Agents that run take over the inventory of today, without a restart."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sync_core.agent.process import hang_up, is_agent
from sync_core.agent.run_record import RunRecord
from sync_core.agent.settings import restart_md5, settings_md5
from sync_core.agent.state import HostState
from sync_core.fleet.each import DEFAULT_FORKS, Outcome, outcome_of, runnable
from sync_core.fleet.launch import NotReady, wait_for_other
from sync_core.model.errors import HostError, JsyncError
from sync_core.model.inventory import Host, Inventory

__all__ = ["ReloadOutcome", "ReloadResult", "reload_agent", "reload_agents"]

_POLL_S = 0.05


class ReloadOutcome(StrEnum):
    """What ``reload`` did, or with ``--check`` would do, for one host."""

    RELOADED = "reloaded"
    UNCHANGED = "unchanged"
    NOT_RUNNING = "not-running"
    RESTART_NEEDED = "restart-needed"
    NOT_READY = "not-ready"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadResult:
    """One host's result.

    Attributes:
        host: the inventory's name.
        outcome: what happened.
        pid: of the agent, where one runs.
        error: what is wrong, for all but ``RELOADED`` and ``UNCHANGED``.
    """

    host: str
    outcome: ReloadOutcome
    pid: int | None = None
    error: JsyncError | None = None

    @property
    def recap(self) -> Outcome:
        """What it comes to."""
        return outcome_of(self.error, is_changed=self.outcome is ReloadOutcome.RELOADED)


def reload_agents(
    inventory: Inventory,
    hosts: Iterable[Host],
    state_folder: Path,
    *,
    wait_timeout_s: float,
    check: bool = False,
    forks: int = DEFAULT_FORKS,
) -> tuple[ReloadResult, ...]:
    """Have the agents of ``hosts``, all on this machine, go on by the inventory of today; returns when they do.

    Args:
        inventory: where they are declared; agents read its sources themselves.
        hosts: whose agents; one host's failure is its result, the others go on.
        state_folder: where run state lies.
        wait_timeout_s: how long each may take.
        check: only say what would be done.
        forks: how many at once.
    """

    def one(host: Host) -> ReloadResult:
        try:
            return _reload(inventory, host, HostState(state_folder, host.name), wait_timeout_s, check=check)
        except JsyncError as error:
            return ReloadResult(host=host.name, outcome=ReloadOutcome.FAILED, error=error)

    with ThreadPoolExecutor(forks) as pool:
        return tuple(pool.map(one, runnable(hosts)))


def _reload(inventory: Inventory, host: Host, state: HostState, wait_timeout_s: float, *, check: bool) -> ReloadResult:
    record = state.claim(inventory.source)
    if check or record is None:
        return _decide(inventory, host, record)
    with state.held_for_up(wait_timeout_s):
        record = state.claim(inventory.source)
        decision = _decide(inventory, host, record)
        if record is None or decision.outcome is not ReloadOutcome.RELOADED:
            return decision
        waited = reload_agent(state, record, timeout_s=wait_timeout_s)
    if isinstance(waited, NotReady):
        return _not(ReloadOutcome.NOT_READY, host, record, f"{host.name}: {waited.reason}")
    return decision


def _decide(inventory: Inventory, host: Host, record: RunRecord | None) -> ReloadResult:
    """Return what is to be done, as if it were done."""
    if record is None or not record.is_alive:
        words, hint = f"the agent of {host.name} does not run", f"`jsync up -d {host.name}` starts it"
        return _not(ReloadOutcome.NOT_RUNNING, host, None, words, hint)
    if record.settings_md5 == settings_md5(inventory, host):
        return ReloadResult(host=host.name, outcome=ReloadOutcome.UNCHANGED, pid=record.pid)
    if record.restart_md5 != restart_md5(host):
        words, hint = f"what has changed of {host.name} needs a restart", f"`jsync up -d {host.name}` does that"
        return _not(ReloadOutcome.RESTART_NEEDED, host, record, words, hint)
    return ReloadResult(host=host.name, outcome=ReloadOutcome.RELOADED, pid=record.pid)


def _not(
    outcome: ReloadOutcome, host: Host, record: RunRecord | None, words: str, hint: str | None = None
) -> ReloadResult:
    error = HostError(words, hint=hint, host=host.name)
    return ReloadResult(host=host.name, outcome=outcome, pid=record.pid if record is not None else None, error=error)


def reload_agent(state: HostState, record: RunRecord, *, timeout_s: float) -> RunRecord | NotReady:
    """Tell an agent that can do so to read its inventory again, and wait until it goes on by it.

    Args:
        state: its state folder, whose lock for ``up`` is held.
        record: what it last wrote about itself.
        timeout_s: how long that may take.

    Raises:
        HostError: it refuses, with its reason; it has ended; or it may not be told anything.
    """
    deadline = time.monotonic() + timeout_s
    before = wait_for_other(state, record, timeout_s=timeout_s)  # a start installs what takes the signal
    if isinstance(before, NotReady):
        return before
    if not is_agent(before.pid, state.host, owner=state.owner, is_detached=False):
        raise HostError(  # whoever does not wait for the signal ends by it
            f"the process {before.pid} is no agent of {state.host}, so it is left alone",
            hint=f"if no agent of {state.host} runs, remove {state.record_path}",
            host=state.host,
        )
    try:
        hang_up(before.pid, before.process_started_at)
    except OSError as error:
        raise HostError(f"the agent of {state.host} can't be told: {error.strerror}", host=state.host) from error
    while (now := state.record()) is None or now.reloads == before.reloads:
        if not before.is_alive:
            raise HostError(f"the agent of {state.host} ended while it reloaded", host=state.host)
        if time.monotonic() >= deadline:
            return NotReady(exit_code=None, reason=f"no answer within {timeout_s:g} s")
        time.sleep(_POLL_S)
    if now.reload_error is not None:
        raise HostError(now.reload_error, host=state.host)
    return now
