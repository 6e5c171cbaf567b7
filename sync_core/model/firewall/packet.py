"""The packet that a firewall is asked about: the first one of a conversation that we need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sync_core.model.probe import Protocol
from sync_core.model.security import IpAddress

__all__ = ["Direction", "Packet"]


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
