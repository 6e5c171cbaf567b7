"""Which interface leads to an address, and whether anybody answers for it on the wire."""

import ipaddress
import os
import socket
import struct
from typing import List, Optional, Tuple

from sync_core.net.far_side import sockets

__all__ = ["interface_to", "is_neighbour_missing"]


def interface_to(address: str) -> Optional[str]:
    """Return the interface that packets to ``address`` leave by; ``None``: there is no route, or nobody knows."""
    if address in sockets.own_addresses() or ipaddress.ip_address(address).is_loopback:
        return "lo"
    routes = _routes_v6(address) if ":" in address else _routes_v4(address)
    return max(routes)[-1] if routes else None


def is_neighbour_missing(address: str) -> bool:
    """Whether the kernel asked for ``address`` on the local wire and nobody answered; IPv4 only."""
    for line in _lines("arp")[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[0] == address:
            return not int(fields[2], 16) & 2
    return False


def _lines(name: str) -> List[str]:
    try:
        with open(os.path.join(sockets.PROC, "net", name), encoding="latin-1") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _routes_v4(address: str) -> List[Tuple[int, int, str]]:
    wanted = struct.unpack("=I", socket.inet_aton(address))[0]
    found = []
    for line in _lines("route")[1:]:
        fields = line.split()
        mask = int(fields[7], 16)
        if int(fields[3], 16) & 1 and wanted & mask == int(fields[1], 16):
            found.append((bin(mask).count("1"), -int(fields[6]), fields[0]))
    return found


def _routes_v6(address: str) -> List[Tuple[int, int, str]]:
    wanted = int(ipaddress.IPv6Address(address))
    found = []
    for line in _lines("ipv6_route"):
        fields = line.split()
        length = int(fields[1], 16)
        shift = 128 - length
        if fields[-1] != "lo" and wanted >> shift == int(fields[0], 16) >> shift:
            found.append((length, -int(fields[5], 16), fields[-1]))
    return found
