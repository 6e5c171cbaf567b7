"""One md5 file list: a slave's cache, or what a master holds for a slave."""

from __future__ import annotations

import asyncio

from sync_core.fleet.lists import FileList, master_list, slave_list
from sync_core.model.errors import UsageError
from sync_core.model.inventory import Host, Inventory

__all__ = ["list_files"]


def list_files(inventory: Inventory, host: Host, *, slave: Host | None) -> FileList:
    """Return the list.

    Args:
        inventory: where the hosts are declared.
        host: a slave, or a master.
        slave: for which slave a master's list is wanted.

    Raises:
        UsageError: a master without a slave, a slave with one, or a slave that is not that master's.
        JsyncError: the list can't be had; see ``fleet.lists``.
    """
    if not host.is_master:
        if slave is not None:
            raise UsageError(f"{host.name} is a slave: --for goes with a master")
        return asyncio.run(slave_list(host))
    if slave is None:
        raise UsageError(f"{host.name} is a master: say for which slave", hint=f"jsync files {host.name} --for SLAVE")
    if host.name not in slave.masters:
        raise UsageError(f"{host.name} is not a master of {slave.name}")
    return asyncio.run(master_list(inventory, host, slave))
