"""All the firewall front-ends of one host, put together (``ports.md``).

What nftables and iptables hold is what the kernel does; firewalld and ufw write such rules and know a better word for
the cause and the cure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync_core.model.firewall.firewalld import judge_firewalld
from sync_core.model.firewall.iptables import judge_iptables, tables_of
from sync_core.model.firewall.judgement import Action, FrontEnd, Judgement, printable
from sync_core.model.firewall.nftables import judge_nftables
from sync_core.model.firewall.packet import Packet
from sync_core.model.firewall.ufw import judge_ufw

__all__ = ["Reading", "ToolOutput", "read_firewalls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutput:
    """What one command on a host printed: its exit code (``None``: it did not end), and the first line of errors."""

    code: int | None
    out: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the rules of a host do to one packet, as far as they could be read.

    Attributes:
        action: of all front-ends together; ``UNSURE`` where nobody can tell.
        evidence: the rules that matter, and what could not be read.
        fix: the command that lets the packet through.
    """

    action: Action
    evidence: tuple[str, ...]
    fix: str | None = None


def read_firewalls(tools: Mapping[str, ToolOutput], packet: Packet) -> Reading:
    """Return what the rules do to ``packet``; ``tools``: what ``net.far_side.firewalls`` collects, by name."""
    silent = [_unread(name, tools[name]) for name in _tools_for(packet) if name in tools and tools[name].code != 0]
    judgements = _judgements({name: tool for name, tool in tools.items() if tool.code == 0}, packet)
    blocks = [one for one in judgements if one.action.is_block]
    kernel = [one for one in judgements if one.front_end not in {FrontEnd.FIREWALLD, FrontEnd.UFW}]
    if blocks:
        words = tuple(word for one in blocks for word in one.evidence)
        is_certain = any(one in blocks for one in kernel) or not kernel
        action = blocks[-1].action if is_certain else Action.UNSURE
        return Reading(action=action, evidence=(*words, *silent), fix=blocks[-1].fix)
    doubts = tuple(word for one in judgements if one.action is Action.UNSURE for word in one.evidence)
    if doubts or silent or not kernel:
        nothing = () if judgements or silent else ("no tool to read firewall rules with is installed there",)
        return Reading(action=Action.UNSURE, evidence=(*doubts, *silent, *nothing))
    remarks = tuple(word for one in judgements for word in one.evidence[1:])
    return Reading(action=Action.ACCEPT, evidence=remarks)


def _tools_for(packet: Packet) -> tuple[str, ...]:
    name = "ip6tables" if packet.is_ipv6 else "iptables"
    return ("nft-json", name, f"{name}-legacy", "firewalld", "ufw")


def _unread(name: str, tool: ToolOutput) -> str:
    name = "nft" if name == "nft-json" else name
    return printable(f"{name}: its rules could not be read: {tool.error or f'exit code {tool.code}'}")


def _judgements(tools: Mapping[str, ToolOutput], packet: Packet) -> list[Judgement]:
    """Return what each front-end says: the kernel's own first, the better words later."""
    found: list[Judgement | None] = []
    name = "ip6tables" if packet.is_ipv6 else "iptables"
    if "nft-json" in tools:
        listing = tools["nft"].out if "nft" in tools else ""
        ignored = {
            (family, table)
            for family, saved in (("ip", "iptables"), ("ip6", "ip6tables"))
            if saved in tools
            for table in tables_of(tools[saved].out)
        }
        found.append(judge_nftables(tools["nft-json"].out, packet, listing=listing, ignored=ignored))
    found += [judge_iptables(tools[one].out, packet) for one in (name, f"{name}-legacy") if one in tools]
    if "firewalld" in tools:
        found.append(
            judge_firewalld(
                tools["firewalld"].out,
                packet,
                default_zone=_out(tools, "firewalld-default"),
                services=_out(tools, "firewalld-services"),
                permanent=tools["firewalld-permanent"].out if "firewalld-permanent" in tools else None,
            )
        )
    if "ufw" in tools:
        found.append(judge_ufw(tools["ufw"].out, packet))
    return [one for one in found if one is not None]


def _out(tools: Mapping[str, ToolOutput], name: str) -> str:
    return tools[name].out if name in tools else ""
