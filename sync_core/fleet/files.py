"""One file list: a slave's cache, or what a master holds for a slave."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sync_core.fleet.each import FleetOptions
from sync_core.fleet.file_list import FileList
from sync_core.fleet.lists import Lists
from sync_core.fleet.reach import Reach
from sync_core.model.errors import UnreachableError, UsageError
from sync_core.model.inventory import Host, Inventory

__all__ = ["list_files"]


def list_files(
    inventory: Inventory,
    host: Host,
    *,
    slave: Host | None,
    state_folder: Path | None = None,
    options: FleetOptions | None = None,
) -> FileList:
    """Return the list.

    Args:
        inventory: where the hosts are declared.
        host: a slave, or a master.
        slave: for which slave a master's list is wanted.
        state_folder: where the run state of this machine's agents lies.
        options: how long it may take.

    Raises:
        UsageError: a master without a slave, a slave with one, or a slave that is not that master's.
        JsyncError: the list can't be had; see ``fleet.lists``.
    """
    if not host.is_master:
        if slave is not None:
            raise UsageError(f"{host.name} is a slave: --for goes with a master")
    elif slave is None:
        raise UsageError(f"{host.name} is a master: say for which slave", hint=f"jsync files {host.name} --for SLAVE")
    elif host.name not in slave.masters:
        raise UsageError(f"{host.name} is not a master of {slave.name}")
    return asyncio.run(_list(inventory, host, slave, state_folder, options or FleetOptions()))


async def _list(
    inventory: Inventory, host: Host, slave: Host | None, state_folder: Path | None, options: FleetOptions
) -> FileList:
    reach = Reach(options.runners())
    lists = Lists(inventory, reach, timeout_s=options.timeout_s, state_folder=state_folder)
    try:
        async with asyncio.timeout(options.timeout_s):
            return await (lists.slave_list(host) if slave is None else lists.master_list(host, slave))
    except TimeoutError:
        raise UnreachableError(f"not done within {options.timeout_s:g} s", host=host.name) from None
    finally:
        await lists.close()
        await reach.close()
