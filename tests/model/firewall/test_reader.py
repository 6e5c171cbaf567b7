from __future__ import annotations

import pytest

from sync_core.model.firewall.judgement import Action, printable
from sync_core.model.firewall.reader import Reading, ToolOutput, read_firewalls
from tests.support.firewalls import a_chain, a_packet, a_rule, a_ruleset, printed

FREE = printed(a_ruleset())
NFT_DROPS = printed(a_ruleset(a_chain(policy="drop")))
IPTABLES_DROPS = printed("# (nf_tables)\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n")
UFW_DENIES = printed("Status: active\nDefault: deny (incoming), allow (outgoing), disabled (routed)\n")
ZONE_REJECTS = printed("public\n  target: default\n")
POLICY = "nft: inet filter input: policy drop, no rule accepts udp dport 5000"


@pytest.mark.parametrize(
    ("tools", "action", "evidence", "fix"),
    [
        ({}, Action.UNSURE, ("no tool to read firewall rules with is installed there",), None),
        ({"nft-json": FREE}, Action.ACCEPT, (), None),
        (
            {"nft-json": NFT_DROPS},
            Action.DROP,
            (POLICY,),
            "nft add rule inet filter input ip saddr 10.9.0.1 udp dport 5000 accept",
        ),
        (
            {"nft-json": FREE, "iptables": IPTABLES_DROPS, "ufw": UFW_DENIES},
            Action.DROP,
            (
                "iptables: filter INPUT: policy drop, no rule accepts udp dport 5000",
                "ufw: default deny (incoming), no rule fits udp dport 5000",
            ),
            "ufw allow proto udp from 10.9.0.1 to any port 5000",
        ),
        (
            {"nft-json": NFT_DROPS, "firewalld": ZONE_REJECTS, "firewalld-default": printed("public")},
            Action.REJECT,
            (POLICY, "firewalld: zone public: target default, neither its ports nor its services let 5000/udp in"),
            'firewall-cmd --permanent --zone=public --add-rich-rule=\'rule family="ipv4" source address="10.9.0.1"'
            ' port port="5000" protocol="udp" accept\' && firewall-cmd --reload',
        ),
        (
            {"nft-json": FREE, "ufw": UFW_DENIES},
            Action.UNSURE,
            ("ufw: default deny (incoming), no rule fits udp dport 5000",),
            "ufw allow proto udp from 10.9.0.1 to any port 5000",
        ),
        (
            {"nft-json": printed(code=1, error="Operation not permitted")},
            Action.UNSURE,
            ("nft: its rules could not be read: Operation not permitted",),
            None,
        ),
        (
            {"nft-json": FREE, "iptables-legacy": printed(code=None)},
            Action.UNSURE,
            ("iptables-legacy: its rules could not be read: exit code None",),
            None,
        ),
        ({"nft-json": FREE, "ip6tables": printed(code=1)}, Action.ACCEPT, (), None),
        (
            {"nft-json": printed("?")},
            Action.UNSURE,
            ("nft: its list of rules has a form that is not understood",),
            None,
        ),
    ],
)
def test_front_ends_together(
    tools: dict[str, ToolOutput], action: Action, evidence: tuple[str, ...], fix: str | None
) -> None:
    assert read_firewalls(tools, a_packet()) == Reading(action=action, evidence=evidence, fix=fix)


def test_tables_that_iptables_manages_are_read_once() -> None:
    chain = a_chain("INPUT", family="ip", policy="drop")
    tools = {"nft-json": printed(a_ruleset(chain)), "iptables": IPTABLES_DROPS, "nft": printed()}
    assert read_firewalls(tools, a_packet()).evidence == (
        "iptables: filter INPUT: policy drop, no rule accepts udp dport 5000",
    )


def test_what_a_reload_would_change_is_told_though_nothing_is_in_the_way() -> None:
    tools = {
        "nft-json": printed(a_ruleset(a_chain(), a_rule({"accept": None}))),
        "firewalld": printed("public\n  target: ACCEPT\n"),
        "firewalld-permanent": ZONE_REJECTS,
        "firewalld-default": printed("public\n"),
        "firewalld-services": printed(),
    }
    reading = read_firewalls(tools, a_packet())
    assert reading.action is Action.ACCEPT
    assert reading.evidence == ("firewalld: after a reload it would be otherwise: permanent rules reject it",)


@pytest.mark.parametrize(("text", "safe"), [("a\n b\tc", "a b c"), ("\x1b[31m", "?[31m"), ("x" * 400, "x" * 299 + "…")])
def test_foreign_words_are_one_line_and_short(text: str, safe: str) -> None:
    assert printable(text) == safe
