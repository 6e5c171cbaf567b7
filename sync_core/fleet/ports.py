"""The port checks of an inventory, all at once, each from where its connection is opened (``cli.md`` section 4)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sync_core.fleet.outposts import Opener, Outposts, Post, opener
from sync_core.fleet.port_look import Looker, Seen
from sync_core.fleet.port_results import Names, conclude, unfinished, unresolved
from sync_core.model.errors import HostError, PeerError, UnreachableError
from sync_core.model.inventory import Host, Inventory
from sync_core.model.probe import CheckResult, PortsReport, Protocol, Vantage
from sync_core.model.required_ports import PortCheck, required_ports
from sync_core.model.security import IpAddress, parse_ip
from sync_core.net.limits import raise_file_limit
from sync_core.net.outpost import Outpost

__all__ = ["Options", "PortsReport", "Watcher", "check_ports", "checks_of"]

_FILES_PER_CHECK = 4
_PAUSE_S = 1.0

Watcher = Callable[[PortCheck, CheckResult], None]
"""Told of each result as soon as it is there, with its check; must return at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the checks are made.

    Attributes:
        timeout_s: for each probe, and for an SSH connection to stand; below 1.1 s some firewalls' refusals are taken
            for silence.
        wait_s: check again until all is well, at most so long.
        network_only: count a port without a listener as good.
        password: for SSH, where keys and agent are not enough.
    """

    timeout_s: float = 3.0
    wait_s: float = 0.0
    network_only: bool = False
    password: str | None = field(default=None, repr=False)

    @property
    def deadline_s(self) -> float:
        """For one round of all checks: logins, look-ups, a probe and its repetition, counters, firewall rules."""
        return 90.0 + 4 * self.timeout_s


def checks_of(inventory: Inventory, hosts: tuple[Host, ...]) -> tuple[PortCheck, ...]:
    """Return the checks that have one of ``hosts`` at either end, slaves in the inventory's order."""
    names = {host.name for host in hosts}
    return tuple(one for one in required_ports(inventory) if names & {one.source.name, one.target.name})


def check_ports(
    inventory: Inventory,
    hosts: tuple[Host, ...],
    options: Options | None = None,
    *,
    watcher: Watcher = lambda _, __: None,
    open_outpost: Opener | None = None,
) -> PortsReport:
    """Probe every port that the agents of ``hosts`` need and explain what is found; changes nothing that stays.

    Args:
        inventory: declares who talks to whom.
        hosts: the checks that have one of these at either end are made.
        options: how.
        watcher: is told of results as they come; with ``wait_s`` of those of every round.
        open_outpost: opens outposts; for tests something else.

    Returns:
        One result for each check and address of its target, in the inventory's order.

    Raises:
        HostError: this machine itself can't be worked on.
    """
    options = options or Options()
    raise_file_limit()
    lifetime_s = options.deadline_s + options.wait_s
    open_outpost = open_outpost or opener(
        password=options.password, connect_s=options.timeout_s, deadline_s=lifetime_s + options.deadline_s
    )
    checks = checks_of(inventory, hosts)
    return asyncio.run(_until_ok(checks, options, watcher, open_outpost)) if checks else PortsReport(checks=())


async def _until_ok(
    checks: tuple[PortCheck, ...], options: Options, watcher: Watcher, open_outpost: Opener
) -> PortsReport:
    until_s = time.monotonic() + options.wait_s
    outposts = Outposts(open_outpost)
    try:
        while True:
            results = await _Round(outposts, options, watcher).all_of(checks)
            report = PortsReport(checks=results, network_only=options.network_only)
            left_s = until_s - time.monotonic()
            if report.ok or left_s <= 0:
                return report
            await asyncio.sleep(min(_PAUSE_S, left_s))
            outposts.forget_failures()
    finally:
        await outposts.close()


