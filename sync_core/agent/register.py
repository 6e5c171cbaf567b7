"""Who is registered at a master (``protocol.md`` sections 2.2 and 8.3)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from typing import Final

from sync_core.agent.deadlines import Deadlines
from sync_core.agent.registration import AnyIdentity, HttpIdentity, Identity, Slave
from sync_core.model.manifest import EMPTY_MANIFEST
from sync_core.model.reminder import DEFAULT_RHYTHM, Reminder, Rhythm
from sync_core.protocol.messages import FetchConfiguration, Register

__all__ = ["FORGET_AFTER_S", "MOST_BY_HTTP", "MOST_GONE", "Registrations"]

FORGET_AFTER_S: Final = 24 * 3600.0
"""Who did not come back for so long is not shown any more; the original never forgets (``protocol.md`` section 14)."""
MOST_GONE: Final = 10_000
"""Entries without a connection; beyond these the oldest go, so that nobody fills the memory with made-up ports."""

MOST_BY_HTTP: Final = 10_000
"""By HTTP peers choose who they are; beyond these the one that was silent longest makes room."""


class Registrations:
    """The register of one master: one entry per identity, and the newer connection wins.

    Args:
        rhythm_of: how often a slave is told, by its registration.
    """

    def __init__(self, *, rhythm_of: Callable[[Register], Rhythm] = lambda _: DEFAULT_RHYTHM) -> None:
        self._rhythm_of = rhythm_of
        self._slaves: dict[AnyIdentity, Slave] = {}
        self._by_connection: dict[Hashable, Identity] = {}
        self._gone: dict[AnyIdentity, float] = {}  # in the order in which they went
        self._deadlines: Deadlines[AnyIdentity] = Deadlines()
        self._by_http: dict[HttpIdentity, None] = {}  # in the order of their last fetches
        self._activities: Deadlines[HttpIdentity] = Deadlines()

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
        reminder = replace(before.reminder if before else Reminder(), rhythm=self._rhythm_of(message))
        slave = before or Slave(identity=identity, message=message, connection=connection, connected_at=now)
        if not message.is_logoff:
            self._by_connection[connection] = identity
        self._store(
            replace(
                slave,
                message=message,
                connection=None if message.is_logoff else connection,
                connected_at=now,
                given_md5=None,
                disconnected_at=now if message.is_logoff else None,
                reminder=reminder.parted() if message.is_logoff else reminder.registered(monotonic),
                error=None,
            )
        )
        self._forget(now)
        return older

    def activate(
        self, identity: HttpIdentity, message: FetchConfiguration, *, active_s: float, now: float, monotonic: float
    ) -> Slave:
        """Note that a slave fetches by HTTP, and return its entry; it is active for some time from now on.

        Args:
            identity: who it is.
            message: its request.
            active_s: seconds, unless it fetches again before.
            now: wall-clock seconds.
            monotonic: monotonic seconds.
        """
        slave = self._slaves.get(identity) or Slave(
            identity=identity, message=message, connection=None, connected_at=None
        )
        self._by_http.pop(identity, None)
        if len(self._by_http) >= MOST_BY_HTTP:
            self._drop(next(iter(self._by_http)))
        self._by_http[identity] = None
        self._activities.set(identity, monotonic + active_s)
        slave = replace(
            slave,
            message=replace(message, listed=EMPTY_MANIFEST),
            disconnected_at=None,
            deactivate_at=now + active_s,
            error=None,
        )
        self._store(slave)
        self._forget(now)
        return slave

    def deactivate(self, *, now: float, monotonic: float) -> tuple[Slave, ...]:
        """Take those for gone that were silent for too long by HTTP; return their entries.

        Args:
            now: wall-clock seconds.
            monotonic: monotonic seconds.
        """
        silent = [self._slaves[identity] for identity in self._activities.take(monotonic)]
        for slave in silent:
            self._store(replace(slave, disconnected_at=now, reminder=slave.reminder.parted()))
        return tuple(silent)

    def next_deactivation(self) -> float | None:
        """Return when somebody will have been silent for too long, in monotonic seconds."""
        return self._activities.first()

    def of(self, connection: Hashable) -> Slave | None:
        """Return the slave for which ``connection`` acts."""
        identity = self._by_connection.get(connection)
        return self._slaves[identity] if identity is not None else None

    def get(self, identity: AnyIdentity) -> Slave | None:
        """Return the slave of that identity."""
        return self._slaves.get(identity)

    def put(self, slave: Slave) -> None:
        """Replace the entry of a slave that is registered."""
        if slave.identity in self._slaves:
            self._store(slave)

    def unbind(self, connection: Hashable, *, now: float) -> None:
        """Note that the connection ended, or acts for somebody else from now on."""
        identity = self._by_connection.pop(connection, None)
        if identity is not None:
            slave = self._slaves[identity]
            self._store(replace(slave, connection=None, disconnected_at=now, reminder=slave.reminder.parted()))

    def take_due(self, now: float) -> tuple[Slave, ...]:
        """Return those whose reminder has something to say; each is due again only after it was ``put``.

        Args:
            now: monotonic seconds.
        """
        return tuple(self._slaves[identity] for identity in self._deadlines.take(now))

    def next_deadline(self) -> float | None:
        """Return when somebody is due next, in monotonic seconds."""
        return self._deadlines.first()

    def _store(self, slave: Slave) -> None:
        self._slaves[slave.identity] = slave
        self._deadlines.set(slave.identity, slave.reminder.next_deadline() if slave.is_active else None)
        if slave.is_active:
            self._gone.pop(slave.identity, None)
        else:
            self._gone.setdefault(slave.identity, slave.disconnected_at or 0.0)

    def _forget(self, now: float) -> None:
        """Drop who went long ago, and the first of too many."""
        while self._gone:
            identity, went_at = next(iter(self._gone.items()))
            if now - went_at < FORGET_AFTER_S and len(self._gone) <= MOST_GONE:
                return
            self._drop(identity)

    def _drop(self, identity: AnyIdentity) -> None:
        del self._slaves[identity]
        self._gone.pop(identity, None)
        self._deadlines.set(identity, None)
        if isinstance(identity, HttpIdentity):
            self._by_http.pop(identity, None)
            self._activities.set(identity, None)
