"""Whether the conditions of an nftables rule fit a packet (libnftables-json(5)); ``None``: not understood."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from sync_core.model.firewall.packet import Direction, Packet, all_hold, any_holds
from sync_core.model.probe import Protocol

__all__ = ["Sets", "contains", "is_known", "matches", "value_of"]

Sets = Mapping[str, Sequence[Any]]
"""The elements of named sets and maps, by name."""

_NUMBERS = {"tcp": 6, "udp": 17}
_CT = {"state": frozenset({"new"}), "direction": "original", "status": frozenset({"0"})}


class _Unknown:
    """A value that the packet does not tell."""


class _Absent:
    """A field that such a packet does not have; no condition about it holds."""


UNKNOWN = _Unknown()
ABSENT = _Absent()


def matches(condition: Mapping[str, Any], packet: Packet, sets: Sets) -> bool | None:
    """Return whether one ``match`` statement holds."""
    actual = value_of(condition.get("left"), packet)
    if isinstance(actual, _Absent):
        return False
    if isinstance(actual, _Unknown):
        return None
    operator = condition.get("op")
    found = contains(condition.get("right"), actual, sets)
    if operator in {"==", "in"}:
        return found
    if operator == "!=":
        return None if found is None else not found
    return _compared(operator, actual, condition.get("right"))


def is_known(actual: Any) -> bool:
    """Whether ``value_of`` found something."""
    return not isinstance(actual, _Unknown | _Absent)


def value_of(left: Any, packet: Packet) -> Any:
    """Return what the packet has where a rule looks: address, number, word, set of words, or a tuple of those."""
    if not isinstance(left, dict) or len(left) != 1:
        return UNKNOWN
    [(kind, what)] = left.items()
    if kind == "concat" and isinstance(what, list):
        return _all_of([value_of(one, packet) for one in what])
    if kind == "&" and isinstance(what, list) and len(what) == 2:
        flags, mask = value_of(what[0], packet), what[1]
        words = {mask} if isinstance(mask, str) else set(mask) if isinstance(mask, list) else None
        return flags & words if isinstance(flags, frozenset) and words is not None else UNKNOWN
    if not isinstance(what, dict):
        return UNKNOWN
    readers = {"payload": _payload, "meta": _meta, "ct": lambda w, _: _CT.get(w.get("key"), UNKNOWN), "fib": _fib}
    reader = readers.get(kind)
    return reader(what, packet) if reader else UNKNOWN


def contains(right: Any, actual: Any, sets: Sets) -> bool | None:
    """Return whether ``right`` (a value, a range, a set, the name of a set) is or holds ``actual``."""
    if isinstance(right, str) and right.startswith("@"):
        elements = sets.get(right[1:])
        return None if elements is None else any_holds(contains(one, actual, sets) for one in elements)
    if isinstance(right, dict) and "set" in right:
        elements = right["set"] if isinstance(right["set"], list) else [right["set"]]
        return any_holds(contains(one, actual, sets) for one in elements)
    if isinstance(right, dict) and "elem" in right:
        inner = right["elem"]
        return contains(inner.get("val"), actual, sets) if isinstance(inner, dict) else None
    if isinstance(actual, frozenset):
        words = set(right) if isinstance(right, list) else {right} if isinstance(right, str) else None
        return None if words is None else bool(words & actual)
    if isinstance(right, list):
        return any_holds(contains(one, actual, sets) for one in right)
    if isinstance(actual, tuple):
        return _contains_all(right, actual, sets)
    return _is_in(right, actual)


def _contains_all(right: Any, actual: tuple[Any, ...], sets: Sets) -> bool | None:
    parts = right.get("concat") if isinstance(right, dict) else None
    if not isinstance(parts, list) or len(parts) != len(actual):
        return None
    found = [contains(part, one, sets) for part, one in zip(parts, actual, strict=True)]
    return all_hold(found)


def _is_in(right: Any, actual: Any) -> bool | None:
    if right == "*":
        return True
    if isinstance(actual, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return _address_in(right, actual)
    if isinstance(right, dict) and "range" in right:
        first, last = right["range"]
        return first <= actual <= last if isinstance(actual, int) and isinstance(first, int) else None
    if isinstance(actual, str) and isinstance(right, str):
        return actual.startswith(right[:-1]) if right.endswith("*") else actual == right
    if isinstance(actual, str) and isinstance(right, int):
        return _NUMBERS.get(actual) == right if actual in _NUMBERS else None
    if isinstance(actual, bool) or isinstance(right, bool):
        return actual is right if isinstance(actual, bool) and isinstance(right, bool) else None
    return actual == right if isinstance(right, int) else None


def _address_in(right: Any, actual: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool | None:
    try:
        if isinstance(right, dict) and "prefix" in right:
            prefix = right["prefix"]
            return actual in ipaddress.ip_network(f"{prefix['addr']}/{prefix['len']}", strict=False)
        if isinstance(right, dict) and "range" in right:
            first, last = (ipaddress.ip_address(one) for one in right["range"])
            return first.version == actual.version and int(first) <= int(actual) <= int(last)
        return actual == ipaddress.ip_address(right) if isinstance(right, str) else None
    except (ValueError, LookupError, TypeError):
        return None


def _compared(operator: Any, actual: Any, right: Any) -> bool | None:
    if not isinstance(actual, int) or not isinstance(right, int):
        return None
    table = {"<": actual < right, ">": actual > right, "<=": actual <= right, ">=": actual >= right}
    return table.get(operator)


def _all_of(values: list[Any]) -> Any:
    if any(isinstance(value, _Absent) for value in values):
        return ABSENT
    return UNKNOWN if any(isinstance(value, _Unknown) for value in values) else tuple(values)


def _payload(what: Mapping[str, Any], packet: Packet) -> Any:
    protocol, field = what.get("protocol"), what.get("field")
    if protocol in {"ip", "ip6"}:
        if (protocol == "ip6") is not packet.is_ipv6:
            return ABSENT
        known = {"saddr": packet.source, "daddr": packet.target}
        return known.get(str(field), str(packet.protocol) if field in {"protocol", "nexthdr"} else UNKNOWN)
    if protocol in {"th", str(packet.protocol)}:
        if field == "dport":
            return packet.port
        is_syn = field == "flags" and packet.protocol is Protocol.TCP
        return frozenset({"syn"}) if is_syn else UNKNOWN
    # Other transports, and ARP and the like, are not our packet; raw bytes may be anything.
    return UNKNOWN if protocol is None or protocol == "ether" else ABSENT


def _meta(what: Mapping[str, Any], packet: Packet) -> Any:
    is_in = packet.direction is Direction.IN
    interface = packet.interface if packet.interface is not None else UNKNOWN
    known: dict[str, Any] = {
        "l4proto": str(packet.protocol),
        "nfproto": "ipv6" if packet.is_ipv6 else "ipv4",
        "protocol": "ip6" if packet.is_ipv6 else "ip",
        "pkttype": "host",
        "iifname": interface if is_in else ABSENT,
        "iif": interface if is_in else ABSENT,
        "oifname": ABSENT if is_in else interface,
        "oif": ABSENT if is_in else interface,
    }
    return known.get(str(what.get("key")), UNKNOWN)


def _fib(what: Mapping[str, Any], packet: Packet) -> Any:
    flags = what.get("flags")
    words = {flags} if isinstance(flags, str) else set(flags) if isinstance(flags, list) else set()
    if what.get("result") == "type" and "daddr" in words and packet.direction is Direction.IN:
        return "local"
    if what.get("result") == "oif" and "saddr" in words and packet.interface is not None:
        return True  # the way back leads over the interface that we took: it was found by looking for it
    return UNKNOWN
