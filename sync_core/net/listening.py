"""The sockets that an agent listens on: one for each family, or one for a given address."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket

from sync_core.model.errors import HostError, PortInUseError, UnreachableError
from sync_core.model.probe import Listener, Protocol
from sync_core.model.security import IpAddress, parse_ip
from sync_core.net.addresses import endpoint
from sync_core.net.listeners import find_listeners, socket_family, socket_kind

__all__ = ["BACKLOG", "bind"]

BACKLOG = 1024
"""Connections that may wait to be accepted: after a restart of a master all its slaves come at once."""

_ALL_INTERFACES: tuple[IpAddress, ...] = (ipaddress.IPv4Address(0), ipaddress.IPv6Address(0))
_NO_SUCH_FAMILY = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}
_TRIES = 20


def bind(protocol: Protocol, listen: str | None, port: int) -> tuple[socket.socket, ...]:
    """Return non-blocking sockets bound to ``port``, TCP ones listening; the caller closes them.

    Args:
        protocol: which kind.
        listen: an address or a name; ``None`` = all interfaces, IPv4 and (where the system has it) IPv6.
        port: ``0`` lets the system choose; both families then get the same number.

    Raises:
        PortInUseError: somebody else has it; the error names who, if that can be known.
        UnreachableError: ``listen`` is a name that nobody knows.
        HostError: the address is not this machine's, or we have no right to that port.
    """
    addresses = _ALL_INTERFACES if listen is None else _addresses_of(listen)
    for _ in range(_TRIES - 1 if port == 0 else 0):
        try:
            return _bind_all(protocol, addresses, port)
        except PortInUseError:
            continue  # the port that IPv4 was given is taken in IPv6: the next one may be free in both
    return _bind_all(protocol, addresses, port)


def _addresses_of(listen: str) -> tuple[IpAddress, ...]:
    literal = parse_ip(listen)
    if literal is not None:
        return (literal,)
    try:
        found = socket.getaddrinfo(listen, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise UnreachableError(f"cannot resolve {listen!r}, the address to listen on") from error
    return tuple(dict.fromkeys(ip for ip in (parse_ip(str(entry[4][0])) for entry in found) if ip is not None))


def _bind_all(protocol: Protocol, addresses: tuple[IpAddress, ...], port: int) -> tuple[socket.socket, ...]:
    bound: list[socket.socket] = []
    try:
        for address in addresses:
            try:
                bound.append(_bind_one(protocol, address, port))
            except OSError as error:
                if bound and address.is_unspecified and error.errno in _NO_SUCH_FAMILY:
                    continue  # a machine without IPv6
                raise _explain(error, protocol, address, port) from error
            port = bound[0].getsockname()[1]
    except BaseException:
        for one in bound:
            one.close()
        raise
    return tuple(bound)


def _bind_one(protocol: Protocol, address: IpAddress, port: int) -> socket.socket:
    sock = socket.socket(socket_family(address), socket_kind(protocol))
    try:
        sock.setblocking(False)
        if address.version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol is Protocol.TCP:  # on UDP it would let two agents share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((str(address), port))
        if protocol is Protocol.TCP:
            sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _explain(error: OSError, protocol: Protocol, address: IpAddress, port: int) -> HostError:
    what = f"{protocol.upper()} port {port}"
    match error.errno:
        case errno.EADDRINUSE:
            holders = [one for one in find_listeners(protocol, port) if _is_in_the_way(one, address)]
            who = f" by {holders[0]}" if holders else ""
            return PortInUseError(f"{what} is in use{who}", hint="stop that process, or give the host another port")
        case errno.EADDRNOTAVAIL:
            return HostError(f"cannot listen on {address}: no such address here", hint="correct `listen` of the host")
        case errno.EACCES | errno.EPERM:
            return HostError(f"no right to listen on {what}", hint="take a port above 1023, or run as root")
        case _:
            reason = os.strerror(error.errno) if error.errno else str(error)
            return HostError(f"cannot listen on {protocol.upper()} {endpoint(address, port)}: {reason}")


def _is_in_the_way(listener: Listener, address: IpAddress) -> bool:
    if listener.address.is_unspecified or address.is_unspecified:
        return True
    return listener.address == address
