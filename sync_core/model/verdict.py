"""What a probe and a look at the far side together prove (``cli.md`` section 4, ``ports.md``).

Only both allow a definite word: a refusal may be a firewall's, and silence on UDP proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from sync_core.model.probe import FarSide, Outcome, ProbeResult, Protocol, Verdict
from sync_core.model.security import IpAddress

__all__ = ["Endpoint", "Finding", "decide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What a check is about: ``port`` of ``host`` at ``address``, as seen from ``source``."""

    source: str
    host: str
    address: IpAddress
    protocol: Protocol
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict with its reasons and the next step (``None`` where there is nothing to do)."""

    verdict: Verdict
    evidence: tuple[str, ...] = ()
    fix: str | None = None


_DIRECT = MappingProxyType(
    {
        Outcome.CONNECTED: Verdict.OPEN,
        Outcome.ECHO: Verdict.OPEN,
        Outcome.CLOSED: Verdict.NOT_ALLOWED,
        Outcome.NOT_PERMITTED: Verdict.EGRESS_BLOCKED,
        Outcome.PROHIBITED: Verdict.PROHIBITED,
        Outcome.NO_ROUTE: Verdict.NO_ROUTE,
        Outcome.FAILED: Verdict.UNKNOWN,
    }
)
"""Outcomes that need no look at the far side."""


def decide(probe: ProbeResult, far_side: FarSide | None, endpoint: Endpoint) -> Finding:
    """Return the verdict on ``endpoint`` with its evidence and the next step.

    Args:
        probe: what the connecting side saw.
        far_side: what the look at the target showed; ``None`` if it could not be looked at.
        endpoint: what was probed.
    """
    verdict = _verdict(probe, far_side, endpoint)
    evidence = (*probe.evidence, *(_far_evidence(far_side, endpoint) if far_side else ()))
    return Finding(verdict=verdict, evidence=evidence, fix=_fix(verdict, probe, far_side, endpoint))


def _verdict(probe: ProbeResult, far_side: FarSide | None, endpoint: Endpoint) -> Verdict:
    direct = _DIRECT.get(probe.outcome)
    if direct is not None:
        return direct
    if endpoint.protocol is Protocol.TCP:
        return _refused_tcp(far_side) if probe.outcome is Outcome.REFUSED else Verdict.FILTERED
    return _unanswered_udp(probe.outcome, far_side)


def _refused_tcp(far_side: FarSide | None) -> Verdict:
    if far_side is None:
        return Verdict.REFUSED
    if far_side.is_held is False or not far_side.listeners:
        return Verdict.WRONG_BIND if far_side.listeners else Verdict.NO_LISTENER
    # Somebody listens there and we are refused all the same: a rule does it, but none was read that says so.
    return Verdict.REFUSED


def _unanswered_udp(outcome: Outcome, far_side: FarSide | None) -> Verdict:
    if outcome is Outcome.HEARD or (far_side and far_side.was_reached):
        return Verdict.WRONG_BIND if far_side and far_side.listeners else Verdict.NO_LISTENER
    if outcome is Outcome.REFUSED:
        return Verdict.REFUSED
    if far_side and (far_side.was_reached is False or far_side.has_vanished or not far_side.listeners):
        return Verdict.FILTERED  # a kernel that gets a datagram for nobody says so
    return Verdict.OPEN_UNCONFIRMED


def _far_evidence(far_side: FarSide, endpoint: Endpoint) -> tuple[str, ...]:
    found = [f"{endpoint.protocol.upper()} port {endpoint.port} is held by {one}" for one in far_side.listeners]
    if not found:
        found.append(f"nothing is bound to {endpoint.protocol.upper()} port {endpoint.port} on {endpoint.host}")
    if far_side.was_reached is not None:
        seen = "reached" if far_side.was_reached else "not reached"
        found.append(f"a temporary listener on {endpoint.address}:{endpoint.port} was {seen}")
    if far_side.has_vanished:
        found.append("the kernel's counters on the target saw fewer datagrams than were sent")
    return tuple(found)


_FIXES = MappingProxyType(
    {
        Verdict.NO_LISTENER: "start the agent: jsync up {at.host}",
        Verdict.WRONG_BIND: "set `listen` of {at.host} to {at.address}, or leave it out, then: jsync up {at.host}",
        Verdict.REFUSED: "allow {rule}: a firewall refuses it",
        Verdict.PROHIBITED: "allow {rule}: a firewall refuses it",
        Verdict.FILTERED: "allow {rule}: a firewall swallows it",
        Verdict.EGRESS_BLOCKED: "allow outgoing {at.protocol} to {at.address} port {at.port} on {at.source}",
        Verdict.NOT_ALLOWED: "add {seen_as} to `allowed_hosts` of {at.host}",
        Verdict.NO_ROUTE: "check `address` of {at.host}, and the routes of {at.source} to {at.address}",
    }
)
_FIX_UNKNOWN_REFUSAL = "start the agent of {at.host}; if it runs, allow {rule}"


def _fix(verdict: Verdict, probe: ProbeResult, far_side: FarSide | None, at: Endpoint) -> str | None:
    is_open_question = verdict is Verdict.REFUSED and far_side is None
    template = _FIX_UNKNOWN_REFUSAL if is_open_question else _FIXES.get(verdict)
    if template is None:
        return None
    source = f"{probe.source_ip} ({at.source})" if probe.source_ip else at.source
    rule = f"{at.protocol.upper()} port {at.port} on {at.host} ({at.address}) for {source}"
    return template.format(at=at, rule=rule, seen_as=probe.source_ip or at.source)
