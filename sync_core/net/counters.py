"""Whether datagrams arrived at a socket of this machine that never answers, by the kernel's own counting."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from sync_core.model.security import IpAddress
from sync_core.net.probe import DATAGRAMS, probe_udp

__all__ = ["has_vanished"]

_PROC = Path("/proc/net")
_ROUNDS = 3
_ROUND_S = 0.8
"""On one machine a datagram that arrives at all arrives at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """What processes have read, and what waits for them or was thrown away for want of room."""

    read: int
    waiting_bytes: int
    dropped: int


async def has_vanished(
    address: IpAddress, port: int, *, source_ip: IpAddress | None = None, proc: Path = _PROC
) -> bool | None:
    """Whether probes to ``port`` get lost on the way. Other checks must rest meanwhile: they count too.

    The proof works one way only: what arrives is read (and counted), waits, or is dropped at the socket. Where none
    of this happened as often as we sent, packets vanished. Other traffic can hide that; so it is tried three times.

    Args:
        address: of this machine.
        port: held by something that is silent.
        source_ip: our address; ``None`` leaves it to the system.
        proc: the kernel's files.

    Returns:
        ``True`` if packets vanished; ``False`` if nothing speaks for that; ``None`` without such counters.
    """
    for _ in range(_ROUNDS):
        before = await asyncio.to_thread(_count, address, port, proc)
        await probe_udp(address, port, timeout_s=_ROUND_S, source_ip=source_ip)
        after = await asyncio.to_thread(_count, address, port, proc)
        if before is None or after is None:
            return None
        is_waiting = after.waiting_bytes > before.waiting_bytes or after.dropped > before.dropped
        if not is_waiting and after.read - before.read < DATAGRAMS:
            return True
    return False


def _count(address: IpAddress, port: int, proc: Path) -> _Counted | None:
    try:
        if address.version == 6:
            read = _read_counter_v6((proc / "snmp6").read_text())
            sockets = (proc / "udp6").read_text()
        else:
            read = _read_counter_v4((proc / "snmp").read_text())
            # A socket of IPv6 may take IPv4 too, and is then counted here.
            sockets = (proc / "udp").read_text() + _text_of(proc / "udp6")
        waiting_bytes, dropped = _read_sockets(sockets, port)
    except (OSError, ValueError, LookupError):
        return None
    return _Counted(read=read, waiting_bytes=waiting_bytes, dropped=dropped)


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _read_counter_v4(text: str) -> int:
    names, values = (line.split() for line in text.splitlines() if line.startswith("Udp:"))
    return int(values[names.index("InDatagrams")])


def _read_counter_v6(text: str) -> int:
    pairs = dict(line.split() for line in text.splitlines() if line.startswith("Udp6InDatagrams"))
    return int(pairs["Udp6InDatagrams"])


def _read_sockets(text: str, port: int) -> tuple[int, int]:
    """Return bytes that wait and datagrams dropped at the sockets of ``port``; lines as in proc(5)."""
    waiting_bytes = dropped = 0
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 12 and fields[1].endswith(f":{port:04X}"):
            waiting_bytes += int(fields[4].split(":")[1], 16)
            dropped += int(fields[-1])
    return waiting_bytes, dropped
