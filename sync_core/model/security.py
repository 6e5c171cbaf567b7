"""Who may do what: ``allowed_hosts`` with the five levels of ``protocol.md`` section 10."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

__all__ = ["AllowedHost", "IpAddress", "Level", "Policy", "is_wide", "parse_ip"]

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_ANY = {4: ipaddress.ip_address("0.0.0.0"), 6: ipaddress.ip_address("::")}  # noqa: S104 - a key, nothing is bound


class Level(IntEnum):
    """What a peer may do, ascending; each level includes those below it."""

    NONE = 0
    SIGNAL = 1
    INFO = 2
    NO_ADD = 3
    ALL = 4

    @classmethod
    def parse(cls, text: str) -> Level:
        """Return the level that an inventory calls ``text`` (``no_add``); ``ValueError``: there is no such level."""
        try:
            return cls[text.upper()] if text == text.lower() else cls[""]
        except KeyError:
            raise ValueError(f"no such level: {text!r}") from None

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedHost:
    """One entry of ``allowed_hosts``: a name, an address or a network's address, and its level."""

    host: str
    level: Level


def parse_ip(text: str) -> IpAddress | None:
    """Return ``text`` as an address, IPv4-mapped IPv6 as IPv4 and without a zone; ``None`` if it is a name."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_wide(address: IpAddress) -> bool:
    """Whether a ``Policy`` takes ``address`` for more than one machine: everybody, or a class A, B or C network."""
    return address.is_unspecified or (isinstance(address, ipaddress.IPv4Address) and _class_network(address) == address)


@dataclass(frozen=True, slots=True)
class Policy:
    """The levels of all known addresses.

    Args:
        levels: by address; names must have been resolved. ``0.0.0.0`` and ``::`` stand for everybody else.
    """

    levels: Mapping[IpAddress, Level]

    def __init__(self, levels: Iterable[tuple[IpAddress, Level]] = ()) -> None:
        found: dict[IpAddress, Level] = {}
        for address, level in levels:
            found[address] = max(level, found.get(address, Level.NONE))
        object.__setattr__(self, "levels", MappingProxyType(found))

    def level_of(self, address: IpAddress) -> Level:
        """Return what ``address`` may do.

        The order is the original's: the address itself, else its class A, B or C network's address, else
        ``0.0.0.0``; an address that is its own network's address does not fall back to ``0.0.0.0``.
        """
        exact = self.levels.get(address)
        if exact is not None:
            return exact
        if isinstance(address, ipaddress.IPv4Address):
            network = _class_network(address)
            if network == address:
                return Level.NONE
            if network in self.levels:
                return self.levels[network]
        return self.levels.get(_ANY[address.version], Level.NONE)


def _class_network(address: ipaddress.IPv4Address) -> ipaddress.IPv4Address:
    first = address.packed[0]
    prefix = 24 if first >= 192 else 16 if first >= 128 else 8
    return ipaddress.ip_network((int(address), prefix), strict=False).network_address  # type: ignore[return-value]
