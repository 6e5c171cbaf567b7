"""Whose is what is asked for: by a name that a certificate proves, else by the address that somebody comes from.

Who comes by the agent's own socket sees everything, as do hosts that ``allowed_hosts`` gives the level ``all``; others
see what is of the slaves at their address. Who is on this machine is any of its users: by TCP he counts as what the
inventory says of its addresses, which by default is nothing.

What speaks in plain is never believed for a host that has TLS: else somebody between the two would only have to speak
in plain.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping

from sync_core.model.errors import UnreachableError, UntrustedError
from sync_core.model.inventory import Host
from sync_core.model.security import IpAddress, Level
from sync_core.net.connection import Connection
from sync_core.net.resolve import Resolver

__all__ = ["Trust"]


class Trust:
    """What one agent believes.

    Args:
        host: whose agent.
        peers: the hosts that it has to do with: a slave's masters, a master's slaves.
        named_level_of: what an address may do by the inventory alone (``PolicyKeeper``).
        resolver: looks up the names of a slave and its masters.
    """

    def __init__(
        self,
        host: Host,
        peers: Iterable[Host] = (),
        *,
        named_level_of: Callable[[IpAddress], Level],
        resolver: Resolver | None = None,
    ) -> None:
        self._named_level_of = named_level_of
        self._resolver = resolver or Resolver()
        self.take(host, peers)

    def take(self, host: Host, peers: Iterable[Host]) -> None:
        """Believe from now on what another inventory says; as for a new one."""
        self._host = host
        self._peers: Mapping[str, Host] = {peer.name: peer for peer in peers}
        has_tls = [slave for slave in self._peers.values() if slave.tls is not None]
        self._kept_folders = {
            name for slave in has_tls for name in (slave.folder, slave.scheduler_id, slave.name) if name
        }

    @property
    def has_tls(self) -> bool:
        """Whether names can be proven here at all."""
        return self._host.tls is not None

    def slave_of(self, connection: Connection) -> str:
        """Return the slave that a connection is proven to be of; empty where it speaks in plain.

        Raises:
            UntrustedError: it is proven to be of somebody else.
        """
        if connection.names is None:
            return ""
        for name in sorted(connection.names):
            if name in self._peers:
                return name
        raise UntrustedError(
            f"{_listed(connection.names)} is no slave of {self._host.name}: its certificate is another's"
        )

    def check_plain(self, slave: Host | None, folder: str | None) -> None:
        """Raise where one who speaks in plain acts for a host that has TLS, or for one that nobody let in by name.

        Args:
            slave: the inventory's slave that has its address; ``None`` for a stranger.
            folder: what it would be given as its own.

        Raises:
            UntrustedError: it does.
        """
        if not self.has_tls:
            return
        if slave is not None and slave.tls is not None:
            raise UntrustedError(f"{slave.name} has TLS, and is not served in plain")
        if slave is None and self._host.allowed_hosts is None:
            raise UntrustedError("who is not in the inventory is served in plain only where `allowed_hosts` names it")
        if slave is None and folder in self._kept_folders:
            raise UntrustedError(f"{folder} is of a slave that has TLS, and is not served in plain")

    def check_stranger(self, address: IpAddress) -> None:
        """Raise where nothing but coming from this machine lets somebody in: then any of its users could register.

        Raises:
            UntrustedError: so it is.
        """
        if self._named_level_of(address) < Level.NO_ADD:
            raise UntrustedError(
                f"the inventory does not name {address}, from where any user of this machine can come: give that "
                "address to the slave, or name it in `allowed_hosts`"
            )

    def check_look(self, connection: Connection, shown: Host, *, is_at: bool) -> None:
        """Raise where a connection may not see what is of the slave ``shown``.

        Args:
            connection: who wants to.
            shown: whose it is.
            is_at: whether the connection comes from an address of that slave.

        Raises:
            UntrustedError: it may not.
        """
        if connection.is_own:
            return
        if self.has_tls and connection.names is None and shown.tls is not None:
            raise UntrustedError(
                f"what is of {shown.name} is shown to nobody in plain: ask as root, as the agent's own user, or as one "
                "who can read its key"
            )
        if connection.names is not None:
            if not connection.names & {shown.name, self._host.name, *shown.masters}:
                raise UntrustedError(f"{_listed(connection.names)} may not see what is of {shown.name}")
        elif not is_at and self._named_level_of(connection.peer_ip) < Level.ALL:
            raise self.refusal(shown)

    async def may_read(self, connection: Connection) -> bool:
        """Return whether a connection may see contents of this slave; its masters may see names and digests.

        More would be given to any user of a master's machine, as all of them come from its address.

        Raises:
            UntrustedError: it may see nothing.
        """
        try:
            is_at = await self._is_at(connection.peer_ip, (self._host,))
            self.check_look(connection, self._host, is_at=is_at)
        except UntrustedError:
            is_plain = connection.names is None and self._host.tls is None
            if not (is_plain and await self._is_at(connection.peer_ip, self._peers.values())):
                raise
            return False
        return True

    def refusal(self, shown: Host | None = None) -> UntrustedError:
        """Return what one is told who may not see what is of ``shown``, by default of this host."""
        return UntrustedError(
            f"what is of {(shown or self._host).name} is shown to its own address, to root and the agent's user on the "
            f"machine of {self._host.name}, and to hosts that its `allowed_hosts` gives the level `all`"
        )

    async def _is_at(self, address: IpAddress, hosts: Iterable[Host]) -> bool:
        for host in hosts:
            with contextlib.suppress(UnreachableError):
                if address in await self._resolver.resolve(host.address):
                    return True
        return False


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "a certificate without a name"
