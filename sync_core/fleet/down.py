"""Stopping detached agents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sync_core.agent.run_record import RunRecord
from sync_core.agent.state import HostState
from sync_core.fleet.each import DEFAULT_FORKS, Outcome, outcome_of, runnable
from sync_core.fleet.orphans import find_orphans
from sync_core.fleet.units import Units
from sync_core.fleet.up import end_agent
from sync_core.model.errors import JsyncError
from sync_core.model.inventory import Host, Inventory

__all__ = ["DownOutcome", "DownResult", "stop_detached", "stop_orphans"]

_LOCK_PATIENCE_S = 60.0


class DownOutcome(StrEnum):
    """What ``down`` did, or with ``--check`` would do, for one host."""

    STOPPED = "stopped"
    NOT_RUNNING = "not-running"
    FOREGROUND = "foreground"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class DownResult:
    """One host's result.

    Attributes:
        host: the inventory's name.
        outcome: what happened; an agent in somebody's foreground is left to them.
        pid: of the agent that was, or is, there.
        error: what is wrong, for ``FAILED`` and ``UNREACHABLE``.
    """

    host: str
    outcome: DownOutcome
    pid: int | None = None
    error: JsyncError | None = None

    @property
    def recap(self) -> Outcome:
        """What it comes to."""
        return outcome_of(self.error, is_changed=self.outcome is DownOutcome.STOPPED)


def stop_detached(
    inventory: Inventory,
    hosts: Iterable[Host],
    state_folder: Path,
    *,
    check: bool = False,
    units: Units | None = None,
    forks: int = DEFAULT_FORKS,
) -> tuple[DownResult, ...]:
    """Stop the detached agents of ``hosts``, all on this machine, and wait until they are gone.

    Args:
        inventory: where they are declared.
        hosts: whose agents; one host's failure is its result, the others go on.
        state_folder: where run state lies.
        check: only say what would be done.
        units: the service manager that some of them may belong to.
        forks: how many at once.
    """
    return _stop_all(inventory, [host.name for host in runnable(hosts)], state_folder, units, check=check, forks=forks)


def stop_orphans(
    inventory: Inventory, state_folder: Path, *, check: bool = False, units: Units | None = None
) -> tuple[DownResult, ...]:
    """Stop the detached agents whose hosts the inventory no longer has; for the rest see ``stop_detached``."""
    names = find_orphans(inventory, state_folder)
    return _stop_all(inventory, names, state_folder, units, check=check, forks=DEFAULT_FORKS)


def _stop_all(
    inventory: Inventory, names: Sequence[str], state_folder: Path, units: Units | None, *, check: bool, forks: int
) -> tuple[DownResult, ...]:
    def one(name: str) -> DownResult:
        try:
            return _down(inventory, HostState(state_folder, name), units, check=check)
        except JsyncError as error:
            return DownResult(host=name, outcome=DownOutcome.FAILED, error=error)

    with ThreadPoolExecutor(forks) as pool:
        return tuple(pool.map(one, names))


def _down(inventory: Inventory, state: HostState, units: Units | None, *, check: bool) -> DownResult:
    if not state.folder.exists():
        return DownResult(host=state.host, outcome=DownOutcome.NOT_RUNNING)
    if check:
        return _decide(state.host, state.claim(inventory.source))
    with state.held_for_up(_LOCK_PATIENCE_S):
        record = state.claim(inventory.source)
        decision = _decide(state.host, record)
        if decision.outcome is DownOutcome.FOREGROUND:
            return decision
        if units is not None:
            units.forget(state.host)
        if record is not None:
            end_agent(state, record)
            state.forget(record)
        return decision


def _decide(host: str, record: RunRecord | None) -> DownResult:
    """Return what is to be done, as if it were done."""
    if record is None or not record.is_alive:
        return DownResult(host=host, outcome=DownOutcome.NOT_RUNNING)
    outcome = DownOutcome.STOPPED if record.is_detached else DownOutcome.FOREGROUND
    return DownResult(host=host, outcome=outcome, pid=record.pid)
