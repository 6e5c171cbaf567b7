"""Digests of the settings that an agent works with: other settings must be taken over, or need a restart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sync_core.model.file import md5_of
from sync_core.model.inventory import Host, Inventory
from sync_core.version import __version__

__all__ = ["as_peer", "needing_restart", "peers_of", "restart_md5", "settings_md5"]

_OF_PEERS = ("name", "address", "tcp_port", "udp_port", "scheduler_id", "folder", "dialect", "any_address")
"""What an agent uses of its peers' settings; their folders and intervals are their own business."""

_TAKEN_OVER = frozenset(
    {
        "address",
        "allowed_hosts",
        "any_address",
        "become",
        "connection",
        "folder",
        "interval_s",
        "jsync",
        "masters",
        "max_delete",
        "ssh",
        "tcp_required",
        "udp_required",
    }
)
"""What an agent takes over while it runs, or never uses of its own host. All else needs a restart."""


def peers_of(inventory: Inventory, host: Host) -> tuple[Host, ...]:
    """Return the hosts that ``host`` has to do with: a slave's masters, a master's slaves."""
    return inventory.slaves_of(host) if host.is_master else inventory.masters_of(host)


def as_peer(host: Host) -> Mapping[str, Any]:
    """Return what an agent uses of a peer's settings."""
    return {**{name: getattr(host, name) for name in _OF_PEERS}, "has_tls": host.tls is not None}


def settings_md5(inventory: Inventory, host: Host) -> str:
    """Return the digest of the host's settings, of how its peers are reached and known, and of jsync's version."""
    return _md5([__version__, asdict(host), [as_peer(peer) for peer in peers_of(inventory, host)]])


def restart_md5(host: Host) -> str:
    """Return the digest of those of the host's settings that need a restart, and of jsync's version."""
    return _md5([__version__, _lasting(host)])


def needing_restart(before: Host, after: Host) -> tuple[str, ...]:
    """Return the names of the settings that differ and can't be taken over by an agent that runs."""
    new = _lasting(after)
    return tuple(name for name, value in _lasting(before).items() if value != new[name])


def _lasting(host: Host) -> Mapping[str, Any]:
    return {name: value for name, value in asdict(host).items() if name not in _TAKEN_OVER}


def _md5(document: object) -> str:
    return md5_of(json.dumps(document, sort_keys=True, default=str).encode())
