"""The slaves that fetch by HTTP, as a master knows them (``protocol.md`` section 8.3)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final

from sync_core.agent.logs import PrefixedLogger
from sync_core.agent.register import Registrations
from sync_core.agent.registration import HttpIdentity, Slave
from sync_core.model.errors import UnreachableError
from sync_core.model.security import IpAddress, Level
from sync_core.net.resolve import Resolver
from sync_core.protocol.messages import FetchConfiguration
from sync_core.protocol.texts import text

__all__ = ["HttpSlaves"]

_log = logging.getLogger(__name__)

_MOST_NAME_CHARS: Final = 253
_MOST_WARNED: Final = 1000


class HttpSlaves:
    """Books each fetch as a registration too, and takes those for gone that stay away for twice their interval.

    A slave may name the address that its wake-ups go to. It is believed only where the policy lets that address in:
    nobody makes a master send datagrams to strangers.

    Args:
        register: who is registered.
        resolver: looks up names.
        level_of: what an address may do.
        on_change: called after somebody was taken for gone.
    """

    def __init__(
        self,
        register: Registrations,
        resolver: Resolver,
        *,
        level_of: Callable[[IpAddress], Level],
        on_change: Callable[[], None],
    ) -> None:
        self._register = register
        self._resolver = resolver
        self._level_of = level_of
        self._on_change = on_change
        self._awaited_s: float | None = None
        self._is_sooner = asyncio.Event()
        self._warned: set[tuple[IpAddress, str]] = set()

    async def arrive(self, message: FetchConfiguration, peer_ip: IpAddress) -> Slave:
        """Note that a slave asks, and return its entry.

        Args:
            message: what it asks.
            peer_ip: where its request comes from.
        """
        ip = await self._wake_up_address(message.ip, peer_ip)
        slave = self._register.activate(
            HttpIdentity(message.member_id, ip, message.udp_port),
            message,
            active_s=2.0 * max(1, message.interval_s),
            now=time.time(),
            monotonic=time.monotonic(),
        )
        first = self._register.next_deactivation()
        if first is not None and (self._awaited_s is None or first < self._awaited_s):
            self._is_sooner.set()
        return slave

    async def run(self) -> None:
        """Take for gone who stays away, with SCHEDULER-458, until cancelled."""
        while True:
            self._is_sooner.clear()
            for slave in self._register.deactivate(now=time.time(), monotonic=time.monotonic()):
                self._report(slave)
                self._on_change()
            self._awaited_s = self._register.next_deactivation()
            pause_s = None if self._awaited_s is None else max(0.0, self._awaited_s - time.monotonic())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._is_sooner.wait()

    def _report(self, slave: Slave) -> None:
        assert isinstance(slave.message, FetchConfiguration)  # noqa: S101 - others never get a time of deactivation
        silent_s = 2 * max(1, slave.message.interval_s) + max(0, int(time.time() - (slave.deactivate_at or 0.0)))
        log = PrefixedLogger(_log, f"Remote_scheduler {slave.identity}")
        log.info("%s", text("SCHEDULER-458", silent_s))

    async def _wake_up_address(self, name: str, peer_ip: IpAddress) -> IpAddress:
        """Return the address that ``name`` means, or that of the peer where there is none to be believed."""
        if not name:
            return peer_ip
        try:
            addresses = await self._resolver.resolve(name) if len(name) <= _MOST_NAME_CHARS else ()
        except UnreachableError:
            addresses = ()
        for address in addresses:
            is_somebody = not (address.is_multicast or address.is_unspecified)
            if address == peer_ip or (is_somebody and self._level_of(address) >= Level.INFO):
                return address
        self._warn(name, peer_ip)
        return peer_ip

    def _warn(self, name: str, peer_ip: IpAddress) -> None:
        key = (peer_ip, name)
        if key not in self._warned:
            if len(self._warned) >= _MOST_WARNED:
                self._warned.clear()
            self._warned.add(key)
            reason = "that is no address which `allowed_hosts` lets in"
            _log.warning("%s wants its wake-ups at '%s': %s; they go to it itself", peer_ip, name[:100], reason)
