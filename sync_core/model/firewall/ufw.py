"""ufw: the output of ``ufw status verbose`` and what its rules do to a packet (ufw(8))."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sync_core.model.firewall.judgement import Action, FrontEnd, Judgement, printable
from sync_core.model.firewall.packet import Direction, Packet, all_hold, in_network

__all__ = ["judge_ufw", "opening_command"]

_VERBS = {"ALLOW": Action.ACCEPT, "DENY": Action.DROP, "REJECT": Action.REJECT}
_DEFAULTS = {"allow": Action.ACCEPT, "deny": Action.DROP, "reject": Action.REJECT}
_LINE = re.compile(r"(?P<to>\S.*?)\s+(?P<verb>ALLOW|DENY|REJECT|LIMIT) (?P<way>IN|OUT|FWD)\s+(?P<source>\S.*?)\s*")
_ANYWHERE = "Anywhere"


def judge_ufw(status: str, packet: Packet) -> Judgement | None:
    """Return what rules of ``ufw status verbose`` do to ``packet``, the first that fits; ``None``: it is inactive."""
    if not re.search(r"^Status: active$", status, re.MULTILINE):
        return None
    for line in status.splitlines():
        rule = _LINE.fullmatch(line.partition("#")[0].rstrip())
        if rule is None or rule["way"].lower() != packet.direction:
            continue
        fits = _fits(rule["to"], rule["source"], packet)
        words = " ".join(line.split())
        if fits is None or (fits and rule["verb"] == "LIMIT"):  # what came before decides about a limit
            doubt = printable(f"ufw: not understood, and it may matter: `{words}`")
            return Judgement(front_end=FrontEnd.UFW, action=Action.UNSURE, evidence=(doubt,))
        if fits:
            action = _VERBS[rule["verb"]]
            return _judgement(action, f"`{words}` {action}s it", packet, "insert 1 ")
    return _by_default(status, packet)


def opening_command(packet: Packet, *, place: str = "") -> str:
    """Return the command that accepts exactly such packets; ``insert 1 `` as ``place``: in front of all rules."""
    if packet.direction is Direction.IN:
        return f"ufw {place}allow proto {packet.protocol} from {packet.source} to any port {packet.port}"
    return f"ufw {place}allow out proto {packet.protocol} to {packet.target} port {packet.port}"


def _by_default(status: str, packet: Packet) -> Judgement:
    name = "incoming" if packet.direction is Direction.IN else "outgoing"
    found = re.search(rf"^Default:.*?(\w+) \({name}\)", status, re.MULTILINE)
    action = _DEFAULTS.get(found[1]) if found else None
    if action is None:
        words = f"ufw: its default for {name} packets is not understood"
        return Judgement(front_end=FrontEnd.UFW, action=Action.UNSURE, evidence=(words,))
    return _judgement(action, f"default {found[1] if found else ''} ({name}), no rule fits {packet.words}", packet, "")


def _judgement(action: Action, words: str, packet: Packet, place: str) -> Judgement:
    fix = opening_command(packet, place=place) if action.is_block else None
    return Judgement(front_end=FrontEnd.UFW, action=action, evidence=(printable(f"ufw: {words}"),), fix=fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One column of a rule: ``10.0.0.0/8 5000/udp on eth0 (v6)``."""

    address: str
    ports: str
    interface: str | None
    is_ipv6: bool


def _side(text: str) -> _Side:
    is_ipv6 = "(v6)" in text
    text = re.sub(r"\(.*\)", "", text)  # also the name of an application, whose ports stand before it
    text, _, interface = text.partition(" on ")
    address, ports = _ANYWHERE, ""
    for word in text.split():
        if word == _ANYWHERE or (re.fullmatch(r"[0-9a-fA-F.:]+(/\d+)?", word) and re.search(r"[.]|:.*:", word)):
            address = word
        else:
            ports = word
    return _Side(address=address, ports=ports, interface=interface.strip() or None, is_ipv6=is_ipv6)


def _fits(to: str, source: str, packet: Packet) -> bool | None:
    target, sender = _side(to), _side(source)
    if (target.is_ipv6 or sender.is_ipv6) and not packet.is_ipv6:
        return False
    answers = [
        target.address == _ANYWHERE or in_network(packet.target, target.address),
        sender.address == _ANYWHERE or in_network(packet.source, sender.address),
        _has_port(target.ports, packet),
        None if sender.ports else True,  # the sender's port is left to its system
        *(_is_interface(side.interface, packet) for side in (target, sender) if side.interface),
    ]
    return all_hold(answers)


def _is_interface(name: str | None, packet: Packet) -> bool | None:
    return None if packet.interface is None else packet.interface == name


def _has_port(text: str, packet: Packet) -> bool | None:
    if not text:
        return True
    ports, _, protocol = text.partition("/")
    if protocol and protocol != packet.protocol:
        return False
    for one in ports.split(","):
        first, _, last = one.partition(":")
        if not first.isdecimal() or not (last or first).isdecimal():
            return None
        if int(first) <= packet.port <= int(last or first):
            return True
    return False
