"""Who may connect: an agent's ``allowed_hosts``, its names resolved and kept fresh (``protocol.md`` section 10)."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NoReturn

from sync_core.model.errors import UnreachableError
from sync_core.model.inventory import Host
from sync_core.model.security import AllowedHost, IpAddress, Level, Policy, is_wide, parse_ip
from sync_core.net.addresses import own_addresses
from sync_core.net.admission import Rank, Standing
from sync_core.net.resolve import KEEP_FAILURES_S, KEEP_S, Resolver

__all__ = ["PolicyKeeper"]

_log = logging.getLogger(__name__)


class PolicyKeeper:
    """Holds the current ``Policy`` of one agent. Call ``refresh`` once before listening, then let ``run`` run.

    Without a declared list the default of ``cli.md`` section 1 holds: the peers of the inventory may do what a
    registration needs (``no_add``), this machine itself may do all. A name that can't be resolved is warned about
    and keeps the addresses that it had before, so a name service that is away locks nobody out. Only what the list
    itself writes as an address may mean a network: a name that a sinkhole resolves to ``0.0.0.0`` lets nobody in.

    Args:
        host: the agent's own entry; its ``allowed_hosts`` counts.
        peers: the hosts that it has to do with: a slave's masters, a master's slaves.
        resolver: asks for names.
        own: the addresses of this machine.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        *,
        host: Host,
        peers: tuple[Host, ...],
        resolver: Resolver,
        own: Callable[[], frozenset[IpAddress]] = own_addresses,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._follow(host, peers)
        self._turn = asyncio.Lock()
        self._resolver = resolver
        self._own = own
        self._sleep = sleep
        self._hosts: Counter[IpAddress] = Counter()
        self._here: frozenset[IpAddress] = frozenset()
        self._addresses: dict[str, tuple[IpAddress, ...]] = {}
        self._unresolved: tuple[str, ...] = ()
        self._policy = self._named = Policy()

    @property
    def policy(self) -> Policy:
        """The policy as of the last refresh; before the first one nobody may do anything."""
        return self._policy

    @property
    def unresolved(self) -> tuple[str, ...]:
        """The names that the last refresh could not resolve."""
        return self._unresolved

    def level_of(self, address: IpAddress) -> Level:
        """Return what ``address`` may do now."""
        return self._policy.level_of(address)

    def standing_of(self, address: IpAddress) -> Standing:
        """Return what ``address`` counts as where there are more connections than places."""
        if address in self._here:
            return Standing(Rank.THIS_MACHINE)
        hosts = self._hosts[address]
        return Standing(Rank.PEER, hosts) if hosts else Standing(Rank.STRANGER)

    async def take(self, *, host: Host, peers: tuple[Host, ...]) -> None:
        """Go on by another inventory; the policy is the old one until its names are resolved.

        Args:
            host: the agent's own entry.
            peers: as for a new one.
        """
        async with self._turn:  # a refresh of the old one that is under way must not end after this
            self._follow(host, peers)
            names = {*(entry.host for entry in self._entries), *self._peers}
            self._addresses = {name: found for name, found in self._addresses.items() if name in names}
            await self._refresh()

    def _follow(self, host: Host, peers: tuple[Host, ...]) -> None:
        self._is_declared = host.allowed_hosts is not None
        self._entries = host.allowed_hosts if host.allowed_hosts is not None else _peers_of(peers)
        self._networks = {entry.host for entry in host.allowed_hosts or () if parse_ip(entry.host) is not None}
        self._peers = tuple(peer.address for peer in peers)

    def named_level_of(self, address: IpAddress) -> Level:
        """Return the same as far as the inventory itself says so, without the default for this machine.

        Who is on this machine may come from any of its addresses, so all of them are as good as the best of them.
        """
        machine = self._here if address in self._here else {address}
        return max(map(self._named.level_of, machine))

    async def refresh(self) -> None:
        """Resolve all names again and replace the policy; a name that can't be resolved is a warning."""
        async with self._turn:
            await self._refresh()

    async def _refresh(self) -> None:
        names = tuple(dict.fromkeys((*(entry.host for entry in self._entries), *self._peers)))
        failures = dict(zip(names, await asyncio.gather(*(self._resolve(name) for name in names)), strict=True))
        listed = dict.fromkeys(entry.host for entry in self._entries)
        for name in listed:
            if failures[name] and name not in self._unresolved:
                _log.warning("allowed_hosts: %s", failures[name])
        self._unresolved = tuple(name for name in listed if failures[name])
        self._hosts = Counter(ip for peer in self._peers for ip in self._addresses.get(peer, ()))
        self._here = self._own()
        levels = [(ip, entry.level) for entry in self._entries for ip in self._addresses.get(entry.host, ())]
        self._named = Policy(levels)
        if not self._is_declared:
            levels += [(ip, Level.ALL) for ip in self._here]
        self._policy = Policy(levels)

    async def run(self) -> NoReturn:
        """Refresh for ever: every 15 minutes, and each minute as long as a name is unresolved."""
        while True:
            await self._sleep(KEEP_FAILURES_S if self._unresolved else KEEP_S)
            await self.refresh()

    async def _resolve(self, name: str) -> str:
        try:
            found = await self._resolver.resolve(name)
        except UnreachableError as error:
            return str(error)
        wide = [] if name in self._networks else [address for address in found if is_wide(address)]
        if len(wide) < len(found):
            self._addresses[name] = tuple(address for address in found if address not in wide)
        if not wide:
            return ""
        return f"{name!r} resolves to {wide[0]}, which would let in more than one machine: it is passed over"


def _peers_of(peers: tuple[Host, ...]) -> tuple[AllowedHost, ...]:
    return tuple(AllowedHost(host=peer.address, level=Level.NO_ADD) for peer in peers)
