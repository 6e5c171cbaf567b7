"""``up -d``, ``reload`` and ``down`` for a whole inventory: here directly, on other machines by the jsync there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from sync_core.agent.root_guard import accept_new_root
from sync_core.agent.state import HostState
from sync_core.fleet.down import DownOutcome, DownResult, stop_detached
from sync_core.fleet.each import FleetOptions
from sync_core.fleet.elsewhere import Machine
from sync_core.fleet.here_and_there import HereAndThere, ask_about_agents, said_error, said_outcome, said_pid
from sync_core.fleet.launch import Launcher
from sync_core.fleet.reload import ReloadOutcome, ReloadResult, reload_agents
from sync_core.fleet.units import Units
from sync_core.fleet.up import STOP_GRACE_S, UpOutcome, UpResult, start_detached
from sync_core.model.errors import JsyncError, UnreachableError
from sync_core.model.inventory import Host, Inventory
from sync_core.net.runner import Runner

__all__ = ["DOWN_S", "Installer", "UpOptions", "reload_everywhere", "reload_s", "stop_everywhere", "up_everywhere"]

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

    return HereAndThere(here, there, _not_up).run(inventory, tuple(hosts), fleet)


def reload_s(wait_timeout_s: float) -> float:
    """Return the longest that `reload` may take on one machine.

    Args:
        wait_timeout_s: what each agent may take.
    """
    return _MARGIN_S + 2 * wait_timeout_s


def reload_everywhere(
    inventory: Inventory,
    hosts: Iterable[Host],
    state_folder: Path,
    fleet: FleetOptions,
    *,
    wait_timeout_s: float,
    check: bool = False,
) -> tuple[ReloadResult, ...]:
    """Have the agents of ``hosts`` go on by the inventory of today, without a restart.

    Args:
        inventory: where they are declared.
        hosts: whose agents, in the order of the results.
        state_folder: where run state lies on this machine.
        fleet: how other machines are worked on.
        wait_timeout_s: how long each agent may take.
        check: only say what would be done.
    """

    def here(own: tuple[Host, ...]) -> tuple[ReloadResult, ...]:
        return reload_agents(
            inventory, own, state_folder, wait_timeout_s=wait_timeout_s, check=check, forks=fleet.forks
        )

    async def there(machine: Machine, runner: Runner) -> Mapping[str, ReloadResult]:
        words = ["reload", *machine.names, "--wait-timeout", f"{wait_timeout_s:g}", *(["--check"] if check else [])]
        return await ask_about_agents(machine, runner, words, reload_s(wait_timeout_s), _reload_result)

    return HereAndThere(here, there, _not_reloaded).run(inventory, tuple(hosts), fleet)


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
        return await ask_about_agents(machine, runner, words, DOWN_S, _down_result)

    return HereAndThere(here, there, _not_down).run(inventory, tuple(hosts), fleet)


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
    results = await ask_about_agents(machine, runner, words, options.machine_s, _up_result)
    return {name: replace(result, installed=installed) for name, result in results.items()}


def _up_result(host: str, said: Mapping[str, Any]) -> UpResult:
    outcome = said_outcome(UpOutcome, said)
    error = said_error(
        host, said, is_wanted=outcome in {None, UpOutcome.NOT_READY, UpOutcome.FAILED, UpOutcome.UNREACHABLE}
    )
    if outcome is None or (error is not None and outcome is not UpOutcome.NOT_READY):
        outcome = UpOutcome.FAILED
    return UpResult(host=host, outcome=outcome, pid=said_pid(said), error=error)


def _reload_result(host: str, said: Mapping[str, Any]) -> ReloadResult:
    outcome = said_outcome(ReloadOutcome, said)
    error = said_error(host, said, is_wanted=outcome not in {ReloadOutcome.RELOADED, ReloadOutcome.UNCHANGED})
    if outcome is None or (error is not None and outcome in {ReloadOutcome.RELOADED, ReloadOutcome.UNCHANGED}):
        outcome = ReloadOutcome.FAILED
    return ReloadResult(host=host, outcome=outcome, pid=said_pid(said), error=error)


def _down_result(host: str, said: Mapping[str, Any]) -> DownResult:
    outcome = said_outcome(DownOutcome, said)
    error = said_error(host, said, is_wanted=outcome in {None, DownOutcome.FAILED, DownOutcome.UNREACHABLE})
    return DownResult(
        host=host,
        outcome=DownOutcome.FAILED if outcome is None or error is not None else outcome,
        pid=said_pid(said),
        error=error,
    )


def _not_up(host: Host, error: JsyncError) -> UpResult:
    outcome = UpOutcome.UNREACHABLE if isinstance(error, UnreachableError) else UpOutcome.FAILED
    return UpResult(host=host.name, outcome=outcome, error=error)


def _not_down(host: Host, error: JsyncError) -> DownResult:
    outcome = DownOutcome.UNREACHABLE if isinstance(error, UnreachableError) else DownOutcome.FAILED
    return DownResult(host=host.name, outcome=outcome, error=error)


def _not_reloaded(host: Host, error: JsyncError) -> ReloadResult:
    outcome = ReloadOutcome.UNREACHABLE if isinstance(error, UnreachableError) else ReloadOutcome.FAILED
    return ReloadResult(host=host.name, outcome=outcome, error=error)
