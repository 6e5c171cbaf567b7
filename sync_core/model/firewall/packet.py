"""The packet that a firewall is asked about: the first one of a conversation that we need."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sync_core.model.probe import Protocol
from sync_core.model.security import IpAddress

__all__ = ["Direction", "Packet", "all_hold", "any_holds", "in_network"]


class Direction(StrEnum):
    """Whether the packet comes to the host or leaves it."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A first packet: a TCP connection attempt, or a datagram.

    Attributes:
        direction: as the host sees it whose rules are read.
        protocol: of the port.
        port: where to.
        source: the sender as that host sees it.
        target: the receiver, likewise.
        interface: that it comes in or goes out by; ``None`` if that is not known.
    """

    direction: Direction
    protocol: Protocol
    port: int
    source: IpAddress
    target: IpAddress
    interface: str | None = None

    @property
    def is_ipv6(self) -> bool:
        """The family."""
        return self.target.version == 6

    @property
    def peer(self) -> IpAddress:
        """The other host's address."""
        return self.source if self.direction is Direction.IN else self.target

    @property
    def words(self) -> str:
        """The port as a firewall's rule would call it: ``udp dport 5000``."""
        return f"{self.protocol} dport {self.port}"


def in_network(address: IpAddress, text: str) -> bool | None:
    """Whether ``address`` is in a network as rules write it; ``None``: that is not understood."""
    try:
        return address in ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def any_holds(answers: Iterable[bool | None]) -> bool | None:
    """Whether one of several conditions holds; ``None``: it can't be told, as one is not understood."""
    found = set(answers)
    return True if True in found else None if None in found else False


def all_hold(answers: Iterable[bool | None]) -> bool | None:
    """Whether all of several conditions hold; ``None`` likewise."""
    found = set(answers)
    return False if False in found else None if None in found else True
