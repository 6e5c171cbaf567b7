"""Where a host is: on this machine, elsewhere, or only a pair of ports."""

from __future__ import annotations

import socket

from sync_core.model.errors import NotBuiltError
from sync_core.model.inventory import Connection, Host
from sync_core.model.security import parse_ip
from sync_core.net.addresses import is_this_machine

__all__ = ["connection_of", "require_local"]


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


def require_local(host: Host) -> None:
    """Return if the host is this machine.

    Raises:
        NotBuiltError: it is elsewhere, and working there by SSH is not built yet.
    """
    if connection_of(host) is not Connection.LOCAL:
        raise NotBuiltError(
            f"{host.name} ({host.address}) is not this machine, and working there by SSH is not built yet",
            hint=f"run the command on {host.address} itself, or set `connection: local` if that is this machine",
            host=host.name,
        )
