"""What a master says about its slaves: ``<remote_schedulers>`` and the master's keys of ``jsync.status/2``."""

from __future__ import annotations

from typing import Any

from sync_core.agent.signals import not_answering
from sync_core.agent.slave_state import rfc3339
from sync_core.model.registry.registration import Slave
from sync_core.protocol.messages import RemoteScheduler
from sync_core.protocol.times import format_last_write_time

__all__ = ["remote_scheduler", "slave_status"]


def remote_scheduler(slave: Slave, hostname: str | None) -> RemoteScheduler:
    """Return ``<remote_scheduler/>``: the union of both versions' attributes (``protocol.md`` section 9).

    Args:
        slave: the registration.
        hostname: of its address, if it is known.
    """
    message = slave.registration
    values: dict[str, str | None] = {
        "ip": str(slave.identity.ip),
        "hostname": hostname,
        "tcp_port": str(slave.tcp_port) if slave.tcp_port is not None else None,
        "udp_port": str(message.udp_port) if message.udp_port else None,
        "scheduler_id": message.scheduler_id or None,
        "version": message.version,
        "active": _yes_no(slave.is_active),
        "connected": _yes_no(slave.is_connected),
        "connected_at": _time(slave.connected_at),
        "disconnected_at": _time(slave.disconnected_at),
        "configuration_directory": slave.folder,
        "configuration_changed": "yes" if slave.changed_at is not None else None,
        "configuration_changed_at": _time(slave.changed_at),
        "configuration_transfered_at": _time(slave.fetched_at),
        "deactivate_at": _time(slave.deactivate_at),
    }
    attributes = {name: value for name, value in values.items() if value is not None}
    return RemoteScheduler(attributes=attributes, error=not_answering(slave) if slave.unanswered is not None else None)


def slave_status(slave: Slave, name: str | None) -> dict[str, Any]:
    """Return what ``jsync status`` needs to know of a registered slave.

    Args:
        slave: the registration.
        name: the inventory's name, if it is one of its slaves.
    """
    pending_since = slave.changed_at if slave.changed_at is not None else slave.refused_since
    return {
        "slave": name,
        "identity": str(slave.identity),
        "is_active": slave.is_active,
        "is_plain": not slave.identity.name,
        "in_sync": slave.is_in_sync,
        "fetched_at": rfc3339(slave.fetched_at) if slave.fetched_at is not None else None,
        "pending_since": rfc3339(pending_since) if pending_since is not None else None,
        "displaced": slave.displaced,
        "displaced_at": rfc3339(slave.displaced_at) if slave.displaced_at is not None else None,
        "is_refused": slave.refused_since is not None,
        "is_unanswered": slave.changed_at is not None and slave.reminder.signals > 1,
    }


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _time(wall_s: float | None) -> str | None:
    return format_last_write_time(int(wall_s)) if wall_s is not None else None
