"""The port checks of an inventory, all at once: probe, look at the far side, conclude (``cli.md`` section 4)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace

from sync_core.model.errors import NotBuiltError, UnreachableError
from sync_core.model.inventory import Connection, Host, Inventory
from sync_core.model.probe import (
    CheckResult,
    FarSide,
    Outcome,
    PortsReport,
    ProbeResult,
    Protocol,
    Vantage,
    Verdict,
)
from sync_core.model.required_ports import PortCheck, required_ports
from sync_core.model.security import IpAddress
from sync_core.model.verdict import Endpoint, decide
from sync_core.net.addresses import choose_source, is_this_machine
from sync_core.net.counters import has_vanished
from sync_core.net.listeners import find_listeners, is_held
from sync_core.net.probe import probe_tcp, probe_udp, temporary_listener
from sync_core.net.resolve import Resolver

__all__ = ["PortsReport", "check_ports"]

_AT_ONCE = 200
"""Probes at the same time: each takes one or two of the files that a process may open, by default 1024."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A check at one address with what came of it."""

    check: PortCheck
    address: IpAddress
    probe: ProbeResult
    far_side: FarSide | None


def check_ports(
    inventory: Inventory, hosts: tuple[Host, ...], *, timeout_s: float = 3.0, network_only: bool = False
) -> PortsReport:
    """Probe every port that the agents of ``hosts`` need and explain what is found; changes nothing that stays.

    Args:
        inventory: declares who talks to whom.
        hosts: the checks that have one of these at either end are made.
        timeout_s: for each probe; below 1.1 s some firewalls' refusals are taken for silence.
        network_only: count a port without a listener as good.

    Returns:
        One result for each check and address of its target, in the inventory's order.

    Raises:
        NotBuiltError: a host concerned is on another machine.
    """
    names = {host.name for host in hosts}
    checks = [check for check in required_ports(inventory) if names & {check.source.name, check.target.name}]
    results = asyncio.run(_Run(timeout_s).all_of(checks))
    return PortsReport(checks=results, network_only=network_only)


