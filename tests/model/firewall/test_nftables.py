from __future__ import annotations

import json
from typing import Any

import pytest

from sync_core.model.firewall.judgement import Action
from sync_core.model.firewall.nftables import judge_nftables, opening_rule
from sync_core.model.firewall.packet import Direction
from sync_core.model.probe import Protocol
from tests.support.firewalls import a_chain, a_packet, a_rule, a_ruleset

DROP, ACCEPT = {"drop": None}, {"accept": None}


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def payload(protocol: str, field: str) -> dict[str, Any]:
    return {"payload": {"protocol": protocol, "field": field}}


def meta(key: str) -> dict[str, Any]:
    return {"meta": {"key": key}}


def ct(key: str) -> dict[str, Any]:
    return {"ct": {"key": key}}


DPORT, SADDR = payload("udp", "dport"), payload("ip", "saddr")

CONDITIONS: list[tuple[dict[str, Any], bool | None]] = [
    (match(DPORT, 5000), True),
    (match(DPORT, 5001), False),
    (match(DPORT, 5000, "!="), False),
    (match(DPORT, {"range": [4000, 6000]}), True),
    (match(DPORT, {"range": [1, 2]}), False),
    (match(DPORT, {"set": [22, 5000]}), True),
    (match(DPORT, {"set": [22, {"range": [4999, 5001]}]}), True),
    (match(DPORT, {"set": [22, 23]}), False),
    (match(DPORT, {"set": 5000}), True),
    (match(DPORT, {"set": [{"elem": {"val": 5000, "timeout": 9}}]}), True),
    (match(DPORT, {"set": [{"elem": "?"}]}), None),
    (match(DPORT, "http"), None),
    (match(DPORT, "@ports"), True),
    (match(DPORT, "@others"), False),
    (match(DPORT, "@nowhere"), None),
    (match(DPORT, 4999, ">"), True),
    (match(DPORT, 5000, "<"), False),
    (match(DPORT, 5000, "<="), True),
    (match(DPORT, 5001, ">="), False),
    (match(DPORT, "x", ">"), None),
    (match(DPORT, 1, "~"), None),
    (match(payload("tcp", "dport"), 5000), False),
    (match(payload("tcp", "dport"), 5000, "!="), False),
    (match(payload("th", "dport"), 5000), True),
    (match(payload("udp", "sport"), 5000), None),
    (match(payload("icmp", "type"), "echo-request"), False),
    (match(payload("ether", "saddr"), "02:00:00:00:00:01"), None),
    (match({"payload": {"base": "nh", "offset": 0, "len": 8}}, 0), None),
    (match(SADDR, "10.9.0.1"), True),
    (match(SADDR, "10.9.0.9"), False),
    (match(SADDR, {"prefix": {"addr": "10.9.0.0", "len": 24}}), True),
    (match(SADDR, {"range": ["10.9.0.0", "10.9.0.5"]}), True),
    (match(SADDR, {"range": ["10.9.0.2", "10.9.0.5"]}), False),
    (match(SADDR, "nonsense"), None),
    (match(SADDR, 7), None),
    (match(SADDR, "*"), True),
    (match(payload("ip", "daddr"), "10.9.0.2"), True),
    (match(payload("ip", "protocol"), "udp"), True),
    (match(payload("ip", "protocol"), 17), True),
    (match(payload("ip", "protocol"), 6), False),
    (match(payload("ip", "ttl"), 64), None),
    (match(payload("ip6", "saddr"), "fd00::1"), False),
    (match(meta("l4proto"), {"set": ["tcp", "udp"]}), True),
    (match(meta("l4proto"), "tcp"), False),
    (match(meta("nfproto"), "ipv4"), True),
    (match(meta("nfproto"), 2), None),
    (match(meta("protocol"), "ip6"), False),
    (match(meta("pkttype"), "broadcast"), False),
    (match(meta("iifname"), "eth0"), True),
    (match(meta("iifname"), "eth*"), True),
    (match(meta("iifname"), "lo"), False),
    (match(meta("oifname"), "eth0"), False),
    (match(meta("oifname"), "eth0", "!="), False),
    (match(meta("mark"), 7), None),
    (match(ct("state"), ["established", "related"], "in"), False),
    (match(ct("state"), ["established", "new"], "in"), True),
    (match(ct("state"), "invalid"), False),
    (match(ct("state"), {"set": ["new", "untracked"]}), True),
    (match(ct("state"), 7), None),
    (match(ct("status"), "dnat"), False),
    (match(ct("direction"), "original"), True),
    (match(ct("mark"), 1), None),
    (match({"fib": {"result": "type", "flags": "daddr"}}, "local"), True),
    (match({"fib": {"result": "type", "flags": ["daddr"]}}, "broadcast"), False),
    (match({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, False), False),
    (match({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, 7), None),
    (match({"fib": {"result": "oif", "flags": 7}}, False), None),
    (match({"concat": [SADDR, DPORT]}, {"concat": ["10.9.0.1", 5000]}), True),
    (match({"concat": [SADDR, DPORT]}, {"set": [{"concat": ["10.9.0.1", 1]}]}), False),
    (match({"concat": [SADDR, DPORT]}, {"concat": ["10.9.0.1"]}), None),
    (match({"concat": [SADDR, DPORT]}, {"concat": ["?", 5000]}), None),
    (match({"concat": [SADDR, payload("tcp", "dport")]}, {"concat": ["10.9.0.1", 1]}), False),
    (match({"concat": [SADDR, meta("mark")]}, {"concat": ["10.9.0.1", 1]}), None),
    (match({"&": [meta("mark"), 7]}, 1), None),
    (match({"new": {"key": 1}}, 1), None),
    (match({"payload": 1}, 1), None),
    (match("word", 1), None),
    ({"limit": {"rate": 5, "per": "second"}}, None),
    ({"xt": {"type": "match", "name": "string"}}, None),
    ({"counter": {"packets": 0, "bytes": 0}}, True),
    ({"log": None}, True),
]
SETS = (
    {"set": {"family": "inet", "table": "filter", "name": "ports", "type": "inet_service", "elem": [22, 5000]}},
    {"set": {"family": "inet", "table": "filter", "name": "others", "type": "inet_service"}},
)
ACTIONS = {True: Action.DROP, False: Action.ACCEPT, None: Action.UNSURE}


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS, ids=lambda value: json.dumps(value)[:70])
def test_conditions(condition: dict[str, Any], holds: bool | None) -> None:
    ruleset = a_ruleset(*SETS, a_chain(), a_rule(condition, DROP))
    assert judge_nftables(ruleset, a_packet()).action is ACTIONS[holds]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (match(payload("tcp", "flags"), "syn"), True),
        (match({"&": [payload("tcp", "flags"), ["fin", "syn", "rst", "ack"]]}, "syn"), True),
        (match({"&": [payload("tcp", "flags"), ["fin", "rst"]]}, ["fin", "rst"]), False),
        (match({"&": [payload("tcp", "flags"), "syn"]}, "syn"), True),
        (match({"&": [payload("tcp", "flags"), 7]}, "syn"), None),
    ],
)
def test_flags_of_a_connection_attempt(condition: dict[str, Any], holds: bool | None) -> None:
    ruleset = a_ruleset(a_chain(), a_rule(condition, DROP))
    assert judge_nftables(ruleset, a_packet(Protocol.TCP)).action is ACTIONS[holds]


