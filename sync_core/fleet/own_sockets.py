"""The way to agents of this machine for root and for their own user: the socket in their state folder."""

from __future__ import annotations

import os
from pathlib import Path

from sync_core.agent.state import HostState
from sync_core.fleet.reach import Reach
from sync_core.model.inventory import Connection, Host, Inventory

__all__ = ["own_socket"]


async def own_socket(inventory: Inventory, host: Host, state_folder: Path | None, reach: Reach) -> Path | None:
    """Return the socket of a host's agent; ``None`` where it is to be asked by TCP.

    Args:
        inventory: where the host is declared.
        host: whose agent.
        state_folder: where run state lies; ``None`` = nobody knows.
        reach: knows whether the host is this machine.
    """
    if state_folder is None:
        return None
    state = HostState(state_folder, host.name)
    if not os.access(state.socket_path, os.R_OK | os.W_OK):
        return None
    record = state.record()
    if record is None or not record.is_alive or record.role != host.role.value:
        return None
    # Another inventory may have another host of that name, on another machine.
    is_same = record.inventory == inventory.source or (
        state.status().get("tcp_port") == host.tcp_port and await reach.connection_of(host) is Connection.LOCAL
    )
    return state.socket_path if is_same else None
