"""What the commands about agents share: how this jsync starts another one, and a line with its host in front."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from cli.command import Call

if TYPE_CHECKING:
    from sync_core.fleet.launch import Launcher

__all__ = ["Prefixes", "ending_cleanly", "launcher_of"]

_COLORS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


def launcher_of(call: Call) -> Launcher:
    """Return how agents are started: by this interpreter, as verbose as we are, with our state folder."""
    from sync_core.agent.state import state_folder
    from sync_core.fleet.launch import Launcher

    # -P: a folder called `cli` where the user happens to stand must not be taken for ours
    command = (sys.executable, "-P", "-m", "cli", *["--verbose"] * call.settings.verbosity)
    return Launcher(command=command, state_folder=state_folder(call.environ))


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
