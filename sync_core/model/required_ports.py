"""Which ports must be reachable from where, as an inventory implies it (``cli.md`` section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from sync_core.model.inventory import Host, Inventory
from sync_core.model.probe import Protocol, Purpose

__all__ = ["PortCheck", "required_ports"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortCheck:
    """One port that one host must reach on another.

    Attributes:
        source: the host that opens the connection.
        target: the host whose port it is.
        is_required: ``False``: it is reported and decides nothing.
    """

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


def _between(slave: Host, master: Host) -> tuple[PortCheck, ...]:
    registration = PortCheck(
        source=slave,
        target=master,
        protocol=Protocol.TCP,
        port=master.tcp_port,
        purpose=Purpose.REGISTRATION,
        is_required=True,
    )
    commands = PortCheck(
        source=master,
        target=slave,
        protocol=Protocol.TCP,
        port=slave.tcp_port,
        purpose=Purpose.COMMANDS,
        is_required=slave.tcp_required,
    )
    if slave.udp_port is None:
        return (registration, commands)
    wake_up = PortCheck(
        source=master,
        target=slave,
        protocol=Protocol.UDP,
        port=slave.udp_port,
        purpose=Purpose.WAKE_UP,
        is_required=slave.udp_required,
    )
    return (registration, wake_up, commands)
