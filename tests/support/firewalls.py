"""Packets and rule sets for tests of the firewall readers."""

from __future__ import annotations

import json
from typing import Any

from sync_core.model.firewall.packet import Direction, Packet
from sync_core.model.firewall.reader import ToolOutput
from sync_core.model.probe import Protocol
from tests.support.net import ip

__all__ = ["a_chain", "a_packet", "a_rule", "a_ruleset", "printed"]


def a_packet(
    protocol: Protocol = Protocol.UDP,
    port: int = 5000,
    *,
    direction: Direction = Direction.IN,
    is_ipv6: bool = False,
    interface: str | None = "eth0",
) -> Packet:
    """Return a packet between 10.9.0.1 and 10.9.0.2, which is the target."""
    source, target = ("fd00:9::1", "fd00:9::2") if is_ipv6 else ("10.9.0.1", "10.9.0.2")
    return Packet(
        direction=direction, protocol=protocol, port=port, source=ip(source), target=ip(target), interface=interface
    )


def a_chain(name: str = "input", **changes: Any) -> dict[str, Any]:
    """Return a base chain of the table ``inet filter``; ``hook=None`` makes it an ordinary one."""
    values = {"family": "inet", "table": "filter", "name": name, "hook": "input", "prio": 0, "policy": "accept"}
    return {"chain": {key: value for key, value in {**values, **changes}.items() if value is not None}}


def a_rule(*expressions: Any, chain: str = "input", handle: int = 7, **changes: Any) -> dict[str, Any]:
    """Return a rule of the table ``inet filter``."""
    values = {"family": "inet", "table": "filter", "chain": chain, "handle": handle, "expr": list(expressions)}
    return {"rule": {**values, **changes}}


def a_ruleset(*entries: dict[str, Any]) -> str:
    """Return what ``nft -j list ruleset`` would print."""
    head = {"metainfo": {"version": "1.0.6", "json_schema_version": 1}}
    return json.dumps({"nftables": [head, {"table": {"family": "inet", "name": "filter", "handle": 1}}, *entries]})


def printed(out: str = "", *, code: int | None = 0, error: str = "") -> ToolOutput:
    """Return what a command printed."""
    return ToolOutput(code=code, out=out, error=error)
