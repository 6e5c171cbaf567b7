"""What a probe, a look at the far side and the rules of both ends prove (``cli.md`` section 4, ``ports.md``).

Only the far side allows a definite word: a refusal may be a firewall's, and silence on UDP proves nothing. Rules that
were read explain; they decide only who is to blame for a blocking that the probe has shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from sync_core.model.firewall.judgement import Action
from sync_core.model.firewall.reader import Reading
from sync_core.model.probe import Counted, FarSide, Outcome, ProbeResult, Protocol, Verdict
from sync_core.model.security import IpAddress, Level

__all__ = ["Endpoint", "Finding", "Surroundings", "decide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What a check is about: ``port`` of ``host`` at ``address``, as seen from ``source``."""

    source: str
    host: str
    address: IpAddress
    protocol: Protocol
    port: int

    @property
    def place(self) -> str:
        """Address and port as logs write them."""
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What else is known about a check.

    Attributes:
        target_rules: what the target's firewall does to such a packet; ``None``: it was not asked.
        source_rules: what the source's own does.
        is_turned_away: the same agent closes our TCP connections at once: its ``allowed_hosts`` refuse us.
        is_alive: something at that address answers on TCP; ``None``: nobody tried.
        low_level: by the inventory, the target lets the source in with this level, and a registration needs more.
    """

    target_rules: Reading | None = None
    source_rules: Reading | None = None
    is_turned_away: bool = False
    is_alive: bool | None = None
    low_level: Level | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict with its reasons and the next step (``None`` where there is nothing to do)."""

    verdict: Verdict
    evidence: tuple[str, ...] = ()
    fix: str | None = None


NOTHING_ELSE = Surroundings()

_DIRECT = MappingProxyType(
    {
        Outcome.CONNECTED: Verdict.OPEN,
        Outcome.ECHO: Verdict.OPEN,
        Outcome.CLOSED: Verdict.NOT_ALLOWED,
        Outcome.UNTRUSTED: Verdict.NOT_ALLOWED,
        Outcome.NOT_PERMITTED: Verdict.EGRESS_BLOCKED,
        Outcome.NO_ROUTE: Verdict.NO_ROUTE,
        Outcome.FAILED: Verdict.UNKNOWN,
    }
)
"""Outcomes that need no look at the far side."""
_BLOCKED = {Outcome.REFUSED, Outcome.PROHIBITED, Outcome.SILENT}


def decide(
    probe: ProbeResult, far_side: FarSide | None, endpoint: Endpoint, around: Surroundings = NOTHING_ELSE
) -> Finding:
    """Return the verdict on ``endpoint`` with its evidence and the next step.

    Args:
        probe: what the connecting side saw.
        far_side: what the look at the target showed; ``None`` if it could not be looked at.
        endpoint: what was probed.
        around: what else is known.
    """
    verdict = _verdict(probe, far_side, endpoint, around)
    evidence = (
        *probe.evidence,
        *(_far_evidence(probe, far_side, endpoint) if far_side else ()),
        *_remarks(verdict, probe, far_side, endpoint, around),
        *_rules(verdict, endpoint, around),
    )
    return Finding(verdict=verdict, evidence=evidence, fix=_fix(verdict, probe, far_side, endpoint, around))


def _verdict(probe: ProbeResult, far_side: FarSide | None, endpoint: Endpoint, around: Surroundings) -> Verdict:
    if far_side is not None and far_side.is_hung:
        return Verdict.HUNG
    direct = _DIRECT.get(probe.outcome)
    if direct is Verdict.OPEN and around.low_level is not None:
        return Verdict.NOT_ALLOWED
    if direct is not None:
        return direct
    arrived = far_side is not None and bool(far_side.arrivals)
    if probe.outcome in _BLOCKED and not arrived and _is_block(around.source_rules):
        return Verdict.EGRESS_BLOCKED
    if probe.outcome is Outcome.PROHIBITED:
        return Verdict.PROHIBITED
    if probe.outcome is Outcome.REFUSED:
        return _refused(far_side, around)
    if endpoint.protocol is Protocol.TCP:
        return Verdict.FILTERED
    return _unanswered_udp(probe.outcome, far_side, around)


