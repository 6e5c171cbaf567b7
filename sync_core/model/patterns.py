"""Host patterns as Ansible writes them."""

from __future__ import annotations

from sync_core.model.errors import NotBuiltError
from sync_core.model.inventory import Host, Inventory

__all__ = ["select"]


def select(inventory: Inventory, pattern: str) -> tuple[Host, ...]:
    """Return the hosts that ``pattern`` names, in inventory order."""
    raise NotBuiltError("select")
