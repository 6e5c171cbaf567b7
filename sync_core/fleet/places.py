"""Where a host is: on this machine, elsewhere, or only a pair of ports."""

from __future__ import annotations

import socket

from sync_core.model.inventory import Connection, Host
from sync_core.model.security import parse_ip
from sync_core.net.addresses import is_this_machine

__all__ = ["connection_of"]


def connection_of(host: Host) -> Connection:
    """Return how jsync works on the host: as declared, else by whether its address is this machine's.

    Asks the name service where the address is a name; one that nobody knows is not this machine's.
    """
    if host.connection is not None:
        return host.connection
    literal = parse_ip(host.address)
    if literal is not None:
        addresses = [literal]
    else:
        try:
            found = socket.getaddrinfo(host.address, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return Connection.SSH
        addresses = [ip for ip in (parse_ip(str(entry[4][0])) for entry in found) if ip is not None]
    return Connection.LOCAL if any(is_this_machine(ip) for ip in addresses) else Connection.SSH
