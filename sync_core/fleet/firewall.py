"""The firewall rules that an inventory needs, machine by machine; only the name service is asked."""

from __future__ import annotations

import asyncio

from sync_core.model.errors import UnreachableError
from sync_core.model.firewall.needed import Format, Machine, machines_of, rules_text
from sync_core.model.inventory import Host, Inventory
from sync_core.model.required_ports import required_ports
from sync_core.model.security import IpAddress
from sync_core.net.resolve import Resolver

__all__ = ["Format", "Machine", "needed_rules"]


def needed_rules(
    inventory: Inventory, hosts: tuple[Host, ...], kind: Format, *, resolver: Resolver | None = None
) -> tuple[tuple[Machine, str], ...]:
    """Return the rules that let the other hosts of the inventory, and nobody else, reach each of ``hosts``.

    Args:
        inventory: declares who talks to whom.
        hosts: whose rules are wanted; others on the same machine come with them.
        kind: the front-end that the rules are written for.
        resolver: asks for names; for tests something else.

    Returns:
        The machines that the hosts stand on, each with its rules as text.

    Raises:
        UnreachableError: the name of a host concerned can't be resolved.
    """
    checks = required_ports(inventory)
    needed = {host.name for host in hosts} | {check.source.name for check in checks if check.target in hosts}
    addresses = asyncio.run(_addresses(inventory, needed, resolver or Resolver()))
    machines = machines_of((host.name for host in hosts), checks, addresses)
    return tuple((machine, rules_text(kind, machine)) for machine in machines)


async def _addresses(inventory: Inventory, needed: set[str], resolver: Resolver) -> dict[str, tuple[IpAddress, ...]]:
    hosts = inventory.hosts.values()
    found = await asyncio.gather(*(_resolve(host, resolver, is_needed=host.name in needed) for host in hosts))
    return {host.name: addresses for host, addresses in zip(hosts, found, strict=True)}


async def _resolve(host: Host, resolver: Resolver, *, is_needed: bool) -> tuple[IpAddress, ...]:
    try:
        return await resolver.resolve(host.address)
    except UnreachableError as error:
        if not is_needed:
            return ()
        raise UnreachableError(str(error), hint=error.hint, host=host.name) from error