def _refused(far_side: FarSide | None, around: Surroundings) -> Verdict:
    if far_side is None:
        return Verdict.REFUSED
    if far_side.arrivals:
        return _nobody_here(far_side)
    # Somebody waits there, or did while we tried, and we are refused all the same: a rule does it.
    if far_side.arrivals is not None or far_side.is_held or _is_block(around.target_rules):
        return Verdict.PROHIBITED
    return _nobody_here(far_side)


def _nobody_here(far_side: FarSide) -> Verdict:
    return Verdict.WRONG_BIND if far_side.listeners else Verdict.NO_LISTENER


def _unanswered_udp(outcome: Outcome, far_side: FarSide | None, around: Surroundings) -> Verdict:
    if far_side is None:
        return Verdict.OPEN_UNCONFIRMED if around.is_alive else Verdict.UNKNOWN
    if outcome is Outcome.HEARD or far_side.arrivals:
        return _nobody_here(far_side)
    if far_side.counted in {Counted.ARRIVED, Counted.ANSWERED}:
        is_refusing = far_side.is_agent and far_side.counted is Counted.ARRIVED
        return Verdict.NOT_ALLOWED if is_refusing else Verdict.OPEN
    if far_side.arrivals is not None or far_side.counted is Counted.VANISHED or not far_side.listeners:
        return Verdict.FILTERED  # a kernel that gets a datagram for nobody says so
    if around.is_turned_away:
        return Verdict.NOT_ALLOWED
    return Verdict.FILTERED if _is_block(around.target_rules) else Verdict.OPEN_UNCONFIRMED


def _is_block(reading: Reading | None) -> bool:
    return reading is not None and reading.action.is_block


def _far_evidence(probe: ProbeResult, far_side: FarSide, endpoint: Endpoint) -> tuple[str, ...]:
    port = f"{endpoint.protocol.upper()} port {endpoint.port}"
    found = [f"{port} of {endpoint.host} is held by {one}" for one in far_side.listeners]
    if not found:
        found.append(f"nothing is bound to {port} on {endpoint.host}")
    if far_side.is_untaken:
        found.append(f"connections arrive there and wait in the kernel of {endpoint.host}: nobody takes them")
    if far_side.arrivals is not None:
        seen = "reached" if far_side.arrivals or probe.outcome is Outcome.HEARD else "not reached"
        found.append(f"a temporary listener on {endpoint.place} was {seen}")
    others = {str(sender) for sender in far_side.arrivals or () if sender != probe.source_ip}
    if others and probe.source_ip is not None:
        found.append(f"{endpoint.host} sees it come from {', '.join(sorted(others))}: a NAT is in between")
    if far_side.counted is not None:
        found.append(_COUNTED[far_side.counted].format(at=endpoint))
    return tuple(found)


_COUNTED = MappingProxyType(
    {
        Counted.ARRIVED: "the kernel of {at.host} counted the datagrams: they arrived, and nothing was sent back",
        Counted.ANSWERED: "the kernel of {at.host} counted the datagrams: they arrived",
        Counted.UNREAD: "the datagrams arrived and lie in the kernel of {at.host}: nobody reads them",
        Counted.VANISHED: "the kernel of {at.host} counted fewer datagrams than were sent: they did not arrive",
    }
)


def _remarks(
    verdict: Verdict, probe: ProbeResult, far_side: FarSide | None, at: Endpoint, around: Surroundings
) -> tuple[str, ...]:
    """Return what the verdict alone does not say."""
    if around.low_level is not None:
        level = f"the level {around.low_level}, and a registration needs {Level.NO_ADD}"
        return (f"by the inventory, `allowed_hosts` of {at.host} gives {probe.source_ip or at.source} {level}",)
    if at.protocol is Protocol.TCP:
        is_proof = verdict is Verdict.PROHIBITED and probe.outcome is Outcome.REFUSED
        return (
            (f"somebody waits there and we are refused: a rule on the way does it to {at.source}",) if is_proof else ()
        )
    if probe.outcome in {Outcome.ECHO, Outcome.HEARD}:
        return ()
    if far_side is None and verdict is Verdict.UNKNOWN:
        return ("silence on UDP proves nothing, and nothing else answers at that address",)
    if far_side is not None and (far_side.arrivals or (verdict is Verdict.OPEN and far_side.is_agent)):
        return (f"no answer came back: the way back, from UDP port {at.port} of {at.host} to {at.source}, is blocked",)
    if verdict is Verdict.NOT_ALLOWED:
        return (f"an agent answers only to whom its `allowed_hosts` let in: {at.source} is not among them",)
    return ()


