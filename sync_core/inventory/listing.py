"""An inventory shown again: as Ansible's document, as a graph, and one host with the origin of its values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from sync_core.inventory.problems import closest, shown
from sync_core.inventory.variables import ONLY_FOR, is_passed_on
from sync_core.model.errors import UsageError
from sync_core.model.inventory import Host, Inventory

__all__ = ["MAX_GRAPH_LINES", "HostValue", "describe", "dump", "graph"]

MAX_GRAPH_LINES = 200_000
"""A group is drawn below each of its parents, so a hostile file could ask for more lines than there are atoms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostValue:
    """One value of a host as it counts, and where it comes from.

    Attributes:
        variable: its canonical name.
        value: JSON-ready; paths are absolute, ``None`` where the host has none.
        origin: the group's or host's name, or ``default``.
        file: the file that sets it; ``None`` for defaults.
        line: 1-based; ``None`` for defaults.
    """

    variable: str
    value: object
    origin: str
    file: str | None
    line: int | None


def dump(inventory: Inventory) -> dict[str, object]:
    """Return the document of ``ansible-inventory --list``.

    Groups hold ``hosts`` and ``children`` where they have any; ``_meta.hostvars`` has the values that somebody
    set, inherited ones included, under the names and as they were written, but for placeholders: what was meant for
    Ansible too, it finds. ``load`` makes the same hosts of it again, if it lies in the folder of the first source.
    """
    document: dict[str, object] = {}
    for group in inventory.groups.values():
        parts = {"hosts": () if group.name == "all" else group.hosts, "children": group.children}
        shape = {key: list(names) for key, names in parts.items() if names}
        if shape:
            document[group.name] = shape
    values = {
        name: {setting.written_as: setting.value for setting in settings.values()}
        for name, settings in inventory.settings.items()
        if settings
    }
    document["_meta"] = {"hostvars": values}
    return document


def graph(inventory: Inventory) -> str:
    """Return the text of ``ansible-inventory --graph``, without a final line break."""
    lines = list(islice(_branches(inventory), MAX_GRAPH_LINES + 1))
    if len(lines) > MAX_GRAPH_LINES:
        lines[-1] = "…"
    return "\n".join(lines)


def _branches(inventory: Inventory) -> Iterator[str]:
    waiting = [("@all:", "all", 0)]
    while waiting:
        label, name, depth = waiting.pop()
        yield "  |" * depth + ("--" if depth else "") + label
        if label != name:
            group = inventory.groups[name]
            hosts = () if name == "all" else group.hosts
            below = [(f"@{child}:", child, depth + 1) for child in group.children]
            below += [(host, host, depth + 1) for host in hosts]
            waiting.extend(reversed(below))


def describe(inventory: Inventory, name: str) -> tuple[HostValue, ...]:
    """Return every value that counts for the host ``name``, defaults included, with its origin.

    Raises:
        UsageError: there is no such host.
    """
    host = inventory.hosts.get(name)
    if host is None:
        hint = closest(name, inventory.hosts) or "`jsync inventory --graph` shows the hosts"
        raise UsageError(f"there is no host {shown(name)}", hint=hint)
    settings = inventory.settings[name]
    values = _effective(host)
    values.update((key, setting.value) for key, setting in settings.items() if is_passed_on(key))
    return tuple(_with_origin(inventory, host, variable, value) for variable, value in values.items())


def _with_origin(inventory: Inventory, host: Host, variable: str, value: object) -> HostValue:
    setting = inventory.settings[host.name].get(variable)
    if setting is None:
        return HostValue(variable=variable, value=value, origin="default", file=None, line=None)
    return HostValue(variable=variable, value=value, origin=setting.origin, file=setting.file, line=setting.line)


def _effective(host: Host) -> dict[str, object]:
    """Return the host's values by variable, JSON-ready, without those of the other role."""
    allowed = host.allowed_hosts
    values: dict[str, object] = {
        "address": host.address,
        "tcp_port": host.tcp_port,
        "udp_port": host.udp_port,
        "listen": host.listen,
        "remote": _text(host.remote),
        "cache": _text(host.cache),
        "dialect": str(host.dialect),
        "master": list(host.masters),
        "scheduler_id": host.scheduler_id,
        "folder": host.folder,
        "interval_s": host.interval_s,
        "connection": _text(host.connection),
        "ssh_user": host.ssh.user,
        "ssh_port": host.ssh.port,
        "ssh_key": _text(host.ssh.key),
        "ssh_config": _text(host.ssh.config),
        "become": host.become,
        "jsync": host.jsync,
        "allowed_hosts": None if allowed is None else [{"host": a.host, "level": str(a.level)} for a in allowed],
        "tcp_required": host.tcp_required,
        "udp_required": host.udp_required,
        "max_delete": str(host.max_delete),
        **dict.fromkeys(("file_mode", "dir_mode", "owner", "group")),
        **host.rights.variables(),
        "trust_path": host.trust_path,
        "any_address": host.any_address,
        "tls": None
        if host.tls is None
        else {"cert": str(host.tls.cert), "key": str(host.tls.key), "ca": str(host.tls.ca)},
    }
    return {name: value for name, value in values.items() if ONLY_FOR.get(name, host.role) is host.role}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
