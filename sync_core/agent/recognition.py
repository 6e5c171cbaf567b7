"""Which slave of the inventory a registration belongs to, and what follows from that."""

from __future__ import annotations

from sync_core.agent.folders import FolderChooser, SlaveAddress
from sync_core.agent.registration import Slave
from sync_core.agent.views import Views
from sync_core.net.resolve import display
from sync_core.protocol.messages import FetchConfiguration

__all__ = ["Recognition"]


class Recognition:
    """Recognises registered slaves.

    Args:
        chooser: knows the inventory's slaves.
    """

    def __init__(self, chooser: FolderChooser) -> None:
        self._chooser = chooser

    async def folder_of(self, slave: Slave, views: Views) -> str | None:
        """Return the name of its own folder; ``None`` where it has none."""
        address = _address_of(slave)
        return await self._chooser.choose(views.folders, await self._chooser.slave_at(address), address)

    async def judge(self, views: Views) -> None:
        """Warn of folders that look like a slave's own and are nobody's."""
        await self._chooser.judge(views.folders)

    async def name_of(self, slave: Slave) -> str | None:
        """Return its name in the inventory; ``None`` for a stranger."""
        host = await self._chooser.slave_at(_address_of(slave))
        return host.name if host is not None else None

    async def display(self, slave: Slave) -> str:
        """Return the slave as logs name it; a port may follow behind a colon."""
        ip = slave.identity.ip
        host = await self._chooser.slave_at(_address_of(slave))
        shown = display(host.address, ip) if host is not None else str(ip)
        return f"[{ip}]" if shown == str(ip) and ip.version == 6 else shown


def _address_of(slave: Slave) -> SlaveAddress:
    return SlaveAddress(
        addresses=frozenset({slave.identity.ip}),
        tcp_port=slave.tcp_port,
        scheduler_id=slave.message.scheduler_id,
        is_cluster_member=isinstance(slave.message, FetchConfiguration) or slave.message.is_cluster_member,
    )
