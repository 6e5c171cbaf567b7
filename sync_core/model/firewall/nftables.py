"""nftables: ``nft -j list ruleset`` and what its rules do to a packet (nft(8), libnftables-json(5))."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync_core.model.firewall.judgement import Action, FrontEnd, Judgement
from sync_core.model.firewall.nft_match import Sets, contains, is_known, matches, value_of
from sync_core.model.firewall.packet import Direction, Packet
from sync_core.model.firewall.walk import BaseChain, End, Step, judge_chains

__all__ = ["judge_nftables", "opening_rule"]

Table = tuple[str, str]
"""Family and name."""

_HOOKS = {Direction.IN: ("ingress", "prerouting", "input"), Direction.OUT: ("output", "postrouting")}
_ENDS = {"accept": Action.ACCEPT, "drop": Action.DROP, "reject": Action.REJECT}
_ELSEWHERE = {"dnat", "redirect", "tproxy", "queue", "fwd", "dup", "synproxy"}
_HARMLESS = {
    "counter", "log", "mangle", "notrack", "masquerade", "snat", "comment", "flow", "set", "map", "ct helper",
    "ct timeout", "ct expectation", "secmark",
}  # fmt: skip
"""Statements that change something about the packet and nothing about its fate."""


def judge_nftables(
    ruleset: str, packet: Packet, *, listing: str = "", ignored: Collection[Table] = frozenset()
) -> Judgement:
    """Return what the ruleset does to ``packet``.

    Args:
        ruleset: the output of ``nft -j list ruleset``.
        packet: the one that is asked about.
        listing: that of ``nft -a list ruleset``, for the words of the rules.
        ignored: tables that another reader answers for.
    """
    try:
        rules = _Ruleset(json.loads(ruleset), _texts(listing), packet, ignored)
        return judge_chains(FrontEnd.NFT, rules.bases(), packet, lambda base, end: _fix(base, end, packet))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        words = ("nft: its list of rules has a form that is not understood",)
        return Judgement(front_end=FrontEnd.NFT, action=Action.UNSURE, evidence=words)


def opening_rule(packet: Packet) -> str:
    """Return the conditions of a rule that accepts exactly such packets: ``ip saddr 10.9.0.1 udp dport 5000``."""
    family = "ip6" if packet.is_ipv6 else "ip"
    side = "saddr" if packet.direction is Direction.IN else "daddr"
    return f"{family} {side} {packet.peer} {packet.protocol} dport {packet.port}"


def _fix(base: BaseChain, end: End, packet: Packet) -> str:
    # In front of a rule that blocks; where only the policy does, at the end.
    verb = "add" if end.rule is None else "insert"
    return f"nft {verb} rule {base.place} {end.chain} {opening_rule(packet)} accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chain:
    table: Table
    name: str
    hook: str | None
    priority: int
    policy: Action
    device: str | None


class _Ruleset:
    def __init__(
        self, document: Any, texts: Mapping[tuple[str, str, int], str], packet: Packet, ignored: Collection[Table]
    ) -> None:
        self._packet = packet
        self._texts = texts
        self._chains: list[_Chain] = []
        self._rules: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
        self._sets: dict[Table, dict[str, list[Any]]] = {}
        for entry in document["nftables"]:
            [(kind, what)] = entry.items()
            if kind == "metainfo" or _table(what, kind) in ignored:
                continue
            if kind == "chain":
                self._chains.append(_chain(what))
            elif kind == "rule":
                self._rules.setdefault((what["family"], what["table"], what["chain"]), []).append(what)
            elif kind in {"set", "map"}:
                self._sets.setdefault((what["family"], what["table"]), {})[what["name"]] = _listed(what.get("elem", []))

    def bases(self) -> Iterator[BaseChain]:
        """Yield the base chains that the packet meets, in the kernel's order."""
        families = {"inet", "ip6" if self._packet.is_ipv6 else "ip", "netdev"}
        for hook in _HOOKS[self._packet.direction]:
            met = [one for one in self._chains if one.hook == hook and one.table[0] in families and self._meets(one)]
            for chain in sorted(met, key=lambda one: one.priority):
                yield self._base(chain)

    def _meets(self, chain: _Chain) -> bool:
        return chain.device is None or chain.device == self._packet.interface

    def _base(self, chain: _Chain) -> BaseChain:
        def steps(name: str) -> Iterator[Step]:
            for rule in self._rules.get((*chain.table, name), ()):
                yield self._step(rule, chain.table)

        return BaseChain(name=chain.name, policy=chain.policy, place=" ".join(chain.table), steps=steps)

    def _step(self, rule: Mapping[str, Any], table: Table) -> Step:
        handle = rule.get("handle")
        text = self._texts.get((*table, handle), f"rule with handle {handle}") if isinstance(handle, int) else "a rule"
        held: bool | None = True
        for expression in rule.get("expr", []):
            [(kind, what)] = expression.items()
            found: bool | None
            ending = self._ending(kind, what, table)
            if ending is not None:
                return Step(
                    matches=None if held is True and ending.matches is None else held,
                    action=ending.action,
                    jump=ending.jump,
                    is_final=ending.is_final,
                    text=text,
                )
            found = matches(what, self._packet, self._sets_of(table)) if kind == "match" else _other(kind)
            if found is False:
                return Step(matches=False, text=text)
            held = held and found
        return Step(matches=held, text=text)

    def _ending(self, kind: str, what: Any, table: Table) -> Step | None:
        """Return how a rule with this statement goes on; ``None`` if the statement leaves that open."""
        if kind in _ENDS:
            return Step(matches=True, action=_ENDS[kind])
        if kind in {"jump", "goto"}:
            return Step(matches=True, jump=what["target"], is_final=kind == "goto")
        if kind == "return":
            return Step(matches=True, is_final=True)
        if kind in _ELSEWHERE:
            return Step(matches=True, action=Action.UNSURE)
        return self._mapped(what, table) if kind == "vmap" else None

    def _mapped(self, what: Mapping[str, Any], table: Table) -> Step | None:
        """Return what a verdict map says; ``None`` where it has nothing for this packet."""
        actual = value_of(what["key"], self._packet)
        sets = self._sets_of(table)
        data = what["data"]
        pairs = sets.get(data[1:], ()) if isinstance(data, str) else data["set"]
        for key, verdict in pairs:
            found = contains(key, actual, sets) if is_known(actual) else None
            if found is None:
                return Step(matches=None, action=Action.UNSURE)
            if found:
                [(kind, target)] = verdict.items()
                return self._ending(kind, target, table)
        return None

    def _sets_of(self, table: Table) -> Sets:
        return self._sets.get(table, {})


