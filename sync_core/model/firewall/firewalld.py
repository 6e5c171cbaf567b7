"""firewalld: its zones, runtime and permanent, and what they do to a packet (firewall-cmd(1), firewalld.zone(5))."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_core.model.firewall.judgement import Action, FrontEnd, Judgement, printable
from sync_core.model.firewall.packet import Direction, Packet, in_network

__all__ = ["judge_firewalld", "opening_rich_rule"]

_TARGETS = {"ACCEPT": Action.ACCEPT, "DROP": Action.DROP}
_VERBS = {"accept": Action.ACCEPT, "drop": Action.DROP, "reject": Action.REJECT}


def judge_firewalld(
    zones: str, packet: Packet, *, default_zone: str = "", services: str = "", permanent: str | None = None
) -> Judgement | None:
    """Return what the zone of ``packet`` does to it; ``None`` for packets that leave, which zones don't judge.

    Args:
        zones: the output of ``firewall-cmd --list-all-zones``.
        packet: the one that is asked about.
        default_zone: that of ``firewall-cmd --get-default-zone``.
        services: a line ``NAME PORT/PROTOCOL …`` for each service that zones name.
        permanent: what ``firewall-cmd --permanent --list-all-zones`` says; ``None`` if it was not read.
    """
    if packet.direction is Direction.OUT:
        return None
    known = _services(services)
    now = _decide(_parse(zones), packet, default_zone.strip(), known)
    evidence = [now.words]
    if permanent is not None:
        later = _decide(_parse(permanent), packet, default_zone.strip(), known)
        if later.action is not now.action:
            evidence.append(f"firewalld: after a reload it would be otherwise: permanent rules {later.action} it")
    fix = _fix(now.zone, packet) if now.action.is_block else None
    return Judgement(front_end=FrontEnd.FIREWALLD, action=now.action, evidence=tuple(evidence), fix=fix)


def opening_rich_rule(packet: Packet) -> str:
    """Return the rich rule that accepts exactly such packets."""
    family = "ipv6" if packet.is_ipv6 else "ipv4"
    port = f'port port="{packet.port}" protocol="{packet.protocol}"'
    return f'rule family="{family}" source address="{packet.peer}" {port} accept'


def _fix(zone: str, packet: Packet) -> str:
    rule = shlex.quote(opening_rich_rule(packet))
    return f"firewall-cmd --permanent --zone={zone} --add-rich-rule={rule} && firewall-cmd --reload"


@dataclass(slots=True)
class _Zone:
    name: str
    values: dict[str, list[str]] = field(default_factory=dict)
    rich_rules: list[str] = field(default_factory=list)

    @property
    def target(self) -> str:
        return " ".join(self.values.get("target", ["default"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    action: Action
    zone: str
    words: str


def _parse(text: str) -> list[_Zone]:
    zones: list[_Zone] = []
    for line in text.splitlines():
        if line and not line[0].isspace():
            zones.append(_Zone(line.split()[0]))
        elif zones and line.strip().startswith("rule "):
            zones[-1].rich_rules.append(line.strip())
        elif zones and ":" in line:
            name, _, value = line.strip().partition(":")
            zones[-1].values[name] = value.split()
    return zones


def _services(text: str) -> dict[str, list[str]]:
    words = (line.split() for line in text.splitlines() if line.strip())
    return {name: ports for name, *ports in words}


def _zone_of(zones: list[_Zone], packet: Packet, default: str) -> _Zone | None:
    """Return the zone that a source binds, else the interface, else the default one."""
    for zone in zones:
        if any(in_network(packet.source, source) for source in zone.values.get("sources", [])):
            return zone
    for zone in zones:
        if packet.interface is not None and packet.interface in zone.values.get("interfaces", []):
            return zone
    return next((zone for zone in zones if zone.name == default), None)


def _decide(zones: list[_Zone], packet: Packet, default: str, services: Mapping[str, list[str]]) -> _Decision:
    zone = _zone_of(zones, packet, default)
    if zone is None:
        words = "firewalld: the zone that the packet belongs to is not known"
        return _Decision(action=Action.UNSURE, zone=default, words=words)
    place = f"firewalld: zone {zone.name}"
    for rule in sorted(zone.rich_rules, key=_order):
        verb, fits = _rich(rule, packet, services)
        if fits is None:
            words = f"{place}: not understood, and it may matter: `{rule}`"
            return _Decision(action=Action.UNSURE, zone=zone.name, words=printable(words))
        if fits and verb is not None:
            return _Decision(action=verb, zone=zone.name, words=printable(f"{place}: `{rule}` {verb}s it"))
    wanted = f"{packet.port}/{packet.protocol}"
    for name in ["", *zone.values.get("services", [])]:
        ports = services.get(name, []) if name else zone.values.get("ports", [])
        if any(_is_port(one, packet) for one in ports):
            words = f"{place}: {f'service {name}' if name else 'its ports'} let {wanted} in"
            return _Decision(action=Action.ACCEPT, zone=zone.name, words=printable(words))
    action = _TARGETS.get(zone.target, Action.REJECT)
    words = f"{place}: target {zone.target}, neither its ports nor its services let {wanted} in"
    return _Decision(action=action, zone=zone.name, words=printable(words))


def _order(rule: str) -> tuple[int, bool]:
    """Return what sorts rich rules: their priority, and within one the refusals first."""
    found = re.search(r"\bpriority=\"(-?\d+)\"", rule)
    return (int(found[1]) if found else 0, rule.endswith("accept"))


def _rich(rule: str, packet: Packet, services: Mapping[str, list[str]]) -> tuple[Action | None, bool | None]:
    """Return what a rich rule does, and whether it fits; ``None``: not understood."""
    family = re.search(r'family="(\w+)"', rule)
    if family and (family[1] == "ipv6") is not packet.is_ipv6:
        return None, False
    if re.search(r"\b(ipset|mac|limit|NOT|invert|destination|forward-port|masquerade|source-port)\b", rule):
        return None, None
    source = re.search(r'source address="([^"]+)"', rule)
    if source and not in_network(packet.source, source[1]):
        return None, False
    port = re.search(r'\bport port="([^"]+)" protocol="(\w+)"', rule)
    if port and not _is_port(f"{port[1]}/{port[2]}", packet):
        return None, False
    service = re.search(r'service name="([^"]+)"', rule)
    if service and not any(_is_port(one, packet) for one in services.get(service[1], [])):
        return None, False if service[1] in services else None
    if re.search(r"\b(protocol value|icmp-type|icmp-block)\b", rule):
        return None, False
    verb = re.search(r"\b(accept|drop|reject)\b(?!=)(?!.*\b(accept|drop|reject)\b)", rule)
    return (_VERBS[verb[1]], True) if verb else (None, True)


def _is_port(text: str, packet: Packet) -> bool:
    found = re.fullmatch(r"(\d+)(?:-(\d+))?/(\w+)", text)
    if not found or found[3] != packet.protocol:
        return False
    return int(found[1]) <= packet.port <= int(found[2] or found[1])
