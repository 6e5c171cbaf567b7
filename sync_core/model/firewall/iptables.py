"""iptables and ip6tables: the output of ``iptables-save`` and what its rules do to a packet."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sync_core.model.firewall.judgement import Action, FrontEnd, Judgement
from sync_core.model.firewall.packet import Direction, Packet, any_holds, in_network
from sync_core.model.firewall.walk import BaseChain, End, Step, judge_chains
from sync_core.model.probe import Protocol

__all__ = ["judge_iptables", "tables_of"]

_WAYS = {
    Direction.IN: (
        ("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("nat", "PREROUTING"),
        ("mangle", "INPUT"), ("filter", "INPUT"), ("security", "INPUT"),
    ),
    Direction.OUT: (
        ("raw", "OUTPUT"), ("mangle", "OUTPUT"), ("nat", "OUTPUT"), ("filter", "OUTPUT"), ("security", "OUTPUT"),
        ("mangle", "POSTROUTING"),
    ),
}  # fmt: skip
_ENDS = {"ACCEPT": Action.ACCEPT, "DROP": Action.DROP, "REJECT": Action.REJECT}
_GOES_ON = {
    "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "CT", "NOTRACK", "TCPMSS", "TTL", "HL", "TOS", "DSCP", "CLASSIFY",
    "CHECKSUM", "SET", "SECMARK", "CONNSECMARK", "TRACE", "AUDIT",
}  # fmt: skip
_NO_CONDITIONS = (
    "--comment", "--log-", "--nflog-", "--set-", "--save-", "--restore-", "--reject-with", "--zone", "--notrack",
    "--clamp-", "--loose", "--validmark",
)  # fmt: skip
"""Options of targets and remarks."""
_LONG_NAMES = {
    "--source": "-s", "--destination": "-d", "--in-interface": "-i", "--out-interface": "-o", "--protocol": "-p",
    "--match": "-m", "--destination-port": "--dport", "--destination-ports": "--dports",
}  # fmt: skip
_MODULES_THAT_COUNT = {"limit", "recent", "hashlimit", "statistic", "set", "connlimit", "quota", "time"}
"""Whether they fit depends on what came before, or on lists that are not read."""


def judge_iptables(saved: str, packet: Packet) -> Judgement:
    """Return what the tables of ``iptables-save`` (``ip6tables-save`` for IPv6) do to ``packet``."""
    front_end = FrontEnd.IP6TABLES if packet.is_ipv6 else FrontEnd.IPTABLES
    tables = _parse(saved)
    bases = [
        _base(table, tables[table], chain, packet)
        for table, chain in _WAYS[packet.direction]
        if table in tables and chain in tables[table].policies
    ]
    return judge_chains(front_end, bases, packet, lambda base, end: _fix(front_end, base, end, packet))


def tables_of(saved: str) -> frozenset[str]:
    """Return the names of the tables that nftables would list too: those of the variant on top of it."""
    return frozenset(_parse(saved)) if "(nf_tables)" in saved else frozenset()


def _fix(front_end: FrontEnd, base: BaseChain, end: End, packet: Packet) -> str:
    side = "-s" if packet.direction is Direction.IN else "-d"
    table = "" if base.place == "filter" else f"-t {base.place} "
    how = f"-p {packet.protocol} {side} {packet.peer} --dport {packet.port} -j ACCEPT"
    return f"{front_end} {table}-I {end.chain} {how}"


@dataclass(slots=True)
class _Table:
    policies: dict[str, str] = field(default_factory=dict)
    rules: dict[str, list[str]] = field(default_factory=dict)


def _parse(saved: str) -> dict[str, _Table]:
    tables: dict[str, _Table] = {}
    current = _Table()
    for line in saved.splitlines():
        if line.startswith("*"):
            current = tables.setdefault(line[1:].strip(), _Table())
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            current.policies[name] = policy
        elif line.startswith("-A "):
            current.rules.setdefault(line.split()[1], []).append(line)
    return tables


def _base(name: str, table: _Table, chain: str, packet: Packet) -> BaseChain:
    def steps(wanted: str) -> Iterator[Step]:
        for line in table.rules.get(wanted, ()):
            yield _step(line, table, packet)

    policy = _ENDS.get(table.policies[chain], Action.ACCEPT)
    return BaseChain(name=chain, policy=policy, place=name, steps=steps)


def _step(line: str, table: _Table, packet: Packet) -> Step:
    try:
        options = list(_options(shlex.split(line)[2:]))
    except ValueError:
        return Step(matches=None, action=Action.UNSURE, text=line)
    rule = _Rule(packet, dict((name, values) for _, name, values in options))
    held: bool | None = True
    target = None
    for is_not, name, values in options:
        if name in {"-j", "-g", "--jump", "--goto"}:
            target = (name, values[0] if values else "")
            continue
        found = rule.holds(name, values)
        if found is not None and is_not:
            found = not found
        if found is False:
            return Step(matches=False, text=line)
        held = held and found
    return _with_target(held, target, table, line)


def _with_target(held: bool | None, target: tuple[str, str] | None, table: _Table, line: str) -> Step:
    if target is None or target[1] in _GOES_ON:
        return Step(matches=held, text=line)
    name = target[1]
    if name in _ENDS:
        return Step(matches=held, action=_ENDS[name], text=line)
    if name == "RETURN":
        return Step(matches=held, is_final=True, text=line)
    if name in table.policies:
        return Step(matches=held, jump=name, is_final=target[0] in {"-g", "--goto"}, text=line)
    return Step(matches=held, action=Action.UNSURE, text=line)  # DNAT, REDIRECT, NFQUEUE, and what nobody knows


def _options(words: list[str]) -> Iterator[tuple[bool, str, list[str]]]:
    """Yield each option with whether it is negated and the words that belong to it."""
    is_not, name, values = False, "", []  # type: bool, str, list[str]
    next_is_not = False
    for word in words:
        if word == "!":
            next_is_not = True
        elif word.startswith("-") and not word[1:2].isdigit():
            if name:
                yield is_not, name, values
            is_not, name, values, next_is_not = next_is_not, word, [], False
        else:
            values.append(word)
    if name:
        yield is_not, name, values


class _Rule:
    """The conditions of one rule, each asked about a packet; ``None``: not understood."""

    def __init__(self, packet: Packet, options: Mapping[str, list[str]]) -> None:
        self._packet = packet
        self._options = options

    def holds(self, name: str, values: list[str]) -> bool | None:
        """Return whether one condition holds, its negation aside."""
        value = values[0] if values else ""
        name = _LONG_NAMES.get(name, name)
        if name in {"-s", "-d", "--src-range", "--dst-range"}:
            address = self._packet.source if name in {"-s", "--src-range"} else self._packet.target
            return (
                _in_range(address, value)
                if name.endswith("range")
                else any_holds(in_network(address, one) for one in value.split(","))
            )
        if name in {"-i", "-o"}:
            is_seen = (name == "-i") is (self._packet.direction is Direction.IN)
            return self._interface(value) if is_seen else False
        if name in {"--dport", "--dports"}:
            return _in_ports(self._packet.port, value)
        return self._state(name, values, value)

    def _state(self, name: str, values: list[str], value: str) -> bool | None:
        protocol = self._packet.protocol
        match name:
            case "-m":
                return None if value in _MODULES_THAT_COUNT else True
            case "-p":
                return value in {"all", str(protocol), {Protocol.TCP: "6", Protocol.UDP: "17"}[protocol]}
            case "--ctstate" | "--state":
                return "NEW" in value.split(",")
            case "--ctstatus" | "--rt-type":  # translated or source-routed: ours are neither
                return False
            case "--dst-type":
                return value == "LOCAL" if self._packet.direction is Direction.IN else None
            case "--pkt-type":
                return value == "unicast"
            case "--syn":
                return protocol is Protocol.TCP
            case "--tcp-flags":
                return _flags(values)
            case "--invert" if self._options.get("-m") == ["rpfilter"] and self._packet.interface is not None:
                return False  # the way back leads over the interface that we took: it was found by looking for it
        return True if name.startswith(_NO_CONDITIONS) else None

    def _interface(self, value: str) -> bool | None:
        name = self._packet.interface
        if name is None:
            return None
        return name.startswith(value[:-1]) if value.endswith("+") else name == value


def _in_ports(port: int, text: str) -> bool | None:
    for one in text.split(","):
        first, colon, last = one.partition(":")
        low, high = first or "0", (last or "65535") if colon else first
        if not low.isdecimal() or not high.isdecimal():
            return None
        if int(low) <= port <= int(high):
            return True
    return False


def _in_range(address: ipaddress.IPv4Address | ipaddress.IPv6Address, text: str) -> bool | None:
    try:
        first, last = (ipaddress.ip_address(one) for one in text.split("-"))
    except ValueError:
        return None
    return first.version == address.version and int(first) <= int(address) <= int(last)


def _flags(values: list[str]) -> bool | None:
    if len(values) != 2:
        return None
    mask, wanted = (set() if one == "NONE" else set(one.split(",")) for one in values)
    return {"SYN"} & mask == wanted
