"""What hosts must not share: folders that one of them would wreck for the other. And what deserves a warning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from sync_core.inventory.problems import Place, Problems, shown
from sync_core.model.inventory import Connection, Host, Setting
from sync_core.model.security import parse_ip

__all__ = ["check_folders", "warnings"]

_Machine: TypeAlias = tuple[str, int | None]
_Folders: TypeAlias = dict[Path, list[Host]]

_HERE: _Machine = ("this machine", None)


def check_folders(hosts: Sequence[Host], settings: Mapping[str, Mapping[str, Setting]], problems: Problems) -> None:
    """Note caches that lie in each other or in a remote folder, or the reverse, on one machine.

    The same path on two machines is the normal case. Which hosts are on one machine is told from their addresses
    as written, nobody is asked. Two names of one slave (same address and port) may share their cache.

    Args:
        hosts: all of them.
        settings: their values, for the places.
        problems: gets the faults.
    """
    machines: dict[_Machine, list[Host]] = {}
    for host in hosts:
        for machine in _machines(host):
            machines.setdefault(machine, []).append(host)
    for together in machines.values():
        caches = _by_folder((host.cache, host) for host in together)
        remotes = _by_folder((host.remote, host) for host in together)
        faults = [*_shared(caches), *_nested(caches, caches), *_nested(caches, remotes), *_nested(remotes, caches)]
        for fault in faults:
            setting = settings[fault.host][fault.variable]
            place = Place(file=setting.file, line=setting.line, column=setting.column)
            problems.add(place, fault.message, fault.hint, topic=fault.hint)


def warnings(hosts: Iterable[Host], groups: Iterable[str]) -> tuple[str, ...]:
    """Return what is allowed but may be a mistake: hosts at one address and port, names used twice."""
    views: dict[tuple[str, int], list[Host]] = {}
    names = []
    for host in hosts:
        names.append(host.name)
        views.setdefault((_address(host), host.tcp_port), []).append(host)
    found = [
        f"{', '.join(shown(host.name) for host in together)} have the same address and port "
        f"({together[0].address}, {port}): they count as views of one machine"
        for (_, port), together in views.items()
        if len(together) > 1
    ]
    twice = set(names).intersection(groups)
    found += [
        f"{shown(name)} names a host and a group; in patterns it means the host, behind & or ! the group"
        for name in sorted(twice)
    ]
    return tuple(found)


def _machines(host: Host) -> set[_Machine]:
    found: set[_Machine] = {(_address(host), host.ssh.port)}
    ip = parse_ip(host.address)
    is_loopback = host.address.lower() == "localhost" if ip is None else ip.is_loopback
    by_ssh = host.connection is Connection.SSH or host.ssh.port is not None
    if host.connection is Connection.LOCAL or (is_loopback and not by_ssh):
        found.add(_HERE)
    return found


def _address(host: Host) -> str:
    ip = parse_ip(host.address)
    return host.address.lower().rstrip(".") if ip is None else str(ip)


def _by_folder(pairs: Iterable[tuple[Path | None, Host]]) -> _Folders:
    found: _Folders = {}
    for folder, host in pairs:
        if folder is not None:
            found.setdefault(folder, []).append(host)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """What is wrong with a folder of ``host``, in its ``variable``."""

    host: str
    variable: str
    message: str
    hint: str


def _shared(caches: _Folders) -> Iterator[_Fault]:
    for folder, slaves in caches.items():
        for first, second in pairwise(slaves):
            if (_address(first), first.tcp_port) != (_address(second), second.tcp_port):
                names = f"{shown(first.name)} and {shown(second.name)}"
                yield _Fault(
                    host=second.name,
                    variable="cache",
                    message=f"the slaves {names} share the cache {shown(str(folder))}",
                    hint="each slave has its own, such as caches/{name}",
                )


def _nested(folders: _Folders, others: _Folders) -> Iterator[_Fault]:
    """Yield those of ``folders`` that lie in one of ``others``, or are one of a different kind."""
    for folder, hosts in folders.items():
        host = hosts[0]
        variable = "remote" if host.is_master else "cache"
        above = folder.parents if folders is others else (folder, *folder.parents)
        for outer in above:
            # Equal folders of different kinds come up from both sides; once, at the cache, is enough.
            if outer in others and (outer != folder or variable == "cache"):
                other = others[outer][0]
                what = f"the {'remote folder' if other.is_master else 'cache'} of {shown(other.name)}"
                yield _Fault(
                    host=host.name,
                    variable=variable,
                    message=f"{shown(str(folder))} {'is also' if outer == folder else 'lies in'} {what}",
                    hint="no cache may lie in another folder of jsync, or hold one",
                )