def _other(kind: str) -> bool | None:
    """Return whether a statement lets the rule go on; ``None`` where that depends on what we don't see."""
    return True if kind in _HARMLESS else None


def _table(what: Mapping[str, Any], kind: str) -> Table:
    return (what["family"], what["name"] if kind == "table" else what.get("table", ""))


def _chain(what: Mapping[str, Any]) -> _Chain:
    device = what.get("dev")
    return _Chain(
        table=(what["family"], what["table"]),
        name=what["name"],
        hook=what.get("hook"),
        priority=int(what.get("prio", 0)),
        policy=_ENDS[what.get("policy", "accept")],
        device=device if isinstance(device, str) else None,
    )


def _listed(elements: Any) -> list[Any]:
    return elements if isinstance(elements, list) else [elements]


def _texts(listing: str) -> dict[tuple[str, str, int], str]:
    """Return the words of each rule by family, table and handle, from ``nft -a list ruleset``."""
    found: dict[tuple[str, str, int], str] = {}
    family = table = ""
    for line in listing.splitlines():
        head = re.match(r"table (\w+) (\S+) {", line)
        rule = re.match(r"\t\t(.*\S)\s+# handle (\d+)$", line)
        if head:
            family, table = head.groups()
        elif rule:
            found[family, table, int(rule[2])] = rule[1]
    return found
