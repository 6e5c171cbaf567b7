"""Who is registered at a master, and what is to be done for whom (``protocol.md`` sections 2.2, 6 and 8.3).

The driver says what happened, with its clocks, and does what comes back. ``advance`` does what is due, and compares
after a change of the views, so many slaves at a time; as long as it says that there is more, it is to be called again,
with a pause in which others get their turn, and then at ``next_deadline()``. ``registration`` tells how one lives.

Who is still to be compared when another change comes is compared first, with the newest views: no slave waits for
ever, however often they change. Who is due before its turn came is compared before it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from sync_core.model.folder import Folder
from sync_core.model.registry.askers import Askers
from sync_core.model.registry.deadlines import Deadlines
from sync_core.model.registry.effects import (
    Advance,
    CloseOlder,
    Effect,
    NoFolder,
    NotAnswering,
    Silent,
    TellByTcp,
    TellByUdp,
)
from sync_core.model.registry.judge import Judge, Realizes, ViewOf
from sync_core.model.registry.registration import AnyIdentity, HttpIdentity, Identity, Registration, Slave
from sync_core.model.reminder import DEFAULT_RHYTHM, Rhythm, Signal
from sync_core.model.security import IpAddress

__all__ = ["FORGET_AFTER_S", "MOST_GONE", "Register"]

FORGET_AFTER_S: Final = 24 * 3600.0
"""Who did not come back for so long is not shown any more; the original never forgets (``protocol.md`` section 14)."""
MOST_GONE: Final = 10_000
"""Entries without a connection; beyond these the oldest go, so that nobody fills the memory with made-up ports."""

_AT_ONCE: Final = float("-inf")
_EFFECTS: Final[Mapping[Signal, Callable[[Slave], Effect]]] = {
    Signal.UDP: TellByUdp,
    Signal.TCP: TellByTcp,
    Signal.WARN: NotAnswering,
}


class Register:
    """The register of one master: one entry per identity, and the newer connection wins.

    ``now`` is always monotonic seconds, ``wall`` seconds of the wall clock.

    Args:
        folder_of: finds a slave's own folder; ``None`` = it has none. It must be quick.
        realizes: whether who has one tree needs nothing to have another.
        rhythm: how often a slave is told of a change that it does not fetch.
        nudge_s: how often a JobScheduler is told to check although nothing changed, since it never does by itself.
        most_gone: entries without a connection.
        askers: holds those that ask by HTTP.
    """

    def __init__(
        self,
        *,
        folder_of: Callable[[Slave], str | None],
        realizes: Realizes,
        rhythm: Rhythm = DEFAULT_RHYTHM,
        nudge_s: float | None = None,
        most_gone: int = MOST_GONE,
        askers: Askers | None = None,
    ) -> None:
        self._folder_of = folder_of
        self._rhythm = rhythm
        self._nudging = replace(rhythm, nudge_s=nudge_s)
        self._most_gone = most_gone
        self._judge = Judge(realizes)
        self._slaves: dict[AnyIdentity, Slave] = {}
        self._by_connection: dict[Hashable, Slave] = {}
        self._gone: dict[Slave, float] = {}  # in the order in which they went
        self._askers = askers or Askers()
        self._unjudged: dict[Slave, None] = {}  # in the order in which they are compared
        self._deadlines: Deadlines[Slave] = Deadlines()
        self._silences: Deadlines[Slave] = Deadlines()

    def __iter__(self) -> Iterator[Slave]:
        return iter(tuple(self._slaves.values()))

    def __len__(self) -> int:
        return len(self._slaves)

    def of(self, connection: Hashable) -> Slave | None:
        """Return the slave for which ``connection`` acts."""
        return self._by_connection.get(connection)

    def get(self, identity: AnyIdentity) -> Slave | None:
        """Return the slave of that identity."""
        return self._slaves.get(identity)

    def registered(
        self, identity: Identity, said: Registration, connection: Hashable, *, now: float, wall: float
    ) -> tuple[Effect, ...]:
        """A slave registers on a connection, or logs off; an older one of the same identity is to be closed."""
        self.ended(connection, wall=wall)
        slave = self._slaves.get(identity)
        if slave is None:
            slave = self._slaves[identity] = Slave(identity=identity, registration=said)
        older = slave.connection
        self._by_connection.pop(older, None)
        if older is not None:
            slave.displace(wall=wall)
        if not said.is_logoff:
            self._by_connection[connection] = slave
        slave.register(said, connection, rhythm=self._rhythm if said.is_jsync else self._nudging, now=now, wall=wall)
        self._unjudged.pop(slave, None)  # it asks by itself, and is given the newest
        self._note(slave)
        self._forget_gone(wall)
        return () if older is None else (CloseOlder(identity, older, connection),)

    def asked_by_http(
        self,
        identity: HttpIdentity,
        said: Registration,
        *,
        origin: IpAddress,
        active_s: float,
        now: float,
        wall: float,
    ) -> Slave:
        """A slave asks by HTTP, which registers it too; return its entry.

        It counts as being there for ``active_s``, unless it asks again before. ``origin`` is whence it asks, which need
        not be where its wake-ups go.
        """
        slave = self._slaves.get(identity)
        if slave is None:
            leaving = self._askers.who_goes(origin)
            if leaving is not None:
                self._drop(leaving)
            slave = self._slaves[identity] = Slave(identity=identity, registration=said)
        self._askers.ask(slave, origin)
        slave.activate(said, rhythm=self._rhythm, active_s=active_s, wall=wall)
        self._silences.set(slave, now + active_s)
        self._note(slave)
        self._forget_gone(wall)
        return slave

    def ended(self, connection: Hashable, *, wall: float) -> None:
        """A connection ended, or acts for somebody else from now on."""
        slave = self._by_connection.pop(connection, None)
        if slave is not None:
            self._leave(slave, wall=wall)

    def fetched(
        self,
        slave: Slave,
        connection: Hashable | None,
        *,
        given: Folder,
        folder: str | None,
        is_whole: bool,
        is_news: bool,
        has_more: bool = False,
        now: float,
        wall: float,
    ) -> tuple[Effect, ...]:
        """An answer was built that leads a slave to ``given``; who came or left meanwhile was given nothing.

        Args:
            slave: who asked.
            connection: on which it asked; ``None`` by HTTP.
            given: its view when the answer was built.
            folder: its own folder then.
            is_whole: whether the answer brings all of it.
            is_news: whether it changes anything.
            has_more: whether the rest could come at once, with the next answer; else it waits for a change.
            now: monotonic seconds.
            wall: wall-clock seconds.
        """
        current = self._current(slave, connection)
        if current is None:
            return ()
        current.fetch(given, folder=folder, is_whole=is_whole, is_news=is_news, now=now, wall=wall)
        is_older = self._judge.is_behind(self._folder_of(current), given)
        if is_older or (has_more and not is_whole):
            current.judge(is_behind=True, now=now, wall=wall)
        self._unjudged.pop(current, None)
        self._note(current)
        if folder is not None or given.children or current.is_folder_missed:
            return ()
        current.is_folder_missed = True
        return (NoFolder(current),)

    def confirmed(
        self,
        slave: Slave,
        connection: Hashable | None,
        *,
        has: Folder | None,
        wake_key: bytes | None = None,
        now: float,
        wall: float,
    ) -> None:
        """A jsync slave says which tree it has, and will ask for what it lacks.

        ``connection``: on which it said so; ``has``: ``None`` where its digest is none that is known here;
        ``wake_key``: for its wake-ups from now on, if it says one.
        """
        current = self._current(slave, connection)
        if current is None:
            return
        current.wake_key = wake_key or current.wake_key
        folder = self._folder_of(current)
        is_behind = self._judge.is_behind(folder, has)
        if has is not None and not is_behind:
            current.confirm(has, folder=folder, now=now, wall=wall)
        else:
            current.lack(has, now=now, wall=wall)
        self._unjudged.pop(current, None)
        self._note(current)

    def view_changed(self, view_of: ViewOf) -> None:
        """The views are others now; ``advance`` compares."""
        self._judge.take(view_of)
        self.folders_changed()

    def folders_changed(self) -> None:
        """Own folders may be others now; ``advance`` compares."""
        for slave in self._slaves.values():
            if slave.is_active and slave.has_fetched:
                self._unjudged[slave] = None  # who waits already keeps its place

    def nudge_every(self, nudge_s: float) -> None:
        """Tell JobSchedulers to check so often from now on."""
        self._nudging = replace(self._nudging, nudge_s=nudge_s)
        for slave in self._slaves.values():
            if slave.reminder.rhythm.nudge_s is not None:
                slave.reminder = slave.reminder._replace(rhythm=self._nudging)
                self._note(slave)

    def advance(self, *, now: float, wall: float, most: int) -> Advance:
        """Do what is due, and compare; ``most``: slaves to look at before others get their turn."""
        effects: list[Effect] = []
        for _ in range(most):
            if (silent := self._silences.pop(now)) is not None:
                self._leave(silent, wall=wall)
                over_s = max(0, int(wall - (silent.deactivate_at or wall)))
                effects.append(Silent(silent, 2 * max(1, silent.registration.interval_s) + over_s))
            elif (due := self._deadlines.pop(now)) is not None:
                effects += self._signal(due, now=now, wall=wall)
            elif self._unjudged:
                self._judge_one(next(iter(self._unjudged)), now=now, wall=wall)
            else:
                break
        if not self._unjudged:
            self._judge.forget()
        deadline = self.next_deadline()
        return Advance(tuple(effects), deadline is not None and deadline <= now)

    def next_deadline(self) -> float | None:
        """Return when ``advance`` has something to do, in monotonic seconds; ``None`` = not before something comes."""
        if self._unjudged:
            return _AT_ONCE
        firsts = [at for at in (self._deadlines.first(), self._silences.first()) if at is not None]
        return min(firsts, default=None)

    def _current(self, slave: Slave, connection: Hashable | None) -> Slave | None:
        """Return the entry of who asked, as long as the same connection acts for it."""
        current = self._slaves.get(slave.identity)
        is_there = current is not None and current.is_active and current.connection == connection
        return current if is_there else None

    def _signal(self, slave: Slave, *, now: float, wall: float) -> list[Effect]:
        if slave in self._unjudged:
            self._judge_one(slave, now=now, wall=wall)
        signals = slave.due(now=now, wall=wall)
        self._note(slave)
        return [_EFFECTS[signal](slave) for signal in signals]

    def _judge_one(self, slave: Slave, *, now: float, wall: float) -> None:
        del self._unjudged[slave]
        is_behind = self._judge.is_behind(self._folder_of(slave), slave.given)
        if is_behind is not None:  # else there is nothing to fetch, and its own fetch will say why
            slave.judge(is_behind=is_behind, now=now, wall=wall)
        self._note(slave)

    def _leave(self, slave: Slave, *, wall: float) -> None:
        slave.leave(wall=wall)
        self._unjudged.pop(slave, None)
        self._note(slave)

    def _note(self, slave: Slave) -> None:
        """Keep what is found by the state of a slave in step with it."""
        self._deadlines.set(slave, slave.reminder.next_deadline() if slave.is_active else None)
        if slave.is_active:
            self._gone.pop(slave, None)
        else:
            self._gone.setdefault(slave, slave.disconnected_at or 0.0)

    def _forget_gone(self, wall: float) -> None:
        """Drop who went long ago, and the first of too many."""
        while self._gone:
            slave, went_at = next(iter(self._gone.items()))
            if wall - went_at < FORGET_AFTER_S and len(self._gone) <= self._most_gone:
                return
            self._drop(slave)

    def _drop(self, slave: Slave) -> None:
        del self._slaves[slave.identity]
        self._gone.pop(slave, None)
        self._askers.forget(slave)
        self._unjudged.pop(slave, None)
        self._deadlines.set(slave, None)
        self._silences.set(slave, None)
