"""Wake-ups by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from sync_core.fleet.ask import ask
from sync_core.model.errors import JsyncError, UnreachableError, UsageError
from sync_core.model.inventory import Host
from sync_core.net.datagrams import send_wake_up
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
        error: why it did not go.
    """

    slave: str
    protocol: str
    endpoint: str
    error: JsyncError | None = None


def notify_slaves(slaves: Iterable[Host], *, check: bool = False) -> tuple[Notified, ...]:
    """Send the wake-up to each slave; one slave's failure is its result, the others go on.

    Args:
        slaves: to whom.
        check: only say where it would go.

    Raises:
        UsageError: a master was named.
    """
    chosen = tuple(slaves)
    for host in chosen:
        if host.is_master:
            raise UsageError(f"{host.name} is a master: only slaves are woken up")

    async def everybody() -> tuple[Notified, ...]:
        return tuple(await asyncio.gather(*(_notify(slave, check) for slave in chosen)))

    return asyncio.run(everybody())


async def _notify(slave: Host, check: bool) -> Notified:
    protocol = "udp" if slave.udp_port is not None else "tcp"
    port = slave.udp_port if slave.udp_port is not None else slave.tcp_port
    endpoint = f"{slave.address}:{port}"
    try:
        ip = (await Resolver().resolve(slave.address))[0]
        endpoint = display_endpoint(slave.address, ip, port)
        if check:
            pass
        elif protocol == "udp":
            send_wake_up(ip, port)
        else:
            await ask(slave, CheckFolders())
    except OSError as error:
        failure = UnreachableError(f"UDP to {endpoint}: {error.strerror}", errno=error.errno, host=slave.name)
        return Notified(slave=slave.name, protocol=protocol, endpoint=endpoint, error=failure)
    except JsyncError as error:
        return Notified(slave=slave.name, protocol=protocol, endpoint=endpoint, error=error)
    return Notified(slave=slave.name, protocol=protocol, endpoint=endpoint)