def test_ipv6_has_its_own_conditions() -> None:
    ruleset = a_ruleset(a_chain(), a_rule(match(payload("ip6", "saddr"), "fd00:9::1"), DROP))
    assert judge_nftables(ruleset, a_packet(is_ipv6=True)).action is Action.DROP
    assert judge_nftables(
        a_ruleset(a_chain(), a_rule(match(SADDR, "10.9.0.1"), DROP)), a_packet(is_ipv6=True)
    ).action is (Action.ACCEPT)


@pytest.mark.parametrize("condition", [match(meta("iifname"), "lo"), match(meta("iif"), "lo")])
def test_an_interface_that_is_not_known_leaves_it_open(condition: dict[str, Any]) -> None:
    ruleset = a_ruleset(a_chain(), a_rule(condition, DROP))
    assert judge_nftables(ruleset, a_packet(interface=None)).action is Action.UNSURE


DNAT = {"dnat": {"addr": "10.0.0.1"}}
JUMP = {"jump": {"target": "x"}}
MAP = {"map": {"family": "inet", "table": "filter", "name": "m", "elem": [[5000, {"goto": {"target": "x"}}]]}}
VMAP = {"vmap": {"key": DPORT, "data": {"set": [[22, {"accept": None}], [5000, {"drop": None}]]}}}


