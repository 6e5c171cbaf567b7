"""The kernel's counting of datagrams, for sockets that never answer."""

import os
from typing import Any, Dict, List, Tuple

from sync_core.net.far_side import sockets

__all__ = ["count"]


def count(family: int, port: int) -> Dict[str, Any]:
    """Return what processes have read and sent, and what waits or was dropped at the sockets of ``port``.

    The first two are of the whole machine, the others of this port alone. An empty answer: it can't be known.
    """
    try:
        if family == 6:
            pairs = dict(line.split() for line in _text("snmp6").splitlines())
            read, sent = int(pairs["Udp6InDatagrams"]), int(pairs["Udp6OutDatagrams"])
            waiting, dropped = _sockets(port, ["udp6"])
        else:
            names, values = [line.split() for line in _text("snmp").splitlines() if line.startswith("Udp:")]
            read, sent = int(values[names.index("InDatagrams")]), int(values[names.index("OutDatagrams")])
            # A socket of IPv6 may take IPv4 too; what it reads is counted there all the same.
            waiting, dropped = _sockets(port, ["udp", "udp6"])
    except (OSError, ValueError, LookupError):
        return {}
    return {"read": read, "sent": sent, "waiting_bytes": waiting, "dropped": dropped}


def _text(name: str) -> str:
    with open(os.path.join(sockets.PROC, "net", name), encoding="latin-1") as file:
        return file.read()


def _sockets(port: int, names: List[str]) -> Tuple[int, int]:
    waiting = dropped = 0
    for name in names:
        try:
            lines = _text(name).splitlines()
        except OSError:
            continue  # a machine without IPv6
        for line in lines:
            fields = line.split()
            if len(fields) > 12 and fields[1].endswith(":{:04X}".format(port)):
                waiting += int(fields[4].split(":")[1], 16)
                dropped += int(fields[-1])
    return waiting, dropped
