"""Where slaves that fetch by HTTP want their wake-ups (``protocol.md`` section 8.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from sync_core.model.errors import UnreachableError
from sync_core.model.security import IpAddress, Level
from sync_core.net.resolve import Resolver

__all__ = ["HttpAddresses"]

_log = logging.getLogger(__name__)

_MOST_NAME_CHARS: Final = 253
_MOST_WARNED: Final = 1000


class HttpAddresses:
    """A slave may name the address that its wake-ups go to.

    It is believed only where the policy lets that address in: nobody makes a master send datagrams to strangers.

    Args:
        resolver: looks up names.
        level_of: what an address may do.
    """

    def __init__(self, resolver: Resolver, *, level_of: Callable[[IpAddress], Level]) -> None:
        self._resolver = resolver
        self._level_of = level_of
        self._warned: set[tuple[IpAddress, str]] = set()

    async def wake_up_address(self, name: str, peer_ip: IpAddress) -> IpAddress:
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