@pytest.mark.parametrize(
    ("entries", "action"),
    [
        ((a_chain(), a_rule(VMAP)), Action.DROP),
        ((a_chain(), a_rule({"vmap": {"key": DPORT, "data": {"set": [[22, DROP]]}}})), Action.ACCEPT),
        ((a_chain(), a_rule({"vmap": {"key": meta("mark"), "data": {"set": [[22, DROP]]}}})), Action.UNSURE),
        (
            (
                MAP,
                a_chain(),
                a_chain("x", hook=None),
                a_rule({"vmap": {"key": DPORT, "data": "@m"}}),
                a_rule(DROP, chain="x"),
            ),
            Action.DROP,
        ),
        ((a_chain(), a_chain("x", hook=None), a_rule(JUMP), a_rule(DROP, chain="x")), Action.DROP),
        ((a_chain(), a_chain("x", hook=None), a_rule(JUMP), a_rule(DROP)), Action.DROP),
        ((a_chain(), a_rule({"return": None}), a_rule(DROP)), Action.ACCEPT),
        ((a_chain(), a_rule({"continue": None}), a_rule(DROP)), Action.DROP),
        ((a_chain(), a_rule({"reject": {"type": "tcp reset"}})), Action.REJECT),
        ((a_chain(policy="drop"),), Action.DROP),
        ((a_chain(policy="drop", hook="forward"),), Action.ACCEPT),
        ((a_chain(policy="drop", hook="output"),), Action.ACCEPT),
        ((a_chain(policy="drop", hook="prerouting", prio=-300),), Action.DROP),
        ((a_chain(policy="drop", hook="prerouting", family="ip6"),), Action.ACCEPT),
        ((a_chain(policy="drop", hook="ingress", family="netdev", dev="eth0"),), Action.DROP),
        ((a_chain(policy="drop", hook="ingress", family="netdev", dev="eth1"),), Action.ACCEPT),
        ((a_chain(prio=0), a_chain("late", prio=10, policy="drop"), a_rule(ACCEPT)), Action.DROP),
        ((a_chain(hook="prerouting", type="nat"), a_rule(match(DPORT, 5000), DNAT)), Action.UNSURE),
        ((a_chain(hook="prerouting", type="nat"), a_rule(match(DPORT, 80), DNAT)), Action.ACCEPT),
    ],
)  # fmt: skip
def test_chains(entries: tuple[dict[str, Any], ...], action: Action) -> None:
    assert judge_nftables(a_ruleset(*entries), a_packet()).action is action


def test_tables_that_another_reader_answers_for_are_left_out() -> None:
    ruleset = a_ruleset(a_chain(policy="drop"))
    assert judge_nftables(ruleset, a_packet(), ignored={("inet", "filter")}).action is Action.ACCEPT


def test_rules_have_the_words_of_the_listing() -> None:
    listing = (
        "table inet filter { # handle 1\n\tchain input { # handle 2\n"
        "\t\ttype filter hook input priority filter; policy accept;\n\t\tudp dport 5000 drop # handle 7\n\t}\n}\n"
    )
    found = judge_nftables(a_ruleset(a_chain(), a_rule(match(DPORT, 5000), DROP)), a_packet(), listing=listing)
    assert found.evidence == ("nft: inet filter input: `udp dport 5000 drop` drops it",)
    assert found.fix == "nft insert rule inet filter input ip saddr 10.9.0.1 udp dport 5000 accept"


def test_without_a_listing_they_have_their_handle() -> None:
    found = judge_nftables(a_ruleset(a_chain(), a_rule(DROP)), a_packet())
    assert found.evidence == ("nft: inet filter input: `rule with handle 7` drops it",)
    found = judge_nftables(a_ruleset(a_chain(), a_rule(DROP, handle=None)), a_packet())  # type: ignore[arg-type]
    assert found.evidence == ("nft: inet filter input: `a rule` drops it",)


@pytest.mark.parametrize(
    ("direction", "is_ipv6", "words"),
    [
        (Direction.IN, False, "ip saddr 10.9.0.1 udp dport 5000"),
        (Direction.OUT, False, "ip daddr 10.9.0.2 udp dport 5000"),
        (Direction.IN, True, "ip6 saddr fd00:9::1 udp dport 5000"),
    ],
)
def test_the_rule_that_opens(direction: Direction, is_ipv6: bool, words: str) -> None:
    assert opening_rule(a_packet(direction=direction, is_ipv6=is_ipv6)) == words


def test_of_a_source_the_way_out_is_asked_about() -> None:
    ruleset = a_ruleset(a_chain("output", hook="output"), a_rule(match(meta("oifname"), "eth0"), DROP, chain="output"))
    found = judge_nftables(ruleset, a_packet(direction=Direction.OUT))
    assert found.fix == "nft insert rule inet filter output ip daddr 10.9.0.2 udp dport 5000 accept"
    fib = match({"fib": {"result": "type", "flags": "daddr"}}, "local")
    ruleset = a_ruleset(a_chain("output", hook="output"), a_rule(fib, DROP, chain="output"))
    assert judge_nftables(ruleset, a_packet(direction=Direction.OUT)).action is Action.UNSURE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"nftables": [7]}',
        '{"nftables": [{}]}',
        '{"nftables": [{"chain": {"family": "inet"}}]}',
        '{"nftables": [{"chain": {"family": "inet", "table": "t", "name": "c", "policy": "?"}}]}',
        a_ruleset(a_chain(), a_rule("word")),
        a_ruleset(a_chain(), a_rule({"vmap": {}})),
        a_ruleset(a_chain(), a_rule({"vmap": {"key": DPORT, "data": "@none"}}, {"match": 7})),
        "[" * 100_000,
    ],
)
def test_a_form_that_nobody_knows_is_told(text: str) -> None:
    found = judge_nftables(text, a_packet())
    assert found.action is Action.UNSURE
    assert found.evidence == ("nft: its list of rules has a form that is not understood",)
