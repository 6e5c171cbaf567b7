"""The rules that an inventory needs on a host, written for each front-end; nothing here applies them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sync_core.model.firewall.firewalld import opening_rich_rule
from sync_core.model.firewall.nftables import opening_rule
from sync_core.model.firewall.packet import Direction, Packet
from sync_core.model.firewall.ufw import opening_command
from sync_core.model.probe import Protocol, Purpose
from sync_core.model.required_ports import PortCheck
from sync_core.model.security import IpAddress

__all__ = ["Format", "Machine", "Way", "machines_of", "rules_text"]

_NEIGHBOURS = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert"
_NEIGHBOUR_TYPES = (133, 134, 135, 136)
_REMARKS = (
    "# Nothing else gets in by these rules. Add what the host needs besides, before you load them: SSH, for example.",
)
_NO_WAYS = "# no other host of the inventory needs to get in"


class Format(StrEnum):
    """For which front-end."""

    NFT = "nft"
    IPTABLES = "iptables"
    FIREWALLD = "firewalld"
    UFW = "ufw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way that must be open on a host.

    Attributes:
        source: who comes.
        source_host: its name.
        target: the host's own address, of the same family.
        protocol: of the port.
        port: where to.
        purpose: why.
    """

    source: IpAddress
    source_host: str
    target: IpAddress
    protocol: Protocol
    port: int
    purpose: Purpose

    @property
    def packet(self) -> Packet:
        """Its first packet."""
        return Packet(
            direction=Direction.IN, protocol=self.protocol, port=self.port, source=self.source, target=self.target
        )

    @property
    def remark(self) -> str:
        """A word for whoever reads the rule; safe to stand between quotes anywhere."""
        return re.sub(r"[^\w.:\[\]-]", "?", self.source_host, flags=re.ASCII)[:60] + f" {self.purpose}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What one machine needs: hosts of the inventory that share an address share a firewall."""

    hosts: tuple[str, ...]
    addresses: tuple[IpAddress, ...]
    ways: tuple[Way, ...]


def machines_of(
    wanted: Iterable[str], checks: Iterable[PortCheck], addresses: Mapping[str, tuple[IpAddress, ...]]
) -> tuple[Machine, ...]:
    """Return the machines of the hosts ``wanted``; others of the inventory that stand on them count too.

    ``checks`` and ``addresses`` are those of the whole inventory.
    """
    found: list[Machine] = []
    for name in wanted:
        if any(name in machine.hosts for machine in found):
            continue
        hosts = tuple(one for one, own in addresses.items() if one == name or set(own) & set(addresses[name]))
        own = tuple(dict.fromkeys(address for one in hosts for address in addresses[one]))
        found.append(Machine(hosts=hosts, addresses=own, ways=_ways(hosts, own, checks, addresses)))
    return tuple(found)


def _ways(
    hosts: tuple[str, ...],
    own: tuple[IpAddress, ...],
    checks: Iterable[PortCheck],
    addresses: Mapping[str, tuple[IpAddress, ...]],
) -> tuple[Way, ...]:
    """Return the ways to ``hosts``, those inside the machine left out."""
    found: dict[tuple[IpAddress, Protocol, int], Way] = {}
    for check in checks:
        if check.target.name not in hosts:
            continue
        for source in addresses.get(check.source.name, ()):
            target = next((one for one in own if one.version == source.version), None)
            if target is None or source.is_loopback or source in own:
                continue
            way = Way(
                source=source,
                source_host=check.source.name,
                target=target,
                protocol=check.protocol,
                port=check.port,
                purpose=check.purpose,
            )
            found.setdefault((source, check.protocol, check.port), way)
    return tuple(found.values())


def rules_text(kind: Format, machine: Machine) -> str:
    """Return the rules of one machine, to read or to load there; each line is ended."""
    names = re.sub(r"[^ -~]", "?", ", ".join(machine.hosts))
    head = f"# {names} ({', '.join(map(str, machine.addresses))})"
    writers = {Format.NFT: _nft, Format.IPTABLES: _iptables, Format.FIREWALLD: _firewalld, Format.UFW: _ufw}
    return "".join(f"{line}\n" for line in (head, *writers[kind](machine.ways)))


def _nft(ways: tuple[Way, ...]) -> list[str]:
    rules = [f'{opening_rule(way.packet)} accept comment "{way.remark}"' for way in ways]
    return [
        *_REMARKS,
        "table inet jsync",
        "delete table inet jsync",
        "table inet jsync {",
        "\tchain input {",
        "\t\ttype filter hook input priority 0; policy drop;",
        "\t\tct state established,related accept",
        '\t\tiif "lo" accept',
        f"\t\ticmpv6 type {{ {_NEIGHBOURS} }} accept",
        *(f"\t\t{rule}" for rule in rules),
        "\t}",
        "}",
    ]


def _iptables(ways: tuple[Way, ...]) -> list[str]:
    lines = list(_REMARKS)
    for tool, version in (("iptables", 4), ("ip6tables", 6)):
        lines += [
            f"{tool} -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            f"{tool} -A INPUT -i lo -j ACCEPT",
        ]
        if version == 6:
            lines += [f"{tool} -A INPUT -p ipv6-icmp --icmpv6-type {kind} -j ACCEPT" for kind in _NEIGHBOUR_TYPES]
        lines += [
            f"{tool} -A INPUT -p {way.protocol} -s {way.source} --dport {way.port}"
            f" -m comment --comment {shlex.quote(way.remark)} -j ACCEPT"
            for way in ways
            if way.source.version == version
        ]
        lines.append(f"{tool} -P INPUT DROP")  # last: until then nobody is cut off
    return lines


def _firewalld(ways: tuple[Way, ...]) -> list[str]:
    lines = [
        f"firewall-cmd --permanent --add-rich-rule={shlex.quote(opening_rich_rule(way.packet))}  # {way.remark}"
        for way in ways
    ]
    return [*lines, "firewall-cmd --reload"] if lines else [_NO_WAYS]


def _ufw(ways: tuple[Way, ...]) -> list[str]:
    return [f"{opening_command(way.packet)} comment {shlex.quote(way.remark)}" for way in ways] or [_NO_WAYS]