class _Round:
    """All checks, once."""

    def __init__(self, outposts: Outposts, options: Options, watcher: Watcher) -> None:
        self._outposts = outposts
        self._options = options
        self._watcher = watcher
        self._looker = Looker(options.timeout_s)
        self._posts: dict[str, Post] = {}
        self._seen: dict[tuple[str, str, IpAddress, Protocol], Seen] = {}
        self._names: dict[tuple[str, str], asyncio.Task[tuple[IpAddress, ...]]] = {}
        self._are_probed = asyncio.Event()
        self._to_probe = 0
        self._places = asyncio.Semaphore(max(50, raise_file_limit() // _FILES_PER_CHECK))

    async def all_of(self, checks: tuple[PortCheck, ...]) -> tuple[CheckResult, ...]:
        here = await self._outposts.here()
        everywhere = Post(outpost=here, vantage=Vantage.CONTROLLER, reason="it was not reached in time")
        self._posts = {name: everywhere for one in checks for name in (one.source.name, one.target.name)}
        self._to_probe = len(checks)
        tasks = [asyncio.ensure_future(self._told(check)) for check in checks]
        try:
            done, _ = await asyncio.wait(tasks, timeout=self._options.deadline_s)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *self._names.values(), return_exceptions=True)
        return tuple(
            result
            for check, task in zip(checks, tasks, strict=True)
            for result in (task.result() if task in done else self._unfinished(check))
        )

    async def _told(self, check: PortCheck) -> list[CheckResult]:
        results = await self._results(check)
        for result in results:
            self._watcher(check, result)
        return results

    def _unfinished(self, check: PortCheck) -> list[CheckResult]:
        reason = f"not finished within {self._options.deadline_s:g} s"
        return [unfinished(check, self._posts[check.source.name], self._posts[check.target.name], reason)]

    async def _results(self, check: PortCheck) -> list[CheckResult]:
        source = target = self._posts[check.source.name]
        try:
            source, target = await asyncio.gather(self._post(check.source), self._post(check.target))
            found = await self._look(check, source, target)
        except (HostError, PeerError) as error:  # a host that was lost on the way
            found = [unfinished(check, source, target, str(error))]
        finally:
            self._to_probe -= 1
            if self._to_probe == 0:
                self._are_probed.set()
        return [one if isinstance(one, CheckResult) else await self._concluded(one) for one in found]

    async def _post(self, host: Host) -> Post:
        self._posts[host.name] = await self._outposts.of(host)
        return self._posts[host.name]

    async def _look(self, check: PortCheck, source: Post, target: Post) -> list[Seen | CheckResult]:
        name = check.target.address
        try:
            addresses = await self._resolved(source, name)
        except UnreachableError as error:
            return [unresolved(check, source, target, str(error), await self._names_of(check, source, target))]
        return list(await asyncio.gather(*(self._look_at(check, one, source, target) for one in addresses)))

    async def _look_at(self, check: PortCheck, address: IpAddress, source: Post, target: Post) -> Seen | CheckResult:
        async with self._places:
            try:
                seen = await self._looker.look(check, address, source, target)
            except (HostError, PeerError) as error:
                return replace(unfinished(check, source, target, str(error)), address=str(address))
        self._seen[check.source.name, check.target.name, address, check.protocol] = seen
        return seen

    async def _concluded(self, seen: Seen) -> CheckResult:
        check = seen.check
        companion = None
        if check.protocol is Protocol.UDP:
            # What TCP met at the same address says something too, and counters need quiet.
            await self._are_probed.wait()
            companion = self._seen.get((check.source.name, check.target.name, seen.address, Protocol.TCP))
        try:
            if seen.needs_counters and seen.far_side is not None:
                seen = replace(seen, far_side=replace(seen.far_side, counted=await self._looker.count(seen)))
            return await conclude(seen, companion, await self._names_of(check, seen.source, seen.target))
        except (HostError, PeerError) as error:
            return replace(unfinished(check, seen.source, seen.target, str(error)), address=str(seen.address))

    async def _names_of(self, check: PortCheck, source: Post, target: Post) -> Names:
        """Return what others than the source say about the target's name."""
        name = check.target.address
        if parse_ip(name) is not None:
            return Names(elsewhere={})
        here = await self._outposts.here()
        others = {"this machine": here}
        if target.on_host is not None:
            others[check.target.name] = target.on_host
        others = {who: outpost for who, outpost in others.items() if outpost.machine != source.outpost.machine}
        found = await asyncio.gather(*(self._answers(outpost, name) for outpost in others.values()))
        return Names(elsewhere=dict(zip(others, found, strict=True)))

    async def _answers(self, outpost: Outpost, name: str) -> tuple[IpAddress, ...]:
        try:
            return await self._asked(outpost, name)
        except (HostError, PeerError):
            return ()  # what others don't know is no news

    async def _resolved(self, source: Post, name: str) -> tuple[IpAddress, ...]:
        literal = parse_ip(name)
        return (literal,) if literal is not None else await self._asked(source.outpost, name)

    async def _asked(self, outpost: Outpost, name: str) -> tuple[IpAddress, ...]:
        task = self._names.get((outpost.machine, name))
        if task is None:
            task = self._names[outpost.machine, name] = asyncio.ensure_future(outpost.resolve(name))
        # Shielded: several checks wait for the same answer, and one of them may give up.
        return await asyncio.shield(task)
