"""What detached agents wrote, here and, through the jsync of their machines, elsewhere."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sync_core.agent.state import HostState
from sync_core.fleet.each import FleetOptions, Outcome, for_each, outcome_of, runnable
from sync_core.fleet.far_calls import FarCalls
from sync_core.fleet.far_jsync import error_from
from sync_core.fleet.foreground.lifeline import keep_company, until_alone
from sync_core.fleet.log_file import LogFile
from sync_core.fleet.reach import Reach
from sync_core.model.errors import HostError, JsyncError, UnreachableError
from sync_core.model.inventory import Connection, Host, Inventory
from sync_core.net.runner import Process, first_line

__all__ = ["HostLog", "follow_logs", "read_logs"]

_POLL_S = 0.2
_MOST_LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLog:
    """The last lines of one agent's log.

    Attributes:
        host: the inventory's name.
        lines: in their order.
        error: why there are none.
    """

    host: str
    lines: tuple[str, ...] = ()
    error: JsyncError | None = None

    @property
    def outcome(self) -> Outcome:
        """What the recap says."""
        return outcome_of(self.error)


def read_logs(
    inventory: Inventory,
    hosts: Iterable[Host],
    state_folder: Path,
    *,
    lines: int,
    options: FleetOptions | None = None,
) -> tuple[HostLog, ...]:
    """Return the last lines of each host's log; one host's failure is its result, the others go on.

    Args:
        inventory: where they are declared.
        hosts: whose logs.
        state_folder: where run state lies.
        lines: how many of each, at most.
        options: how many hosts at once, and how long each may take.
    """
    options = options or FleetOptions()

    async def all_of_them() -> tuple[HostLog, ...]:
        async with _machines(inventory, options) as machines:
            return await for_each(
                runnable(hosts),
                lambda host: machines.last_lines(host, state_folder, lines),
                options=options,
                failed=lambda host, error: HostLog(host=host.name, error=error),
                outcome=lambda log: outcome_of(log.error),
            )

    return asyncio.run(all_of_them())


def follow_logs(
    inventory: Inventory,
    hosts: Iterable[Host],
    state_folder: Path,
    *,
    lines: int,
    options: FleetOptions,
    show: Callable[[str, str], None],
    failed: Callable[[str, JsyncError], None],
    is_wanted: Callable[[], bool],
    lifeline: int | None = None,
) -> None:
    """Show the last lines and then each new one as it is written, until nobody wants them or nothing can come.

    Args:
        inventory: where they are declared.
        hosts: whose logs.
        state_folder: where run state lies.
        lines: how many of each come first, at most.
        options: how long it may take until a machine is reached.
        show: gets host and line.
        failed: is told of a host whose log can't be followed, or not any longer; the others go on.
        is_wanted: whether anybody still reads what is shown.
        lifeline: a handle that ends it when its other end is closed or falls silent; ``None``: there is none.
    """

    async def all_of_them() -> None:
        async with _machines(inventory, options) as machines:
            following = _Following(machines, options, show, failed)
            running = asyncio.ensure_future(following.run(runnable(hosts), state_folder, lines, is_wanted))
            alone = [] if lifeline is None else [asyncio.ensure_future(until_alone(lifeline))]
            try:
                await asyncio.wait({running, *alone}, return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    running.result()
            finally:
                for task in (running, *alone):
                    task.cancel()
                await asyncio.gather(running, *alone, return_exceptions=True)

    asyncio.run(all_of_them())


@asynccontextmanager
async def _machines(inventory: Inventory, options: FleetOptions) -> AsyncIterator[_Machines]:
    reach = Reach(options.runners())
    try:
        yield _Machines(inventory, reach, options)
    finally:
        await reach.close()


class _Machines:
    """Logs here and elsewhere."""

    def __init__(self, inventory: Inventory, reach: Reach, options: FleetOptions) -> None:
        self.inventory = inventory
        self.reach = reach
        self.calls = FarCalls(inventory, reach, timeout_s=options.timeout_s)

    async def last_lines(self, host: Host, state_folder: Path, count: int) -> HostLog:
        """Return the last lines of one host's log."""
        if await self.reach.connection_of(host) is Connection.LOCAL:
            log = self.local(host, state_folder)
            return HostLog(host=host.name, lines=tuple(deque(log.lines(), maxlen=count)))
        return _log_from(host, await self.calls.ask(host, "logs", host.name, "-n", str(count)))

    def local(self, host: Host, state_folder: Path) -> LogFile:
        """Return the log of a host here; raises StateError if another inventory owns its name."""
        state = HostState(state_folder, host.name)
        state.claim(self.inventory.source)
        return LogFile(host=host.name, path=state.log_path)


