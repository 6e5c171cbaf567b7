"""Which ports must be reachable from where, as an inventory implies it (``cli.md`` section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync_core.model.inventory import Host, Inventory
from sync_core.model.probe import Protocol, Purpose

__all__ = ["PortCheck", "required_ports"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortCheck:
    """One port of ``target`` that ``source`` must reach; if not required it is reported and decides nothing."""

    source: Host
    target: Host
    protocol: Protocol
    port: int
    purpose: Purpose
    is_required: bool


def required_ports(inventory: Inventory) -> tuple[PortCheck, ...]:
    """Return for every slave and each of its masters: registration, wake-up (if there is a UDP port), commands."""
    return tuple(
        check
        for slave in inventory.slaves
        for master in inventory.masters_of(slave)
        for check in _between(slave, master)
    )


def _between(slave: Host, master: Host) -> Iterator[PortCheck]:
    def check(
        source: Host, target: Host, protocol: Protocol, port: int, purpose: Purpose, *, is_required: bool
    ) -> PortCheck:
        return PortCheck(
            source=source, target=target, protocol=protocol, port=port, purpose=purpose, is_required=is_required
        )

    yield check(slave, master, Protocol.TCP, master.tcp_port, Purpose.REGISTRATION, is_required=True)
    if slave.udp_port is not None:
        yield check(master, slave, Protocol.UDP, slave.udp_port, Purpose.WAKE_UP, is_required=slave.udp_required)
    yield check(master, slave, Protocol.TCP, slave.tcp_port, Purpose.COMMANDS, is_required=slave.tcp_required)
