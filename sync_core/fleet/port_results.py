"""From what was seen to the lines of a report: rules are read where something is in the way, then it is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sync_core.fleet.outposts import Post
from sync_core.fleet.port_levels import low_level
from sync_core.fleet.port_look import Seen, is_own
from sync_core.model.errors import HostError, PeerError
from sync_core.model.firewall.judgement import Action
from sync_core.model.firewall.packet import Direction, Packet
from sync_core.model.firewall.reader import Reading, read_firewalls
from sync_core.model.probe import CheckResult, Outcome, Verdict
from sync_core.model.required_ports import PortCheck
from sync_core.model.security import IpAddress, parse_ip
from sync_core.model.verdict import Endpoint, Finding, Surroundings, decide

__all__ = ["Names", "conclude", "unfinished", "unresolved"]

_ALIVE = {Outcome.CONNECTED, Outcome.UNTRUSTED, Outcome.CLOSED, Outcome.REFUSED}
_NEEDS_NO_RULES = {
    Verdict.OPEN,
    Verdict.HUNG,
    Verdict.NOT_ALLOWED,
    Verdict.WRONG_BIND,
    Verdict.DNS_ERROR,
    Verdict.NO_ROUTE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What resolvers say about the target's name.

    Attributes:
        elsewhere: the answers of others by who gave them: the target itself, this machine.
    """

    elsewhere: Mapping[str, tuple[IpAddress, ...]]

    def right_ones(self, seen_from: Post, target: Post) -> dict[str, tuple[IpAddress, ...]]:
        """Return the answers that lead to the target itself."""
        return {
            who: own
            for who, answers in self.elsewhere.items()
            if (own := tuple(one for one in answers if not one.is_loopback and is_own(one, seen_from, target)))
        }


async def conclude(seen: Seen, companion: Seen | None, names: Names) -> CheckResult:
    """Return the line of a report.

    Args:
        seen: the check at one address.
        companion: the TCP check from the same source to the same address.
        names: for a target that is called by a name.
    """
    misled = _misled(seen, names)
    if misled is not None:
        return _result(seen, misled)
    endpoint = Endpoint(
        source=seen.check.source.name,
        host=seen.check.target.name,
        address=seen.address,
        protocol=seen.check.protocol,
        port=seen.check.port,
    )
    around = replace(_surroundings(companion), low_level=await low_level(seen))
    finding = decide(seen.probe, seen.far_side, endpoint, around)
    if _needs_rules(finding, seen):
        around = replace(around, target_rules=await _target_rules(seen), source_rules=await _source_rules(seen))
        finding = decide(seen.probe, seen.far_side, endpoint, around)
    return _result(seen, finding)


def unresolved(check: PortCheck, source: Post, target: Post, failure: str, names: Names) -> CheckResult:
    """Return the line for a name that the source does not know.

    Args:
        check: which.
        source: where it would have started.
        target: where the far side would have been looked at.
        failure: the resolver's words.
        names: what others say.
    """
    others = [f"{who} knows it as {_listed(found)}" for who, found in names.elsewhere.items() if found]
    where = f"the name service of {check.source.name}" if others else "the name's DNS entry"
    fix = f"correct `address` of {check.target.name} in the inventory, or {where}"
    finding = Finding(verdict=Verdict.DNS_ERROR, evidence=(failure, *others), fix=fix)
    return _line(check, check.target.address, source, target, finding, elapsed_ms=0.0)


def unfinished(check: PortCheck, source: Post, target: Post, reason: str) -> CheckResult:
    """Return the line for a check that came to no end."""
    return _line(check, check.target.address, source, target, Finding(verdict=Verdict.UNKNOWN, evidence=(reason,)))