def _rules(verdict: Verdict, at: Endpoint, around: Surroundings) -> tuple[str, ...]:
    """Return what the rules of both ends have to do with it, where something is in the way."""
    words: list[str] = []
    for host, reading in ((at.source, around.source_rules), (at.host, around.target_rules)):
        if reading is None:
            continue
        words += [f"{host}: {word}" if host == at.source else word for word in reading.evidence]
        if reading.action is Action.ACCEPT and verdict in {Verdict.FILTERED, Verdict.PROHIBITED}:
            words.append(f"the firewall rules of {host} let it pass")
    return tuple(words)


_FIXES = MappingProxyType(
    {
        Verdict.NO_LISTENER: "start the agent: jsync up {at.host}",
        Verdict.HUNG: "restart the agent: jsync up -d {at.host}",
        Verdict.WRONG_BIND: "set `listen` of {at.host} to {at.address}, or leave it out, then: jsync up {at.host}",
        Verdict.REFUSED: "start the agent of {at.host}; if it runs, allow {rule}",
        Verdict.PROHIBITED: "allow {rule}: a firewall refuses it",
        Verdict.FILTERED: "allow {rule}: a firewall swallows it",
        Verdict.EGRESS_BLOCKED: "allow outgoing {at.protocol} to {at.address} port {at.port} on {at.source}",
        Verdict.NOT_ALLOWED: "add {seen_as} to `allowed_hosts` of {at.host}",
        Verdict.NO_ROUTE: "check `address` of {at.host}, and the routes of {at.source} to {at.address}",
        Verdict.UNKNOWN: "let jsync look from {at.host}: set its `connection` to local or ssh",
    }
)


def _fix(
    verdict: Verdict, probe: ProbeResult, far_side: FarSide | None, at: Endpoint, around: Surroundings
) -> str | None:
    if verdict is Verdict.EGRESS_BLOCKED and around.source_rules is not None and around.source_rules.fix:
        return f"on {at.source}: {around.source_rules.fix}"
    is_blocked = verdict in {Verdict.FILTERED, Verdict.PROHIBITED}
    if is_blocked and around.target_rules is not None and around.target_rules.fix:
        return around.target_rules.fix
    if verdict is Verdict.HUNG and far_side is not None and far_side.is_agent is False:
        return None  # whoever runs that program knows how
    if verdict is Verdict.UNKNOWN and (far_side is not None or probe.outcome is Outcome.FAILED):
        return None
    if probe.outcome is Outcome.UNTRUSTED:
        return "look at the certificates of both: jsync tls show"
    template = _FIXES.get(verdict)
    if template is None:
        return None
    seen_as = next((ip for ip in (far_side.arrivals if far_side else None) or () if ip), probe.source_ip) or at.source
    if around.low_level is not None:
        return f"give {seen_as} the level {Level.NO_ADD} in `allowed_hosts` of {at.host}"
    source = f"{probe.source_ip} ({at.source})" if probe.source_ip else at.source
    rule = f"{at.protocol.upper()} port {at.port} on {at.host} ({at.address}) for {source}"
    if is_blocked and _is_passed(around):
        rule += f" on what lies between {at.source} and {at.host}"
    return template.format(at=at, rule=rule, seen_as=seen_as)


def _is_passed(around: Surroundings) -> bool:
    """Whether the target's own firewall is known to be innocent."""
    return around.target_rules is not None and around.target_rules.action is Action.ACCEPT
