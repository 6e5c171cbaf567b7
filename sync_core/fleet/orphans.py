"""Detached agents that run on after their host was taken out of the inventory."""

from __future__ import annotations

from pathlib import Path

from sync_core.agent.state import HostState
from sync_core.model.inventory import Inventory

__all__ = ["find_orphans"]


def find_orphans(inventory: Inventory, state_folder: Path) -> tuple[str, ...]:
    """Return the hosts whose detached agents run for ``inventory``, which no longer has them, sorted by name.

    Args:
        inventory: as it is today.
        state_folder: where run state lies; one that can't be read holds none.
    """
    try:
        names = sorted(folder.name for folder in state_folder.iterdir() if folder.name not in inventory.hosts)
    except OSError:
        return ()
    records = ((name, HostState(state_folder, name).record()) for name in names)
    return tuple(
        name
        for name, record in records
        if record is not None and record.is_detached and record.inventory == inventory.source and record.is_alive
    )