def _log_from(host: Host, document: Mapping[str, Any]) -> HostLog:
    """Return what another machine's ``jsync logs -o json`` says of ``host``."""
    error = next((one for one in _entries(document, "errors", host) if isinstance(one.get("error"), dict)), None)
    if error is not None:
        return HostLog(host=host.name, error=error_from(error["error"], host=host.name))
    lines = (one.get("line") for one in _entries(document, "lines", host))
    return HostLog(host=host.name, lines=tuple(line for line in lines if isinstance(line, str)))


def _entries(document: Mapping[str, Any], key: str, host: Host) -> list[Mapping[str, Any]]:
    found = document.get(key)
    entries = found if isinstance(found, list) else []
    return [one for one in entries if isinstance(one, dict) and one.get("host") == host.name]


class _Following:
    """Many logs at once, each line shown as soon as it is there."""

    def __init__(
        self,
        machines: _Machines,
        options: FleetOptions,
        show: Callable[[str, str], None],
        failed: Callable[[str, JsyncError], None],
    ) -> None:
        self._machines = machines
        self._options = options
        self._show = show
        self._failed = failed

    async def run(self, hosts: Sequence[Host], state_folder: Path, lines: int, is_wanted: Callable[[], bool]) -> None:
        """Follow the logs; one process for each machine that is elsewhere."""
        here, machines = await self._sorted(hosts)
        tasks = [asyncio.ensure_future(self._follow_far(some, lines)) for some in machines]
        logs = self._local_logs(here, state_folder)
        if logs:
            tasks.append(asyncio.ensure_future(self._follow_here(logs, lines)))
        try:
            waiting = set(tasks)
            while waiting and is_wanted():
                done, waiting = await asyncio.wait(waiting, timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _sorted(self, hosts: Sequence[Host]) -> tuple[list[Host], list[list[Host]]]:
        """Return the hosts here, and the others by their machines."""
        here: list[Host] = []
        machines: dict[str, list[Host]] = {}
        for host in hosts:
            if await self._machines.reach.connection_of(host) is Connection.LOCAL:
                here.append(host)
            else:
                machines.setdefault(self._machines.calls.neighbours(host)[0].name, []).append(host)
        return here, list(machines.values())

    def _local_logs(self, hosts: Sequence[Host], state_folder: Path) -> list[LogFile]:
        logs = []
        for host in hosts:
            try:
                logs.append(self._machines.local(host, state_folder))
            except JsyncError as error:
                self._failed(host.name, error)
        return logs

    async def _follow_here(self, logs: list[LogFile], lines: int) -> None:
        last: int | None = lines
        while logs:
            for log in list(logs):
                try:
                    new = deque(log.lines(), maxlen=last)
                except JsyncError as error:
                    logs.remove(log)
                    self._failed(log.host, error)
                    continue
                for line in new:
                    self._show(log.host, line)
            last = None
            await asyncio.sleep(_POLL_S)

    async def _follow_far(self, hosts: Sequence[Host], lines: int) -> None:
        try:
            await self._follow_machine(hosts, lines)
        except TimeoutError:
            failure: JsyncError = UnreachableError(f"not reached within {self._options.timeout_s:g} s")
        except JsyncError as error:
            failure = error
        for host in hosts:
            self._failed(host.name, failure)

    async def _follow_machine(self, hosts: Sequence[Host], lines: int) -> NoReturn:
        names = [host.name for host in hosts]
        words = ("logs", *names, "-f", "-n", str(lines), "--color", "never")
        async with asyncio.timeout(self._options.timeout_s) as deadline, self._machines.reach.on(hosts[0]) as runner:
            process = await self._machines.calls.start(runner, hosts[0], *words)
            try:
                deadline.reschedule(None)
                company = asyncio.ensure_future(keep_company(process))
                try:
                    await self._show_all(process, set(names))
                finally:
                    company.cancel()
                    await asyncio.gather(company, return_exceptions=True)
            finally:
                await process.close()

    async def _show_all(self, process: Process, names: set[str]) -> NoReturn:
        rest = b""
        while block := await process.receive():
            *whole, rest = (rest + block).split(b"\n")
            rest = rest[:_MOST_LINE_BYTES]
            for line in whole:
                name, mark, text = line.decode("utf-8", "replace").partition(" | ")
                if mark and name.rstrip() in names:
                    self._show(name.rstrip(), text)
        exit_code = await process.wait()
        raise HostError(first_line(process.complaint) or f"its jsync ended with exit code {exit_code}")