def _misled(seen: Seen, names: Names) -> Finding | None:
    """Return a finding where the address is known to be somebody else's; ``None`` where that is not so."""
    check = seen.check
    if seen.target.on_host is None or is_own(seen.address, seen.source, seen.target) or seen.has_arrived:
        return None
    if parse_ip(check.target.address) is not None:
        if not seen.address.is_loopback:
            return None  # a NAT, perhaps
        words = f"{seen.address} is every host's own loopback: {check.source.name} never reaches {check.target.name} so"
        fix = f"correct `address` of {check.target.name} in the inventory"
        return Finding(verdict=Verdict.NO_ROUTE, evidence=(words,), fix=fix)
    right = names.right_ones(seen.source, seen.target)
    if not right:
        return None
    name = check.target.address
    words = f"{check.source.name} takes {name} for {seen.address}, which is no address of {check.target.name}"
    others = [f"{who} knows it as {_listed(found)}" for who, found in right.items()]
    fix = f"correct {name} in the name service or /etc/hosts of {check.source.name}"
    return Finding(verdict=Verdict.DNS_ERROR, evidence=(words, *others, *seen.probe.evidence), fix=fix)


def _surroundings(companion: Seen | None) -> Surroundings:
    outcome = companion.probe.outcome if companion is not None else None
    is_alive = None if outcome is None else outcome in _ALIVE
    return Surroundings(is_turned_away=outcome is Outcome.CLOSED, is_alive=is_alive)


def _needs_rules(finding: Finding, seen: Seen) -> bool:
    if finding.verdict is Verdict.NO_LISTENER:
        return seen.far_side is not None and seen.far_side.arrivals is None
    return finding.verdict not in _NEEDS_NO_RULES


async def _target_rules(seen: Seen) -> Reading | None:
    there = seen.target.on_host
    arrivals = (seen.far_side.arrivals if seen.far_side else None) or ()
    sender = arrivals[0] if arrivals else seen.probe.source_ip
    return None if there is None or sender is None else await _rules(seen, Direction.IN, sender)


async def _source_rules(seen: Seen) -> Reading | None:
    sender = seen.probe.source_ip
    if seen.source.on_host is None or sender is None:
        return None
    reading = await _rules(seen, Direction.OUT, sender)
    # Of a source that can't be read, only what blocks for certain is worth a word.
    return reading if reading.action is not Action.UNSURE or seen.probe.outcome is Outcome.NOT_PERMITTED else None


async def _rules(seen: Seen, direction: Direction, sender: IpAddress) -> Reading:
    outpost = seen.target.outpost if direction is Direction.IN else seen.source.outpost
    peer = sender if direction is Direction.IN else seen.address
    try:
        packet = Packet(
            direction=direction,
            protocol=seen.check.protocol,
            port=seen.check.port,
            source=sender,
            target=seen.address,
            interface=await outpost.interface_to(peer),
        )
        return read_firewalls(await outpost.firewalls(), packet)
    except (HostError, PeerError) as error:
        return Reading(action=Action.UNSURE, evidence=(f"firewall rules could not be read: {error}",))


def _result(seen: Seen, finding: Finding) -> CheckResult:
    elapsed_ms = seen.probe.elapsed_ms
    return _line(seen.check, str(seen.address), seen.source, seen.target, finding, elapsed_ms=elapsed_ms)


def _line(
    check: PortCheck, address: str, source: Post, target: Post, finding: Finding, *, elapsed_ms: float = 0.0
) -> CheckResult:
    notes: list[str] = []
    if source.on_host is None:
        notes.append(f"asked from this machine: {source.reason}")
    is_open = finding.verdict in {Verdict.OPEN, Verdict.DNS_ERROR}
    if target.on_host is None and not is_open:
        notes.append(f"{check.target.name} could not be looked at: {target.reason}")
    return CheckResult(
        source=check.source.name,
        target=check.target.name,
        address=address,
        protocol=check.protocol,
        port=check.port,
        purpose=check.purpose,
        required=check.is_required,
        vantage=source.vantage,
        verdict=finding.verdict,
        elapsed_ms=elapsed_ms,
        evidence=(*notes, *finding.evidence),
        fix=finding.fix,
    )


def _listed(addresses: tuple[IpAddress, ...]) -> str:
    return ", ".join(str(address) for address in addresses)
