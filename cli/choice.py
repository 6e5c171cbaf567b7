"""Which hosts a command means: its HOST arguments, narrowed by ``--limit``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace

from sync_core.model.errors import UsageError
from sync_core.model.inventory import Host, Inventory

__all__ = ["choose_hosts", "choose_one", "choose_slave", "choose_slaves", "narrowed"]


def choose_hosts(inventory: Inventory, patterns: Sequence[str], limit: str | None) -> tuple[Host, ...]:
    """Return the hosts that any of ``patterns`` names and ``limit`` leaves, in the inventory's order.

    Args:
        inventory: where they stand.
        patterns: of the command line; none = all hosts.
        limit: the pattern of ``--limit``.

    Raises:
        UsageError: a pattern means nobody, or nobody is left.
    """
    from sync_core.model.patterns import select

    chosen = {host.name for pattern in patterns or () for host in select(inventory, pattern)}
    hosts = tuple(host for host in inventory.hosts.values() if not patterns or host.name in chosen)
    if limit is None:
        return hosts
    allowed = {host.name for host in select(inventory, limit)}
    left = tuple(host for host in hosts if host.name in allowed)
    if not left:
        raise UsageError(f"no host is left: --limit {limit!r} has none of those that are meant")
    return left


def choose_one(inventory: Inventory, pattern: str, limit: str | None) -> Host:
    """Return the only host that ``pattern`` means and ``limit`` leaves.

    Raises:
        UsageError: as ``choose_hosts``, or it means several.
    """
    hosts = choose_hosts(inventory, [pattern], limit)
    if len(hosts) > 1:
        names = [host.name for host in hosts]
        raise UsageError(f"one host is wanted here, and {pattern!r} means {len(hosts)}", hint=f"one of {_first(names)}")
    return hosts[0]


def choose_slave(inventory: Inventory, pattern: str, known: Sequence[Host]) -> Host:
    """Return the only slave that ``pattern`` means.

    Args:
        inventory: where it stands.
        pattern: of the command line.
        known: the slaves that can be meant, for the hint.

    Raises:
        UsageError: it means nobody, several, or a master.
    """
    try:
        chosen = choose_one(inventory, pattern, None)
        if not chosen.is_master:
            return chosen
        error = UsageError(f"{chosen.name} is a master, and a slave is wanted here", host=chosen.name)
    except UsageError as caught:
        error = caught
    names = [host.name for host in known]
    near = difflib.get_close_matches(pattern[:100], names, n=3)
    error.hint = f"did you mean {' or '.join(near)}?" if near else f"one of {_first(names)}" if names else error.hint
    raise error


def choose_slaves(inventory: Inventory, patterns: Sequence[str], limit: str | None) -> tuple[Host, ...]:
    """Return the slaves among the hosts that are meant; masters that a group or a glob brings along are passed over.

    Raises:
        UsageError: as ``choose_hosts``; a master is named, or no slave is among them.
    """
    masters = {master.name for master in inventory.masters}
    for pattern in patterns:
        for word in (pattern, *re.split("[,:]", pattern)):
            if word in masters:
                raise UsageError(
                    f"{word} is a master, and this command takes slaves",
                    hint=f"its slaves: {_names(inventory, word)}",
                    host=word,
                )
    slaves = tuple(host for host in choose_hosts(inventory, patterns, limit) if not host.is_master)
    if not slaves:
        raise UsageError("no slave is among the hosts that are meant", hint="`jsync inventory --graph` shows them")
    return slaves


def narrowed(inventory: Inventory, limit: str | None) -> Inventory:
    """Return the inventory with the hosts that ``limit`` leaves; only to be shown, since masters may be missing.

    Raises:
        UsageError: ``limit`` means nobody.
    """
    if limit is None:
        return inventory
    names = {host.name for host in choose_hosts(inventory, (), limit)}
    return replace(
        inventory,
        hosts={name: host for name, host in inventory.hosts.items() if name in names},
        settings={name: values for name, values in inventory.settings.items() if name in names},
        groups={
            name: replace(group, hosts=tuple(host for host in group.hosts if host in names))
            for name, group in inventory.groups.items()
        },
    )


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _names(inventory: Inventory, master: str) -> str:
    return ", ".join(slave.name for slave in inventory.slaves_of(inventory.hosts[master])) or "none"
