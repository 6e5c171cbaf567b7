"""Who is registered at a master (``protocol.md`` section 2.2)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sync_core.model.reminder import Reminder
from sync_core.model.security import IpAddress
from sync_core.protocol.messages import Register

__all__ = ["Identity", "Registrations", "Slave"]


class Identity(NamedTuple):
    """What makes a registration one: the peer's address and the TCP port that it registers."""

    ip: IpAddress
    tcp_port: int

    def __str__(self) -> str:
        return f"{self.ip}:{self.tcp_port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slave:
    """One registered slave; wall-clock times in seconds.

    Attributes:
        identity: address and port.
        message: what it registered with.
        connection: the connection that acts for it; ``None`` while it has none.
        connected_at: when it registered last.
        disconnected_at: when its connection ended; ``None`` while it has one.
        fetched_at: when it was given an answer last.
        given_md5: digest of the view that this answer brought it to; ``None`` before the first of its connection,
            since nobody knows what happened to its copy meanwhile; empty if the answer could not bring all.
        folder: its own folder below ``remote`` at that time.
        changed_at: when the change was seen that it has not fetched yet.
        reminder: how far signalling has come.
    """

    identity: Identity
    message: Register
    connection: Hashable | None
    connected_at: float
    disconnected_at: float | None = None
    fetched_at: float | None = None
    given_md5: str | None = None
    folder: str | None = None
    changed_at: float | None = None
    reminder: Reminder = field(default_factory=Reminder)

    @property
    def is_connected(self) -> bool:
        """Whether a connection acts for it; only then it is signalled."""
        return self.connection is not None


class Registrations:
    """The register of one master: one entry per identity, and the newer connection wins."""

    def __init__(self) -> None:
        self._slaves: dict[Identity, Slave] = {}
        self._by_connection: dict[Hashable, Identity] = {}

    def __iter__(self) -> Iterator[Slave]:
        return iter(tuple(self._slaves.values()))

    def __len__(self) -> int:
        return len(self._slaves)

    def register(
        self, identity: Identity, message: Register, connection: Hashable, *, now: float, monotonic: float
    ) -> Hashable | None:
        """Bind ``connection`` to the identity.

        Args:
            identity: address and port.
            message: the registration.
            connection: where it came from.
            now: wall-clock seconds.
            monotonic: monotonic seconds.

        Returns:
            The older connection that acted for this identity until now and must be closed, if there was one.
        """
        self.unbind(connection, now=now)
        before = self._slaves.get(identity)
        older = before.connection if before is not None else None
        if older is not None:
            self._by_connection.pop(older, None)
        reminder = before.reminder if before is not None else Reminder()
        slave = before or Slave(identity=identity, message=message, connection=connection, connected_at=now)
        self._slaves[identity] = replace(
            slave,
            message=message,
            connection=None if message.is_logoff else connection,
            connected_at=now,
            given_md5=None,
            disconnected_at=now if message.is_logoff else None,
            reminder=Reminder() if message.is_logoff else reminder.registered(monotonic),
        )
        if not message.is_logoff:
            self._by_connection[connection] = identity
        return older

    def of(self, connection: Hashable) -> Slave | None:
        """Return the slave for which ``connection`` acts."""
        identity = self._by_connection.get(connection)
        return self._slaves[identity] if identity is not None else None

    def get(self, identity: Identity) -> Slave | None:
        """Return the slave of that identity."""
        return self._slaves.get(identity)

    def put(self, slave: Slave) -> None:
        """Replace the entry of a slave that is registered."""
        self._slaves[slave.identity] = slave

    def unbind(self, connection: Hashable, *, now: float) -> None:
        """Note that the connection ended, or acts for somebody else from now on."""
        identity = self._by_connection.pop(connection, None)
        if identity is not None:
            slave = self._slaves[identity]
            self._slaves[identity] = replace(
                slave, connection=None, disconnected_at=now, reminder=Reminder(warned_at=slave.reminder.warned_at)
            )