class _Run:
    """One run of all checks."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._resolver = Resolver()
        self._connections: dict[str, Connection | None] = {}
        # Two temporary listeners can't share a port, so checks of one port take turns.
        self._turns: defaultdict[tuple[IpAddress, int], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def all_of(self, checks: list[PortCheck]) -> tuple[CheckResult, ...]:
        hosts = {host.name: host for check in checks for host in (check.source, check.target)}
        found = await asyncio.gather(*(self._connection_of(host) for host in hosts.values()))
        self._connections = dict(zip(hosts, found, strict=True))
        far = [name for name, connection in self._connections.items() if connection is Connection.SSH]
        if far:
            raise NotBuiltError(
                f"on another machine, where checking ports is not built yet: {', '.join(far)}",
                hint="set `connection: local` for a host on this machine, or `connection: none` to probe it from here",
                host=far[0],
            )
        seen = await asyncio.gather(*(self._look(check) for check in checks))
        return tuple([result for group in seen for result in [await self._conclude(one) for one in group]])

    async def _connection_of(self, host: Host) -> Connection | None:
        if host.connection is not None:
            return host.connection
        try:
            addresses = await self._resolver.resolve(host.address)
        except UnreachableError:
            return None  # the check that has the host as its target says what is wrong
        return Connection.LOCAL if any(is_this_machine(address) for address in addresses) else Connection.SSH

    async def _look(self, check: PortCheck) -> tuple[_Seen | CheckResult, ...]:
        try:
            addresses = await self._resolver.resolve(check.target.address)
        except UnreachableError as error:
            return (self._unresolved(check, error),)
        return tuple(await asyncio.gather(*(self._look_at(check, address) for address in addresses)))

    async def _look_at(self, check: PortCheck, address: IpAddress) -> _Seen:
        source_ip = self._source_ip(check, address)
        if check.protocol is Protocol.UDP:
            async with self._turns[address, check.port], self._places:
                return await self._look_at_udp(check, address, source_ip)
        async with self._places:
            probe = await probe_tcp(address, check.port, timeout_s=self._timeout_s, source_ip=source_ip)
            far_side = await self._look_there(check, address) if probe.outcome is Outcome.REFUSED else None
            return _Seen(check=check, address=address, probe=probe, far_side=far_side)

    async def _look_at_udp(self, check: PortCheck, address: IpAddress, source_ip: IpAddress | None) -> _Seen:
        far_side = await self._look_there(check, address)
        if far_side is None or far_side.is_held is not False:
            probe = await probe_udp(address, check.port, timeout_s=self._timeout_s, source_ip=source_ip)
            is_told = probe.outcome in {Outcome.SILENT, Outcome.REFUSED}
            return _Seen(check=check, address=address, probe=probe, far_side=far_side if is_told else None)
        async with temporary_listener(address, check.port) as listener:
            probe = await probe_udp(address, check.port, timeout_s=self._timeout_s, source_ip=source_ip)
        if listener is not None:
            was_reached = listener.received > 0 or probe.outcome is Outcome.HEARD
            far_side = replace(far_side, was_reached=was_reached)
        return _Seen(check=check, address=address, probe=probe, far_side=far_side)

    async def _look_there(self, check: PortCheck, address: IpAddress) -> FarSide | None:
        if self._connections[check.target.name] is not Connection.LOCAL:
            return None
        listeners = await asyncio.to_thread(find_listeners, check.protocol, check.port)
        return FarSide(listeners=listeners, is_held=is_held(check.protocol, address, check.port))

    async def _conclude(self, seen: _Seen | CheckResult) -> CheckResult:
        if isinstance(seen, CheckResult):
            return seen
        check, far_side = seen.check, seen.far_side
        if seen.probe.outcome is Outcome.SILENT and far_side is not None and far_side.is_held:
            # One after the other, and nothing else meanwhile: the counters are those of the whole machine.
            source_ip = self._source_ip(check, seen.address)
            vanished = await has_vanished(seen.address, check.port, source_ip=source_ip)
            far_side = replace(far_side, has_vanished=vanished)
        endpoint = Endpoint(
            source=check.source.name,
            host=check.target.name,
            address=seen.address,
            protocol=check.protocol,
            port=check.port,
        )
        finding = decide(seen.probe, far_side, endpoint)
        return self._result(
            check,
            str(seen.address),
            verdict=finding.verdict,
            elapsed_ms=seen.probe.elapsed_ms,
            evidence=finding.evidence,
            fix=finding.fix,
        )

    def _unresolved(self, check: PortCheck, error: UnreachableError) -> CheckResult:
        return self._result(
            check,
            check.target.address,
            verdict=Verdict.DNS_ERROR,
            elapsed_ms=0.0,
            evidence=(str(error),),
            fix=f"correct `address` of {check.target.name} in the inventory, or the name's DNS entry",
        )

    def _source_ip(self, check: PortCheck, address: IpAddress) -> IpAddress | None:
        return choose_source(check.source.listen, address) if self._is_here(check.source) else None

    def _is_here(self, host: Host) -> bool:
        return self._connections[host.name] is Connection.LOCAL

    def _result(
        self,
        check: PortCheck,
        address: str,
        *,
        verdict: Verdict,
        elapsed_ms: float,
        evidence: tuple[str, ...],
        fix: str | None,
    ) -> CheckResult:
        is_here = self._is_here(check.source)
        if not is_here:
            evidence = (f"asked from this machine: {check.source.name} is not within reach", *evidence)
        return CheckResult(
            source=check.source.name,
            target=check.target.name,
            address=address,
            protocol=check.protocol,
            port=check.port,
            purpose=check.purpose,
            required=check.is_required,
            vantage=Vantage.LOCAL if is_here else Vantage.CONTROLLER,
            verdict=verdict,
            elapsed_ms=elapsed_ms,
            evidence=evidence,
            fix=fix,
        )
