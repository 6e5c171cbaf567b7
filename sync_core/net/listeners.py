"""What listens on a port of this machine."""

from __future__ import annotations

import errno
import socket

import psutil

from sync_core.model.probe import Listener, Protocol
from sync_core.model.security import IpAddress, parse_ip

__all__ = ["find_listeners", "is_held", "socket_family", "socket_kind"]


def socket_family(address: IpAddress) -> socket.AddressFamily:
    """Return the socket family of ``address``."""
    return socket.AF_INET6 if address.version == 6 else socket.AF_INET


def socket_kind(protocol: Protocol) -> socket.SocketKind:
    """Return the socket type that speaks ``protocol``."""
    return socket.SOCK_STREAM if protocol is Protocol.TCP else socket.SOCK_DGRAM


def find_listeners(protocol: Protocol, port: int) -> tuple[Listener, ...]:
    """Return the sockets that wait on ``port``, sorted by address; a look at the whole process table, so not for loops.

    Addresses are seen by everybody, processes of other users only by root.
    """
    found = set()
    for entry in psutil.net_connections(kind=protocol.value):
        if not entry.laddr or entry.laddr.port != port:
            continue
        waits = entry.status == psutil.CONN_LISTEN if protocol is Protocol.TCP else not entry.raddr
        address = parse_ip(entry.laddr.ip)
        if waits and address is not None:
            found.add(Listener(address=address, pid=entry.pid, process_name=_name_of(entry.pid)))
    return tuple(sorted(found, key=lambda one: (one.address.version, int(one.address), one.pid or 0)))


def is_held(protocol: Protocol, address: IpAddress, port: int) -> bool | None:
    """Whether a socket is bound to this very address and port, wildcards included; ``None`` if that can't be known.

    The kernel is asked by binding for a moment: unlike the list of sockets it knows whether ``::`` takes IPv4 too.
    Nothing is listened on, so nobody outside can notice.
    """
    with socket.socket(socket_family(address), socket_kind(protocol)) as trial:
        if protocol is Protocol.TCP:  # connections that linger in TIME_WAIT are nobody's
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((str(address), port))
        except OSError as error:
            return True if error.errno == errno.EADDRINUSE else None
    return False


def _name_of(pid: int | None) -> str | None:
    if pid is None:
        return None
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return None
