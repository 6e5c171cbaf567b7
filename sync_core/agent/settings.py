"""The digest of all settings that an agent was started with: another digest means that it must be restarted."""

from __future__ import annotations

import json
from dataclasses import asdict

from sync_core.model.file import md5_of
from sync_core.model.inventory import Host, Inventory
from sync_core.version import __version__

__all__ = ["peers_of", "settings_md5"]

_OF_PEERS = ("name", "address", "tcp_port", "udp_port", "scheduler_id", "folder", "dialect")
"""What an agent uses of its peers' settings; their folders and intervals are their own business."""


def peers_of(inventory: Inventory, host: Host) -> tuple[Host, ...]:
    """Return the hosts that ``host`` has to do with: a slave's masters, a master's slaves."""
    return inventory.slaves_of(host) if host.is_master else inventory.masters_of(host)


def settings_md5(inventory: Inventory, host: Host) -> str:
    """Return the digest of the host's settings, of how its peers are reached and known, and of jsync's version."""
    peers = [
        {**{name: getattr(peer, name) for name in _OF_PEERS}, "has_tls": peer.tls is not None}
        for peer in peers_of(inventory, host)
    ]
    document = [__version__, asdict(host), peers]
    return md5_of(json.dumps(document, sort_keys=True, default=str).encode())
