"""Wake-ups by hand, from where they count: a slave listens to its masters only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sync_core.fleet.ask import ask
from sync_core.fleet.each import FleetOptions, Outcome, for_each, outcome_of
from sync_core.fleet.far_calls import FarCalls
from sync_core.fleet.far_jsync import error_from
from sync_core.fleet.reach import Reach
from sync_core.model.errors import HostError, JsyncError, UnreachableError, UsageError
from sync_core.model.inventory import Connection, Host, Inventory
from sync_core.net.datagrams import WakeUpSender
from sync_core.net.resolve import Resolver, display_endpoint
from sync_core.protocol.messages import CheckFolders

__all__ = ["Notified", "notify_slaves"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """One slave's wake-up.

    Attributes:
        slave: the inventory's name.
        protocol: ``udp``, or ``tcp`` where the slave has no wake-up port.
        endpoint: where it went.
        sent_by: the master from whose machine it went, or would go; ``None``: from this one, which is no master's.
        note: why the slave may not listen to it.
        error: why it did not go.
    """

    slave: str
    protocol: str
    endpoint: str
    sent_by: str | None = None
    note: str | None = None
    error: JsyncError | None = None

    @property
    def outcome(self) -> Outcome:
        """What the recap says."""
        return outcome_of(self.error)


def notify_slaves(
    inventory: Inventory, slaves: Iterable[Host], *, check: bool = False, options: FleetOptions | None = None
) -> tuple[Notified, ...]:
    """Send the wake-up to each slave; one slave's failure is its result, the others go on.

    Args:
        inventory: declares their masters.
        slaves: to whom.
        check: only say where it would go.
        options: how many at once, and how long each may take.

    Raises:
        UsageError: a master was named.
    """
    chosen = tuple(slaves)
    for host in chosen:
        if host.is_master:
            raise UsageError(f"{host.name} is a master: only slaves are woken up")
    options = options or FleetOptions()

    async def everybody() -> tuple[Notified, ...]:
        reach = Reach(options.runners())
        notifier = _Notifier(inventory, reach, options, check=check)
        try:
            return await for_each(
                chosen, notifier.notify, options=options, failed=_failed, outcome=lambda one: one.outcome
            )
        finally:
            await reach.close()

    return asyncio.run(everybody())


class _Notifier:
    def __init__(self, inventory: Inventory, reach: Reach, options: FleetOptions, *, check: bool) -> None:
        self._inventory = inventory
        self._reach = reach
        self._calls = FarCalls(inventory, reach, timeout_s=options.timeout_s)
        self._check = check
        self._resolver = Resolver()

    async def notify(self, slave: Host) -> Notified:
        """Wake one slave up from the machine of its first master, or else from this one."""
        reasons = []
        for master in self._inventory.masters_of(slave):
            match await self._reach.connection_of(master):
                case Connection.LOCAL:
                    return replace(await self._directly(slave), sent_by=master.name)
                case Connection.NONE:
                    reasons.append(f"{master.name} has `connection: none`")
                case Connection.SSH if self._check:
                    return replace(await self._directly(slave), sent_by=master.name)
                case Connection.SSH:
                    try:
                        return await self._from(master, slave)
                    except JsyncError as error:
                        reasons.append(str(error))
        sent = await self._directly(slave)
        if sent.error is not None:
            return sent
        return replace(sent, note=f"it goes from here, where no master is ({'; '.join(reasons)})")

    async def _from(self, master: Host, slave: Host) -> Notified:
        """Let the jsync of the master's machine send it; raises JsyncError."""
        document = await self._calls.ask(master, "notify", slave.name)
        said = document.get("slaves")
        entries = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
        entry = next((one for one in entries if one.get("slave") == slave.name), None)
        if entry is None:
            raise HostError(f"the jsync of {master.address} says nothing of it", host=master.name)
        error = entry.get("error")
        return Notified(
            slave=slave.name,
            protocol=str(entry.get("protocol")),
            endpoint=str(entry.get("endpoint")),
            sent_by=master.name,
            error=error_from(error, host=slave.name) if isinstance(error, dict) else None,
        )

    async def _directly(self, slave: Host) -> Notified:
        notified = _unsent(slave)
        port = slave.tcp_port if slave.udp_port is None else slave.udp_port
        try:
            ip = (await self._resolver.resolve(slave.address))[0]
            notified = replace(notified, endpoint=display_endpoint(slave.address, ip, port))
            if self._check:
                return notified
            if slave.udp_port is not None:
                with contextlib.closing(WakeUpSender()) as sender:
                    sender.send(ip, port)
            else:
                await ask(slave, CheckFolders(), resolver=self._resolver)
        except OSError as error:
            failure = UnreachableError(
                f"UDP to {notified.endpoint}: {error.strerror}", errno=error.errno, host=slave.name
            )
            return replace(notified, error=failure)
        except JsyncError as error:
            return replace(notified, error=error)
        return notified


def _unsent(slave: Host) -> Notified:
    port = slave.tcp_port if slave.udp_port is None else slave.udp_port
    protocol = "tcp" if slave.udp_port is None else "udp"
    return Notified(slave=slave.name, protocol=protocol, endpoint=f"{slave.address}:{port}")


def _failed(slave: Host, error: JsyncError) -> Notified:
    return replace(_unsent(slave), error=error)
