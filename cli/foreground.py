"""Agents in the foreground, as three commands see them: ours, one that is elsewhere, and ours for a jsync elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cli.agents import Prefixes, ending_cleanly, launcher_of
from cli.command import Call
from cli.documents import plain
from cli.errors import ExitCode, error_text
from cli.fleet import announced_options
from sync_core.model.errors import HostError, JsyncError

if TYPE_CHECKING:
    from sync_core.fleet.foreground.events import Event
    from sync_core.fleet.foreground.run import ForegroundOptions, ForegroundResult
    from sync_core.fleet.foreground.stage import Audience
    from sync_core.model.inventory import Host, Inventory

__all__ = ["run_attached", "run_elsewhere", "run_here"]

_STEP_S = 60.0
"""The longest that reaching a machine may take; every step has a shorter limit of its own."""


def run_here(
    call: Call, inventory: Inventory, hosts: tuple[Host, ...], *, wait_timeout_s: float, forks: int
) -> ExitCode:
    """Stay with the agents of ``hosts`` until a signal ends us: exit 0 then, whatever they said."""
    from sync_core.fleet.foreground.run import ForegroundOptions

    options = ForegroundOptions(
        wait_timeout_s=wait_timeout_s,
        verbosity=call.settings.verbosity,
        fleet=announced_options(call, hosts, forks=forks, timeout=_STEP_S),
    )
    result = _run(call, inventory, hosts, _Terminal(call, [host.name for host in hosts]), options)
    errors = _errors(result, wait_timeout_s)
    if call.settings.is_json:
        call.sink.document("up", {"ok": not errors, "is_check": False, "errors": plain(errors)})
    else:
        for error in errors:
            call.sink.warn(error_text(error, about=error.host))
    return _code(result)


def run_attached(call: Call, inventory: Inventory, hosts: tuple[Host, ...], *, wait_timeout_s: float) -> ExitCode:
    """Run the agents of ``hosts`` for a jsync elsewhere that holds our standard input, and tell it of them."""
    from sync_core.fleet.foreground.run import ForegroundOptions

    options = ForegroundOptions(wait_timeout_s=wait_timeout_s, lifeline=sys.stdin.fileno())
    return _code(_run(call, inventory, hosts, _Teller(call), options))


def run_elsewhere(call: Call, inventory: Inventory, host: Host) -> ExitCode:
    """Run the agent of a host of another machine until a signal ends us; its lines go to stderr.

    Raises:
        JsyncError: it does not start, or can't be held on to.
    """
    from sync_core.fleet.foreground.run import ForegroundOptions

    options = ForegroundOptions(
        verbosity=call.settings.verbosity,
        is_kept=False,
        fleet=announced_options(call, (host,), forks=1, timeout=_STEP_S),
    )
    result = _run(call, inventory, (host,), _Stderr(call), options)
    for error in _errors(result, options.wait_timeout_s):
        raise error
    if call.settings.is_json:
        call.sink.document("agent", {"host": host.name, "ok": True})
    return ExitCode.DONE


def _run(
    call: Call, inventory: Inventory, hosts: tuple[Host, ...], audience: Audience, options: ForegroundOptions
) -> ForegroundResult:
    from sync_core.fleet.foreground.run import ForegroundResult, run_foreground

    results = []
    with ending_cleanly():
        results.append(run_foreground(inventory, hosts, launcher_of(call), audience, options))
    return results[0] if results else ForegroundResult()


def _errors(result: ForegroundResult, wait_timeout_s: float) -> list[JsyncError]:
    late = (HostError(f"{name}: not ready within {wait_timeout_s:g} s", host=name) for name in result.not_ready)
    return [*result.refused.values(), *late]


def _code(result: ForegroundResult) -> ExitCode:
    if result.refused:
        return ExitCode.TROUBLE
    return ExitCode.NEGATIVE if result.not_ready else ExitCode.DONE


class _Terminal:
    """Lines behind coloured names."""

    def __init__(self, call: Call, names: list[str]) -> None:
        self._sink = call.sink
        self._prefixes = Prefixes(names, color=call.sink.color)

    def line(self, host: str, line: str) -> None:
        self._sink.log_line(self._prefixes.of(host), line)

    def ready(self, host: str) -> None:
        """Its own line says it."""

    def refused(self, host: str, error: JsyncError) -> None:
        """Its own line says it, and the end again."""

    def all_ready(self) -> None:
        self._sink.note("jsync: all agents are ready; Ctrl-C stops them")


class _Stderr:
    """Lines as they are."""

    def __init__(self, call: Call) -> None:
        self._sink = call.sink

    def line(self, host: str, line: str) -> None:
        self._sink.warn(line)

    def ready(self, host: str) -> None:
        """Its own line says it."""

    def refused(self, host: str, error: JsyncError) -> None:
        """It is what we end with."""

    def all_ready(self) -> None:
        """Its own line says it."""


class _Teller:
    """One event on a line, for a jsync elsewhere."""

    def __init__(self, call: Call) -> None:
        self._streams = call.sink.streams

    def line(self, host: str, line: str) -> None:
        from sync_core.fleet.foreground.events import Line

        self._tell(Line(host, line))

    def ready(self, host: str) -> None:
        from sync_core.fleet.foreground.events import Ready

        self._tell(Ready(host))

    def refused(self, host: str, error: JsyncError) -> None:
        from sync_core.fleet.foreground.events import Refused

        self._tell(Refused(host, error))

    def all_ready(self) -> None:
        """Known from the others."""

    def _tell(self, event: Event) -> None:
        from sync_core.fleet.foreground.events import encode

        self._streams.write(encode(event) + "\n")
        self._streams.flush()
