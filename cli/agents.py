"""What the commands about agents share: how this jsync starts another one, and a line with its host in front."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn, cast

from cli.command import Call
from cli.documents import plain

if TYPE_CHECKING:
    from sync_core.fleet.down import DownResult
    from sync_core.fleet.everywhere import Installer
    from sync_core.fleet.launch import Launcher
    from sync_core.fleet.reload import ReloadResult
    from sync_core.fleet.units import Units
    from sync_core.fleet.up import UpResult
    from sync_core.model.inventory import Inventory

__all__ = [
    "Prefixes",
    "ending_cleanly",
    "installer_of",
    "launcher_of",
    "own_command",
    "units_of",
    "warn_of_orphans",
    "with_recap",
]

_COLORS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


def launcher_of(call: Call) -> Launcher:
    """Return how agents are started: by this interpreter, as verbose as we are, with our state folder."""
    from sync_core.agent.state import state_folder
    from sync_core.fleet.launch import Launcher

    command = (*own_command(), *["--verbose"] * call.settings.verbosity)
    return Launcher(command=command, state_folder=state_folder(call.environ))


def own_command() -> tuple[str, ...]:
    """Return the command line that is this jsync, without arguments."""
    # -P: a folder called `cli` where the user happens to stand must not be taken for ours
    return (sys.executable, "-P", "-m", "cli")


def installer_of(call: Call) -> Installer:
    """Return what brings jsync to other machines; what it fetches for them is kept in the state folder."""
    from sync_core.agent.state import state_folder
    from sync_core.fleet.install.installer import WheelInstaller
    from sync_core.fleet.install.wheels import WheelStore

    return WheelInstaller(WheelStore(state_folder(call.environ) / ".wheels"))


def units_of(call: Call) -> Units | None:
    """Return the service manager for new agents, where a jsync elsewhere works on this machine and it has one.

    Who calls jsync on the machine itself gets processes, and `jsync service` for a unit of their own.
    """
    from sync_core.fleet.units import find_units

    units = None if call.settings.part is None else find_units(call.environ)
    return units if units is not None and units.outlive_logins() else None


def with_recap(result: UpResult | DownResult | ReloadResult) -> dict[str, object]:
    """Return a result as documents have it: its values, and what they come to."""
    return {**cast("dict[str, object]", plain(result)), "recap": result.recap.value}


@contextlib.contextmanager
def ending_cleanly() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end what is inside without an error, also before its event loop takes the signals over."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Prefixes:
    """Hosts' names in front of their lines, aligned, each in a colour of its own.

    Args:
        hosts: all names.
        color: whether there is colour.
    """

    def __init__(self, hosts: Sequence[str], *, color: bool) -> None:
        self._width = max(map(len, hosts), default=0)
        self._colors = {host: _COLORS[place % len(_COLORS)] for place, host in enumerate(hosts)} if color else {}

    def of(self, host: str) -> str:
        """Return the prefix of ``host``, escape sequences included."""
        name = f"{host:{self._width}} | "
        return f"\x1b[{self._colors[host]}m{name}\x1b[0m" if host in self._colors else name


def warn_of_orphans(call: Call, inventory: Inventory) -> None:
    """Say which detached agents run on although the inventory no longer has their hosts."""
    from sync_core.agent.state import state_folder
    from sync_core.fleet.orphans import find_orphans

    for host in find_orphans(inventory, state_folder(call.environ)):
        call.sink.warn(f"jsync: the agent of {host} runs, but the inventory no longer has it; `jsync down` stops it")
