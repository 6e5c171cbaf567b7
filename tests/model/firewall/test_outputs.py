"""Readers against what real tools printed: a front-end and the rules that it wrote must be read alike.

``outputs/`` holds the output of ufw 0.36 and firewalld 1.3 after a dozen rules, and of iptables-save and nft beside
them. Each pair describes one and the same kernel, so the two readers are witnesses against each other.
"""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import pytest

from sync_core.model.firewall.firewalld import judge_firewalld
from sync_core.model.firewall.iptables import judge_iptables
from sync_core.model.firewall.judgement import Action
from sync_core.model.firewall.nftables import judge_nftables
from sync_core.model.firewall.packet import Direction, Packet
from sync_core.model.firewall.ufw import judge_ufw
from sync_core.model.probe import Protocol
from tests.support.net import ip

SERVICES = "ssh 22/tcp\ndhcpv6-client 546/udp\nmdns 5353/udp\nsamba-client 138/udp\n"
PORTS = (22, 25, 80, 98, 443, 4440, 5000, 6000, 6005, 6008)
PEERS = ("10.9.0.1", "10.9.0.7", "10.9.0.8", "10.9.0.9", "192.168.1.1", "10.1.1.1", "fd00:9::3", "fd00:8::1")


@cache
def printed(name: str) -> str:
    return (Path(__file__).parent / "outputs" / name).read_text()


def packet(direction: Direction, protocol: Protocol, port: int, peer: str) -> Packet:
    other = ip(peer)
    own = ip("10.9.0.2" if other.version == 4 else "fd00:9::2")
    source, target = (other, own) if direction is Direction.IN else (own, other)
    return Packet(direction=direction, protocol=protocol, port=port, source=source, target=target, interface="eth0")


PACKETS = [packet(*one) for one in itertools.product(Direction, Protocol, PORTS, PEERS)]


def test_ufw_is_read_as_the_rules_that_it_wrote() -> None:
    for one in PACKETS:
        saved = printed("ufw-ip6tables-save.txt" if one.is_ipv6 else "ufw-iptables-save.txt")
        by_ufw, by_iptables = judge_ufw(printed("ufw-status.txt"), one), judge_iptables(saved, one)
        assert by_ufw is not None
        assert by_ufw.action is by_iptables.action, (one, by_ufw, by_iptables)


def test_firewalld_is_read_as_the_rules_that_it_wrote() -> None:
    for one in PACKETS:
        by_nft = judge_nftables(printed("firewalld-nft.json"), one, listing=printed("firewalld-nft.txt"))
        by_firewalld = judge_firewalld(printed("firewalld-zones.txt"), one, default_zone="public\n", services=SERVICES)
        if one.direction is Direction.OUT:
            assert (by_firewalld, by_nft.action) == (None, Action.ACCEPT)
        else:
            assert by_firewalld is not None
            assert by_firewalld.action is by_nft.action, (one, by_firewalld, by_nft)


@pytest.mark.parametrize(
    ("peer", "protocol", "port", "evidence", "fix"),
    [
        (
            "10.9.0.1",
            Protocol.TCP,
            5000,
            "firewalld: zone internal: target default, neither its ports nor its services let 5000/tcp in",
            'firewall-cmd --permanent --zone=internal --add-rich-rule=\'rule family="ipv4" source address="10.9.0.1"'
            ' port port="5000" protocol="tcp" accept\' && firewall-cmd --reload',
        ),
        (
            "10.9.0.7",
            Protocol.UDP,
            5000,
            'firewalld: zone internal: `rule family="ipv4" source address="10.9.0.7" reject` rejects it',
            'firewall-cmd --permanent --zone=internal --add-rich-rule=\'rule family="ipv4" source address="10.9.0.7"'
            ' port port="5000" protocol="udp" accept\' && firewall-cmd --reload',
        ),
        (
            "10.9.0.1",
            Protocol.UDP,
            5000,
            'firewalld: zone internal: `rule family="ipv4" source address="10.9.0.1" port port="5000" protocol="udp"'
            " accept` accepts it",
            None,
        ),
        ("10.9.0.1", Protocol.TCP, 22, "firewalld: zone internal: service ssh let 22/tcp in", None),
        (
            "192.168.1.1",
            Protocol.UDP,
            5000,
            "firewalld: zone drop: target DROP, neither its ports nor its services let 5000/udp in",
            'firewall-cmd --permanent --zone=drop --add-rich-rule=\'rule family="ipv4" source address="192.168.1.1"'
            ' port port="5000" protocol="udp" accept\' && firewall-cmd --reload',
        ),
    ],
)
def test_firewalld_tells_zone_and_rule(
    peer: str, protocol: Protocol, port: int, evidence: str, fix: str | None
) -> None:
    found = judge_firewalld(
        printed("firewalld-zones.txt"),
        packet(Direction.IN, protocol, port, peer),
        default_zone="public",
        services=SERVICES,
        permanent=printed("firewalld-permanent.txt"),
    )
    assert found is not None
    assert (found.evidence, found.fix) == ((evidence,), fix)


def test_firewalld_tells_what_a_reload_would_change() -> None:
    found = judge_firewalld(
        printed("firewalld-zones.txt"),
        packet(Direction.IN, Protocol.TCP, 6005, "10.9.0.1"),
        permanent=printed("firewalld-permanent.txt"),
    )
    assert found is not None
    assert found.action is Action.ACCEPT
    assert found.evidence[1] == "firewalld: after a reload it would be otherwise: permanent rules reject it"


@pytest.mark.parametrize(
    ("direction", "peer", "place", "evidence", "fix"),
    [
        (Direction.IN, "10.9.0.7", (Protocol.TCP, 4440), "ufw: `Anywhere DENY IN 10.9.0.7` drops it",
         "ufw insert 1 allow proto tcp from 10.9.0.7 to any port 4440"),
        (Direction.IN, "10.9.0.1", (Protocol.TCP, 6003), "ufw: `6000:6007/tcp REJECT IN Anywhere` rejects it",
         "ufw insert 1 allow proto tcp from 10.9.0.1 to any port 6003"),
        (Direction.IN, "10.9.0.1", (Protocol.TCP, 4440), "ufw: default deny (incoming), no rule fits tcp dport 4440",
         "ufw allow proto tcp from 10.9.0.1 to any port 4440"),
        (Direction.OUT, "10.9.0.9", (Protocol.TCP, 25), "ufw: `10.9.0.9 25/tcp DENY OUT Anywhere` drops it",
         "ufw insert 1 allow out proto tcp to 10.9.0.9 port 25"),
        (Direction.IN, "10.9.0.1", (Protocol.UDP, 5000), "ufw: `5000/udp ALLOW IN 10.0.0.0/8` accepts it", None),
        (Direction.IN, "10.9.0.1", (Protocol.TCP, 23),
         "ufw: not understood, and it may matter: `23/tcp LIMIT IN Anywhere`", None),
        (Direction.IN, "10.1.1.1", (Protocol.UDP, 98),
         "ufw: not understood, and it may matter: `98/udp ALLOW IN 10.1.1.1 99/udp`", None),
    ],
)  # fmt: skip
def test_ufw_tells_rule_and_cure(
    direction: Direction, peer: str, place: tuple[Protocol, int], evidence: str, fix: str | None
) -> None:
    found = judge_ufw(printed("ufw-status.txt"), packet(direction, *place, peer))
    assert found is not None
    assert (found.evidence, found.fix) == ((evidence,), fix)
