"""``up -d`` and ``down`` for a whole inventory: here directly, on other machines by the jsync there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from sync_core.agent.root_guard import accept_new_root
from sync_core.agent.state import HostState
from sync_core.fleet.down import DownOutcome, DownResult, stop_detached
from sync_core.fleet.each import FleetOptions, Outcome
from sync_core.fleet.elsewhere import Machine, Places, find_places, on_machines
from sync_core.fleet.far_jsync import ask_jsync, error_from
from sync_core.fleet.launch import Launcher
from sync_core.fleet.units import Units
from sync_core.fleet.up import STOP_GRACE_S, UpOutcome, UpResult, start_detached
from sync_core.model.errors import HostError, JsyncError, UnreachableError
from sync_core.model.inventory import Host, Inventory
from sync_core.net.runner import Runner
from sync_core.net.threads import in_thread

__all__ = ["DOWN_S", "Installer", "UpOptions", "stop_everywhere", "up_everywhere"]

_MARGIN_S = 60.0
"""For logins, the start of a Python, and what a busy machine takes longer."""
_INSTALL_S = 700.0
DOWN_S = 90.0
"""The longest that `down` may take on one machine."""


class Installer(Protocol):
    """Brings jsync to machines."""

    async def ensure(self, machine: Machine, runner: Runner, *, check: bool) -> str | None:
        """Make sure that jsync is there and not older than this one; return the version that was brought.

        Args:
            machine: where.
            runner: of it.
            check: only say what would be brought.

        Raises:
            UnreachableError: the machine can't be reached.
            HostError: it can't be done; nothing is left half done.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """How ``up -d`` works.

    Attributes:
        wait_timeout_s: how long each agent may take to be ready.
        check: only say what would be done.
        verbosity: of the agents.
        installer: brings jsync where it is missing or older; ``None``: it must be there.
        units: the service manager that this machine's agents belong to; ``None``: they are on their own.
        accept_new_root: the file systems that their folders lie on now are right.
    """

    wait_timeout_s: float = 60.0
    check: bool = False
    verbosity: int = 0
    installer: Installer | None = None
    units: Units | None = None
    accept_new_root: bool = False

    @property
    def machine_s(self) -> float:
        """The longest that one machine may take: masters, then slaves, each stopped and started."""
        agents_s = _MARGIN_S + 2 * (STOP_GRACE_S + self.wait_timeout_s)
        return agents_s + (_INSTALL_S if self.installer is not None else 0)


class _Result(Protocol):
    @property
    def host(self) -> str: ...
    @property
    def recap(self) -> Outcome: ...


R = TypeVar("R", bound=_Result)
E = TypeVar("E", bound=StrEnum)


def up_everywhere(
    inventory: Inventory, hosts: Iterable[Host], launcher: Launcher, options: UpOptions, fleet: FleetOptions
) -> tuple[UpResult, ...]:
    """Make sure that the agents of ``hosts`` run with the settings of today; returns when all are ready.

    Args:
        inventory: where they are declared.
        hosts: whose agents, in the order of the results; those that are only reached are passed over.
        launcher: how one is started here.
        options: how they are started.
        fleet: how other machines are worked on.
    """

    def here(own: tuple[Host, ...]) -> tuple[UpResult, ...]:
        if options.accept_new_root and not options.check:
            for host in own:
                accept_new_root(HostState(launcher.state_folder, host.name))
        return start_detached(
            inventory,
            own,
            launcher,
            wait_timeout_s=options.wait_timeout_s,
            check=options.check,
            units=options.units,
            forks=fleet.forks,
        )

    async def there(machine: Machine, runner: Runner) -> Mapping[str, UpResult]:
        return await _up_there(machine, runner, options)

    return _Everywhere(here, there, _not_up).run(inventory, tuple(hosts), fleet)


def stop_everywhere(
    inventory: Inventory,
    hosts: Iterable[Host],
    state_folder: Path,
    fleet: FleetOptions,
    *,
    check: bool = False,
    units: Units | None = None,
) -> tuple[DownResult, ...]:
    """Stop the detached agents of ``hosts`` and wait until they are gone.

    Args:
        inventory: where they are declared.
        hosts: whose agents, in the order of the results.
        state_folder: where run state lies on this machine.
        fleet: how other machines are worked on.
        check: only say what would be done.
        units: the service manager that some agents of this machine may belong to.
    """

    def here(own: tuple[Host, ...]) -> tuple[DownResult, ...]:
        return stop_detached(inventory, own, state_folder, check=check, units=units, forks=fleet.forks)

    async def there(machine: Machine, runner: Runner) -> Mapping[str, DownResult]:
        words = ["down", *machine.names, *(["--check"] if check else [])]
        return await _ask(machine, runner, words, DOWN_S, _down_result)

    return _Everywhere(here, there, _not_down).run(inventory, tuple(hosts), fleet)


@dataclass(frozen=True, slots=True)
class _Everywhere(Generic[R]):
    """The same work here and on other machines, at the same time.

    Attributes:
        here: does it for hosts of this machine.
        there: does it on another one.
        failed: makes the result of a host whose machine failed.
    """

    here: Callable[[tuple[Host, ...]], tuple[R, ...]]
    there: Callable[[Machine, Runner], Awaitable[Mapping[str, R]]]
    failed: Callable[[Host, JsyncError], R]

    def run(self, inventory: Inventory, hosts: tuple[Host, ...], fleet: FleetOptions) -> tuple[R, ...]:
        places = find_places(inventory, hosts)
        if not places.elsewhere:
            return self.here(places.here)
        results = asyncio.run(self._all(places, fleet))
        return tuple(results[host.name] for host in hosts if host.name in results)

    async def _all(self, places: Places, fleet: FleetOptions) -> dict[str, R]:
        def recap(result: R) -> Outcome:
            return result.recap

        far = on_machines(places.elsewhere, self.there, options=fleet, failed=self.failed, outcome=recap)
        own, others = await asyncio.gather(self._here(places.here, fleet), far)
        return {result.host: result for result in own} | others

    async def _here(self, hosts: tuple[Host, ...], fleet: FleetOptions) -> tuple[R, ...]:
        for host in hosts:
            fleet.watcher.started(host.name)
        results = await in_thread(lambda: self.here(hosts), name="this machine")
        for result in results:
            fleet.watcher.ended(result.host, result.recap)
        return results


async def _up_there(machine: Machine, runner: Runner, options: UpOptions) -> Mapping[str, UpResult]:
    installed = None
    if options.installer is not None:
        installed = await options.installer.ensure(machine, runner, check=options.check)
        if installed is not None and options.check:
            return {name: UpResult(host=name, outcome=UpOutcome.STARTED, installed=installed) for name in machine.names}
        if not options.check and any(host.tls is not None for host in machine.hosts):
            from sync_core.fleet.install.bring_tls import bring_tls  # noqa: PLC0415 - most have none

            await bring_tls(machine, runner)
    words = ["up", "--detach", *machine.names, "--wait-timeout", f"{options.wait_timeout_s:g}"]
    words += [*(["--check"] if options.check else []), *["--verbose"] * options.verbosity]
    words += ["--accept-new-root"] if options.accept_new_root else []
    results = await _ask(machine, runner, words, options.machine_s, _up_result)
    return {name: replace(result, installed=installed) for name, result in results.items()}


async def _ask(
    machine: Machine,
    runner: Runner,
    words: Sequence[str],
    timeout_s: float,
    result_of: Callable[[str, Mapping[str, Any]], R],
) -> dict[str, R]:
    words = [*words, "-o", "json", "--part", machine.part.name]
    document = await ask_jsync(runner, machine.jsync, words, stdin=machine.part.text, timeout_s=timeout_s)
    agents = document.get("agents")
    said = {str(one.get("host")): one for one in agents if isinstance(one, dict)} if isinstance(agents, list) else {}
    return {name: result_of(name, said.get(name, {})) for name in machine.names}


def _up_result(host: str, said: Mapping[str, Any]) -> UpResult:
    outcome = _outcome(UpOutcome, said)
    error = _error(
        host, said, is_wanted=outcome in {None, UpOutcome.NOT_READY, UpOutcome.FAILED, UpOutcome.UNREACHABLE}
    )
    if outcome is None or (error is not None and outcome is not UpOutcome.NOT_READY):
        outcome = UpOutcome.FAILED
    return UpResult(host=host, outcome=outcome, pid=_pid(said), error=error)


def _down_result(host: str, said: Mapping[str, Any]) -> DownResult:
    outcome = _outcome(DownOutcome, said)
    error = _error(host, said, is_wanted=outcome in {None, DownOutcome.FAILED, DownOutcome.UNREACHABLE})
    return DownResult(
        host=host,
        outcome=DownOutcome.FAILED if outcome is None or error is not None else outcome,
        pid=_pid(said),
        error=error,
    )


def _outcome(kind: type[E], said: Mapping[str, Any]) -> E | None:
    try:
        return kind(str(said.get("outcome")))
    except ValueError:
        return None


def _error(host: str, said: Mapping[str, Any], *, is_wanted: bool) -> JsyncError | None:
    """Return the error that is told of; one of our own where there should be one and none is."""
    error = said.get("error")
    if isinstance(error, dict):
        return error_from(error, host=host)
    return HostError("its jsync does not say what it did", host=host) if is_wanted else None


def _pid(said: Mapping[str, Any]) -> int | None:
    pid = said.get("pid")
    return pid if isinstance(pid, int) else None


def _not_up(host: Host, error: JsyncError) -> UpResult:
    outcome = UpOutcome.UNREACHABLE if isinstance(error, UnreachableError) else UpOutcome.FAILED
    return UpResult(host=host.name, outcome=outcome, error=error)


def _not_down(host: Host, error: JsyncError) -> DownResult:
    outcome = DownOutcome.UNREACHABLE if isinstance(error, UnreachableError) else DownOutcome.FAILED
    return DownResult(host=host.name, outcome=outcome, error=error)
