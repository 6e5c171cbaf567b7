"""Who waits on a port, and who talks on it, by the kernel's own tables (proc(5))."""

import errno
import os
import socket
import sys
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

__all__ = ["connections", "family_of", "is_held", "listeners", "numeric", "own_addresses"]

PROC = "/proc"
_LISTEN = "0A"
_TALKING = {"01", "02", "03", "04", "05", "08"}


def family_of(address: str) -> int:
    """Return the socket family of a literal address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def numeric(name: Tuple[Any, ...]) -> str:
    """Return the address of a socket's name as the controller writes it: no zone, IPv4 as IPv4."""
    text = str(name[0]).split("%")[0]
    return text[7:] if text.startswith("::ffff:") and "." in text else text


def listeners(protocol: str, port: int) -> List[Dict[str, Any]]:
    """Return the sockets that wait on ``port``: address, process, whether that is an agent of jsync, and what waits.

    What waits are connections that the process has not taken, or bytes that it has not read.
    """
    found = {}
    for entry in _entries(protocol):
        waits = entry.state == _LISTEN if protocol == "tcp" else entry.remote[1] == 0
        if entry.local[1] == port and waits:
            found[entry.local[0], entry.inode] = entry
    holders = _holders({entry.inode for entry in found.values()})
    result: List[Dict[str, Any]] = []
    for address, inode in sorted(found):
        pid, waiting = holders.get(inode), found[address, inode].waiting
        result.append(
            {"address": address, "pid": pid, "name": _name(pid), "is_agent": _is_agent(pid), "waiting": waiting}
        )
    return result


def is_held(protocol: str, address: str, port: int) -> Optional[bool]:
    """Whether a socket is bound to this very address and port, wildcards included; ``None``: that can't be known.

    The kernel is asked by binding for a moment: unlike its tables it knows whether ``::`` takes IPv4 too. Nothing is
    listened on, so nobody outside can notice.
    """
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family_of(address), kind) as trial:
        if protocol == "tcp":  # connections that linger in TIME_WAIT are nobody's
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ":" in address:
            trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            trial.bind((address, port))
        except OSError as error:
            return True if error.errno == errno.EADDRINUSE else None
    return False


def connections(port: int) -> Set[Tuple[str, int]]:
    """Return the other ends of the TCP connections that go to our ``port``."""
    return {entry.remote for entry in _entries("tcp") if entry.local[1] == port and entry.state in _TALKING}


def own_addresses() -> List[str]:
    """Return this machine's addresses, loopback ones too."""
    return sorted(_own_v4() | _own_v6())


class _Entry:
    """One line of the kernel's table."""

    def __init__(self, fields: List[str]) -> None:
        self.local = _endpoint(fields[1])
        self.remote = _endpoint(fields[2])
        self.state = fields[3]
        self.waiting = int(fields[4].split(":")[1], 16)
        self.inode = fields[9]


def _entries(protocol: str) -> Iterator[_Entry]:
    for name in (protocol, protocol + "6"):
        for line in _lines("net/" + name)[1:]:
            fields = line.split()
            if len(fields) > 9:
                yield _Entry(fields)


def _lines(path: str) -> List[str]:
    try:
        with open(os.path.join(PROC, path), encoding="latin-1") as file:
            return file.read().splitlines()
    except OSError:
        return []  # a machine without IPv6 has no such table


def _endpoint(text: str) -> Tuple[str, int]:
    address, port = text.split(":")
    return _address(address), int(port, 16)


def _address(digits: str) -> str:
    """Return an address that the kernel wrote as words in its own byte order."""
    raw = bytes.fromhex(digits)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return numeric((socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw),))


def _holders(inodes: Set[str]) -> Dict[str, int]:
    """Return the process that has each socket open; those of other users are seen by root only."""
    wanted = {"socket:[{}]".format(inode): inode for inode in inodes}
    found: Dict[str, int] = {}
    for pid in os.listdir(PROC) if wanted else ():
        if not pid.isdigit():
            continue
        folder = os.path.join(PROC, pid, "fd")
        try:
            for name in os.listdir(folder):
                inode = wanted.get(os.readlink(os.path.join(folder, name)))
                if inode is not None:
                    found.setdefault(inode, int(pid))
        except OSError:
            continue  # not ours to see, or gone meanwhile
    return found


def _name(pid: Optional[int]) -> Optional[str]:
    lines = _lines("{}/comm".format(pid)) if pid else []
    return lines[0] if lines else None


def _is_agent(pid: Optional[int]) -> Optional[bool]:
    """Whether a process is ``jsync agent``; only the answer leaves the host, since arguments may hold secrets."""
    lines = _lines("{}/cmdline".format(pid)) if pid else []
    if not lines:
        return None
    words = lines[0].split("\0")
    is_ours = any(os.path.basename(word) == "jsync" for word in words[:4]) or "cli" in words[1:6]
    return is_ours and "agent" in words


def _own_v4() -> Set[str]:
    found = set()
    address = ""
    for line in _lines("net/fib_trie"):
        words = line.split()
        if words and words[0] == "|--":
            address = words[1]
        elif words[:3] == ["/32", "host", "LOCAL"]:
            found.add(address)
    return found


def _own_v6() -> Set[str]:
    lines = (line.split()[0] for line in _lines("net/if_inet6") if line.strip())
    return {socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits)) for digits in lines}
