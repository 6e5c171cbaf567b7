"""firewalld and ufw, where the recorded outputs have no example."""

from __future__ import annotations

import pytest

from sync_core.model.firewall.firewalld import judge_firewalld, opening_rich_rule
from sync_core.model.firewall.judgement import Action
from sync_core.model.firewall.packet import Direction
from sync_core.model.firewall.ufw import judge_ufw
from sync_core.model.probe import Protocol
from tests.support.firewalls import a_packet


def zone(*rules: str, name: str = "public", **values: str) -> str:
    lines = [name, *(f"  {key.replace('_', '-')}: {value}" for key, value in values.items()), "  rich rules: "]
    return "\n".join([*lines, *(f"\t{rule}" for rule in rules)]) + "\n\n"


def firewalld(text: str, services: str = "") -> Action:
    found = judge_firewalld(text, a_packet(), default_zone="public", services=services)
    assert found is not None
    return found.action


@pytest.mark.parametrize(
    ("text", "action"),
    [
        (zone(target="default"), Action.REJECT),
        (zone(target="%%REJECT%%"), Action.REJECT),
        (zone(target="DROP"), Action.DROP),
        (zone(target="ACCEPT"), Action.ACCEPT),
        (zone(target="default", ports="4000-6000/udp"), Action.ACCEPT),
        (zone(target="default", ports="5000/tcp what"), Action.REJECT),
        (zone(target="default", services="jsync"), Action.ACCEPT),
        (zone(target="default", services="unknown"), Action.REJECT),
        (zone('rule family="ipv4" accept', target="default"), Action.ACCEPT),
        (zone('rule family="ipv6" accept', target="default"), Action.REJECT),
        (zone('rule service name="jsync" accept', target="default"), Action.ACCEPT),
        (zone('rule service name="other" accept', target="default"), Action.REJECT),
        (zone('rule service name="unknown" accept', target="default"), Action.UNSURE),
        (zone('rule source ipset="bad" drop', target="default"), Action.UNSURE),
        (zone('rule port port="5000" protocol="udp" accept limit value="1/m"', target="default"), Action.UNSURE),
        (zone('rule protocol value="gre" accept', target="default"), Action.REJECT),
        (zone('rule family="ipv4" log', target="ACCEPT"), Action.ACCEPT),
        (zone("rule accept", "rule drop", target="default"), Action.DROP),
        (zone("rule drop", 'rule priority="-1" accept', target="default"), Action.ACCEPT),
        (zone(target="ACCEPT") + zone(name="own", target="DROP", sources="10.9.0.0/24"), Action.DROP),
        (zone(target="ACCEPT") + zone(name="own", target="DROP", sources="02:00:00:00:00:01"), Action.ACCEPT),
        (zone(target="ACCEPT") + zone(name="own", target="DROP", interfaces="eth0"), Action.DROP),
        (zone(name="other", target="DROP"), Action.UNSURE),
        ("", Action.UNSURE),
        ("  stray: line\n", Action.UNSURE),
    ],
)
def test_zones(text: str, action: Action) -> None:
    assert firewalld(text, "jsync 4440/tcp 5000/udp\nother 1/tcp\n\n") is action


def test_the_rich_rule_that_opens() -> None:
    assert opening_rich_rule(a_packet(is_ipv6=True)) == (
        'rule family="ipv6" source address="fd00:9::1" port port="5000" protocol="udp" accept'
    )


def ufw(*rules: str, default: str = "deny (incoming), allow (outgoing), disabled (routed)") -> str:
    head = ["Status: active", "Logging: on (low)", f"Default: {default}", "", "To   Action  From", "--   ------  ----"]
    return "\n".join([*head, *rules]) + "\n"


@pytest.mark.parametrize(
    ("text", "action"),
    [
        (ufw(), Action.DROP),
        (ufw(default="reject (incoming), allow (outgoing)"), Action.REJECT),
        (ufw(default="allow (incoming), allow (outgoing)"), Action.ACCEPT),
        (ufw(default="what (incoming)"), Action.UNSURE),
        ("Status: active\n", Action.UNSURE),
        (ufw("5000      ALLOW IN    Anywhere"), Action.ACCEPT),
        (ufw("http      ALLOW IN    Anywhere"), Action.UNSURE),
        (ufw("5000/udp (v6)      ALLOW IN    Anywhere (v6)"), Action.DROP),
        (ufw("5000/udp on eth1      ALLOW IN    Anywhere"), Action.DROP),
        (ufw("5000/udp on eth0      ALLOW IN    Anywhere"), Action.ACCEPT),
        (ufw("5000/udp      ALLOW OUT   Anywhere"), Action.DROP),
        (ufw("5000/udp      ALLOW IN    10.9.0.1/99"), Action.UNSURE),
    ],
)
def test_rules_of_ufw(text: str, action: Action) -> None:
    found = judge_ufw(text, a_packet())
    assert found is not None
    assert found.action is action


def test_an_inactive_ufw_says_nothing() -> None:
    assert judge_ufw("Status: inactive\n", a_packet()) is None


def test_an_interface_that_is_not_known_leaves_it_open() -> None:
    found = judge_ufw(ufw("5000/udp on eth1      ALLOW IN    Anywhere"), a_packet(interface=None))
    assert found is not None
    assert found.action is Action.UNSURE


def test_zones_don_t_judge_what_leaves() -> None:
    assert judge_firewalld(zone(target="DROP"), a_packet(Protocol.TCP, direction=Direction.OUT)) is None
