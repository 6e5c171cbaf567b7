"""The same work on agents here and, by the jsync there, on other machines, at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from sync_core.fleet.each import FleetOptions, Outcome
from sync_core.fleet.elsewhere import Machine, Places, find_places, on_machines
from sync_core.fleet.far_jsync import ask_jsync, error_from
from sync_core.model.errors import HostError, JsyncError
from sync_core.model.inventory import Host, Inventory
from sync_core.net.runner import Runner
from sync_core.net.threads import in_thread

__all__ = ["HereAndThere", "ask_about_agents", "said_error", "said_outcome", "said_pid"]


class _Result(Protocol):
    @property
    def host(self) -> str: ...
    @property
    def recap(self) -> Outcome: ...


R = TypeVar("R", bound=_Result)
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class HereAndThere(Generic[R]):
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
        """Do it for ``hosts``, and return the results in their order."""
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


async def ask_about_agents(
    machine: Machine,
    runner: Runner,
    words: Sequence[str],
    timeout_s: float,
    result_of: Callable[[str, Mapping[str, Any]], R],
) -> dict[str, R]:
    """Return what a machine's jsync says of its hosts.

    Args:
        machine: where.
        runner: of it.
        words: the command and its arguments.
        timeout_s: for all of it.
        result_of: makes a host's result of what is said of it; of one that is not named, of nothing.

    Raises:
        UnreachableError, HostError, JsyncError: as ``ask_jsync``.
    """
    words = [*words, "-o", "json", "--part", machine.part.name]
    document = await ask_jsync(runner, machine.jsync, words, stdin=machine.part.text, timeout_s=timeout_s)
    agents = document.get("agents")
    said = {str(one.get("host")): one for one in agents if isinstance(one, dict)} if isinstance(agents, list) else {}
    return {name: result_of(name, said.get(name, {})) for name in machine.names}


def said_outcome(kind: type[E], said: Mapping[str, Any]) -> E | None:
    """Return the outcome that is told of a host; ``None`` where it is none that we know."""
    try:
        return kind(str(said.get("outcome")))
    except ValueError:
        return None


def said_error(host: str, said: Mapping[str, Any], *, is_wanted: bool) -> JsyncError | None:
    """Return the error that a jsync tells of a host; one of our own where there should be one and none is."""
    error = said.get("error")
    if isinstance(error, dict):
        return error_from(error, host=host)
    return HostError("its jsync does not say what it did", host=host) if is_wanted else None


def said_pid(said: Mapping[str, Any]) -> int | None:
    """Return the pid that is told of a host's agent."""
    pid = said.get("pid")
    return pid if isinstance(pid, int) else None
