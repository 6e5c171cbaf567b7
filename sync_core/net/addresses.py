"""The addresses of this machine, and which of them a connection should come from."""

from __future__ import annotations

import ipaddress
import socket

from sync_core.model.security import IpAddress, parse_ip

__all__ = ["LOOPBACK", "LOOPBACK4", "choose_source", "endpoint", "ip_of", "is_this_machine", "own_addresses"]

LOOPBACK4: IpAddress = ipaddress.IPv4Address("127.0.0.1")
LOOPBACK: frozenset[IpAddress] = frozenset({LOOPBACK4, ipaddress.IPv6Address("::1")})


def own_addresses() -> frozenset[IpAddress]:
    """Return the addresses of all interfaces, and ``127.0.0.1`` and ``::1`` in any case (not the rest of 127/8)."""
    import psutil  # noqa: PLC0415 - it takes a while, and a site on one machine may need none of it

    found = (
        parse_ip(entry.address)
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in {socket.AF_INET, socket.AF_INET6}
    )
    return LOOPBACK | {address for address in found if address is not None}


def is_this_machine(address: IpAddress) -> bool:
    """Whether ``address`` leads to this machine; all of 127/8 does."""
    return address.is_loopback or address in own_addresses()


def choose_source(listen: str | None, target: IpAddress) -> IpAddress | None:
    """Return the source address for connections to ``target``; ``None`` leaves it to the system.

    An agent that listens on one address also speaks from it, so that its peers recognise it. That can only work
    within a family, and not between loopback and the rest.

    Args:
        listen: the inventory's ``listen`` of the host that connects.
        target: where to.
    """
    address = parse_ip(listen) if listen else None
    if address is None or address.is_unspecified:
        return None
    if address.version != target.version or address.is_loopback != target.is_loopback:
        return None
    return address


def ip_of(text: str) -> IpAddress:
    """Return an address that the system wrote, IPv4 where it is IPv4 in the clothes of IPv6.

    Raises:
        ValueError: it is none.
    """
    address = parse_ip(text)
    if address is None:
        raise ValueError(f"{text!r} is not an address")
    return address


def endpoint(address: IpAddress, port: int) -> str:
    """Return ``address`` and ``port`` as logs write them: ``10.0.0.7:4440``, ``[fd00::7]:4440``."""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
