"""A slave's way to a master that it fetches from by HTTP (``protocol.md`` section 8)."""

from __future__ import annotations

import asyncio
import math

from sync_core.agent.cache import CacheFolder
from sync_core.agent.master_link import CONNECT_TIMEOUT_S, Checked, apply_changes, changes_of
from sync_core.agent.plain_names import PlainNames
from sync_core.model.errors import UnreachableError
from sync_core.model.folder import Folder
from sync_core.model.inventory import Host
from sync_core.model.security import parse_ip
from sync_core.net.addresses import choose_source
from sync_core.net.http_client import HttpClient
from sync_core.net.resolve import Resolver
from sync_core.net.tls import TlsTo
from sync_core.protocol.messages import Answer, FetchConfiguration
from sync_core.version import WIRE_VERSION

__all__ = ["HttpLink"]


class HttpLink:
    """Nothing is kept open: each fetch is a POST, and a registration for twice the interval too.

    Args:
        slave: who fetches.
        clients: one per address of the master, in the order in which they are tried.
        display: the master as logs name it, ``http://name:port``.

    Attributes:
        display: as given.
    """

    registers_by_fetch = True

    def __init__(self, slave: Host, clients: tuple[HttpClient, ...], display: str) -> None:
        self._slave = slave
        self._clients = clients
        self.display = display
        self._is_jsync = False  # as the last answer said
        self._names = PlainNames("%s can't be listed to a JobScheduler: its name has characters that it refuses")

    @classmethod
    async def open(
        cls, slave: Host, master: Host, resolver: Resolver, *, tls: TlsTo | None = None, answer_timeout_s: float
    ) -> HttpLink:
        """Look the master up; for the rest see ``open_link``.

        Raises:
            UnreachableError: its name is unknown.
        """
        addresses = await resolver.resolve(master.address, retry_failures=True)
        clients = tuple(
            HttpClient(
                ip,
                master.tcp_port,
                host=master.address,
                local_address=choose_source(slave.listen, ip),
                connect_timeout_s=CONNECT_TIMEOUT_S,
                timeout_s=answer_timeout_s,
                tls=tls,
            )
            for ip in addresses
        )
        host = f"[{master.address}]" if ":" in master.address else master.address
        return cls(slave, clients, f"http{'' if tls is None else 's'}://{host}:{master.tcp_port}")

    async def register(self, slave: Host) -> None:
        """Do nothing: there is no registration but the fetch itself."""

    async def check(self, cache: CacheFolder, *, looks: bool, wake: asyncio.Event) -> Checked:
        """Bring the cache in line with what the master has (``protocol.md`` sections 3 and 8.2).

        Raises:
            RemoteRefusalError: the master answered with an error.
            PeerError: its answer makes no sense.
            UnsafeNameError: a name can't be listed.
            UnreachableError: none of its addresses answered in time.
            TreeError: the cache can't be read or updated.
        """
        before = await (cache.look() if looks else cache.known())
        listed = before if self._is_jsync else self._names.within(before)
        return await apply_changes(cache, before, changes_of(await self._ask(_request(self._slave, listed))))

    async def wait_closed(self) -> None:
        """Wait for ever: there is no connection that could end."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def refusal_line(self, text: str) -> str:
        """Return the original's line with the master's words (``protocol.md`` section 5.4)."""
        return f"From supervisor: {text}"

    async def _ask(self, request: FetchConfiguration) -> Answer:
        failure: UnreachableError | None = None
        for client in self._clients:
            try:
                answer = await client.ask(request)
            except UnreachableError as error:
                failure = error
            else:
                self._is_jsync = client.is_jsync
                return answer
        raise failure or AssertionError("a name that resolves has an address")


def _request(slave: Host, listed: Folder) -> FetchConfiguration:
    udp_port = slave.udp_port or 0
    return FetchConfiguration(
        scheduler_id=slave.scheduler_id,
        udp_port=udp_port,
        ip=_declared_ip(slave) if udp_port else "",
        version=WIRE_VERSION,
        interval_s=max(1, math.ceil(slave.interval_s)),
        listed=listed,
    )


def _declared_ip(slave: Host) -> str:
    """Return the address that the slave listens on, if it is one: the same of which a real slave tells."""
    address = parse_ip(slave.listen) if slave.listen else None
    return "" if address is None or address.is_unspecified else str(address)
