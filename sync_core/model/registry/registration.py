"""The life of one registration at a master (``protocol.md`` sections 2.2, 6 and 8.3).

=========  ================================================  ====================================================
phase      what is known                                     who tells it
=========  ================================================  ====================================================
away       no connection, logged off, or silent by HTTP      nobody
asking     it is there; what it has is not known yet         it asks by itself; after ``repeat_s`` it is reminded
behind     it lacks something of its newest view             told at once, then every ``repeat_s``
whole      it was given all of its newest view               nobody; a JobScheduler is nudged every ``nudge_s``
=========  ================================================  ====================================================

=====================  ======  ======  ==============================  ==============================
what happens           away    asking  behind                          whole
=====================  ======  ======  ==============================  ==============================
registers              asking  asking  asking                          asking
asks by HTTP           asking  asking  behind                          whole
is given its view      –       whole   whole                           whole
is given an older one  –       behind  behind                          behind
is given a part        –       behind  behind                          behind
says what it has       –       whole or behind, by what it says
view changes           –       –       whole if it has that, else –    behind unless it has that
leaves                 –       away    away                            away
=====================  ======  ======  ==============================  ==============================

Who is given a part because a file could not be read is behind, and told by the next change of its view only: what
can't be read comes when it can, not in a loop. Who registers anew is asking, whatever it had: nobody knows what became
of its copy meanwhile.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from sync_core.model.folder import Folder
from sync_core.model.registry.folder_map import SlaveAddress
from sync_core.model.reminder import Reminder, Rhythm, Signal
from sync_core.model.security import IpAddress

__all__ = ["AnyIdentity", "HttpIdentity", "Identity", "Phase", "Registration", "Slave", "Unanswered"]


class Identity(NamedTuple):
    """What makes a registration one: the peer's address, the TCP port that it registers, and the name that it proves.

    So nobody takes the place of a name that was proven but who proves the same.
    """

    ip: IpAddress
    tcp_port: int
    name: str = ""

    def __str__(self) -> str:
        return f"{self.ip}:{self.tcp_port}"


class HttpIdentity(NamedTuple):
    """The same by HTTP: who the peer says it is, and where its wake-ups go."""

    member_id: str
    ip: IpAddress
    udp_port: int
    name: str = ""

    def __str__(self) -> str:
        return f"{self.member_id},{self.ip}:{self.udp_port}"


AnyIdentity: TypeAlias = Identity | HttpIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a slave says of itself.

    Attributes:
        scheduler_id: for display, and the folder's name for cluster members and by HTTP; may be empty.
        udp_port: where it wants wake-ups; ``0`` = nowhere.
        version: for display.
        is_jsync: whether it says that it is jsync.
        is_cluster_member: its folder is looked up by ``scheduler_id``; by HTTP always.
        is_logoff: it says good-bye but keeps the connection.
        interval_s: by HTTP: whole seconds in which it asks again at the latest.
        from_ip: by HTTP: where it asks from, which may be another address than that for its wake-ups.
    """

    scheduler_id: str
    udp_port: int = 0
    version: str = ""
    is_jsync: bool = False
    is_cluster_member: bool = False
    is_logoff: bool = False
    interval_s: int = 0
    from_ip: IpAddress | None = None


class Phase(StrEnum):
    """Where a registration stands; the module's head tells what each means."""

    AWAY = "away"
    ASKING = "asking"
    BEHIND = "behind"
    WHOLE = "whole"


class Unanswered(NamedTuple):
    """A slave that does not answer its wake-ups, SCHEDULER-474: since when, and when the log said so (wall clock)."""

    since: float
    said_at: float


@dataclass(slots=True, kw_only=True, eq=False)
class Slave:
    """One slave that is or was registered. ``Register`` alone changes it; all others read.

    Times are wall-clock seconds.

    Attributes:
        identity: what makes it this one.
        registration: what it said of itself last.
        reminder: how far signalling has come.
        connection: the connection that acts for it; ``None`` while it has none, and by HTTP.
        connected_at: when it registered last; ``None`` by HTTP.
        disconnected_at: when its connection ended, by HTTP when it was silent for too long; ``None`` while it is there.
        deactivate_at: by HTTP: when it counts as gone unless it fetches before.
        fetched_at: when it was given an answer last.
        folder: its own folder below ``remote`` at that time.
        given: the tree that it has, or will have once it has done what it was told; ``None`` where nobody knows.
        is_partial: whether its last answer could not bring all.
        offered: the view that its last answer brought in full.
        had_news: whether that answer changed anything.
        refused_since: since when it is given the same again and again, because it does not take it.
        changed_at: when it was seen that it lacks something.
        unanswered: since when it does not answer.
        is_folder_missed: whether it was said that there is no folder for it.
        wake_key: what it wants its wake-ups to be proven by.
        displaced: how often another connection took its place.
        displaced_at: when one did last.
    """

    identity: AnyIdentity
    registration: Registration
    reminder: Reminder = field(default_factory=Reminder)
    connection: Hashable | None = None
    connected_at: float | None = None
    disconnected_at: float | None = None
    deactivate_at: float | None = None
    fetched_at: float | None = None
    folder: str | None = None
    given: Folder | None = None
    is_partial: bool = False
    offered: Folder | None = None
    had_news: bool = False
    refused_since: float | None = None
    changed_at: float | None = None
    unanswered: Unanswered | None = None
    is_folder_missed: bool = False
    wake_key: bytes | None = None
    displaced: int = 0
    displaced_at: float | None = None

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        if not self.is_active:
            return Phase.AWAY
        if not self.has_fetched:
            return Phase.ASKING
        return Phase.WHOLE if self.changed_at is None else Phase.BEHIND

    @property
    def is_connected(self) -> bool:
        """Whether a connection acts for it; never by HTTP."""
        return self.connection is not None

    @property
    def is_active(self) -> bool:
        """Whether it counts as being there; only then it is signalled."""
        return self.connection is not None or (self.deactivate_at is not None and self.disconnected_at is None)

    @property
    def has_fetched(self) -> bool:
        """Whether it was given anything since it came, so that a change of its view is news to it."""
        return self.given is not None or self.is_partial

    @property
    def is_in_sync(self) -> bool:
        """Whether it is there, was given all of its newest view, and took it as far as anybody knows."""
        return self.phase is Phase.WHOLE and self.refused_since is None

    @property
    def tcp_port(self) -> int | None:
        """Its command port; not known by HTTP."""
        return self.identity.tcp_port if isinstance(self.identity, Identity) else None

    @property
    def can_be_told(self) -> bool:
        """Whether there is any way to signal it."""
        return isinstance(self.identity, Identity) or self.registration.udp_port != 0

    @property
    def address(self) -> SlaveAddress:
        """What its own folder is looked up by."""
        said = self.registration
        return SlaveAddress(
            addresses=frozenset({said.from_ip or self.identity.ip}),
            tcp_port=self.tcp_port,
            scheduler_id=said.scheduler_id,
            name=self.identity.name,
            is_cluster_member=said.is_cluster_member or self.tcp_port is None,
            is_jsync=said.is_jsync,
        )

    def displace(self, *, wall: float) -> None:
        """Another connection takes its place while it has one."""
        self.displaced += 1
        self.displaced_at = wall

    def register(self, said: Registration, connection: Hashable, *, rhythm: Rhythm, now: float, wall: float) -> None:
        """It registers, or logs off on a connection that stays."""
        self.registration = said
        self.connection = None if said.is_logoff else connection
        self.connected_at = wall
        self.disconnected_at = wall if said.is_logoff else None
        reminder = self.reminder._replace(rhythm=rhythm)
        self.reminder = reminder.parted() if said.is_logoff else reminder.registered(now)
        self.unanswered = self.wake_key = None
        self._forget_copy()

    def activate(self, said: Registration, *, rhythm: Rhythm, active_s: float, wall: float) -> None:
        """It asks by HTTP, and is there for some time from now on."""
        self.registration = said
        self.disconnected_at = None
        self.deactivate_at = wall + active_s
        self.unanswered = None
        self.reminder = self.reminder._replace(rhythm=rhythm)

    def leave(self, *, wall: float) -> None:
        """Its connection ended, or it was silent for too long."""
        self.connection = None
        self.disconnected_at = wall
        self.reminder = self.reminder.parted()
        self._forget_copy()  # so that who is away for a day keeps no old tree in memory

    def fetch(
        self, given: Folder, *, folder: str | None, is_whole: bool, is_news: bool, now: float, wall: float
    ) -> None:
        """It was given what leads to ``given``, or a part of that."""
        is_refused = is_news and self.had_news and self._was_offered(given)
        self.refused_since = (self.refused_since or wall) if is_refused else None
        self.had_news = is_news
        self.offered = given if is_whole else None
        self.given = given if is_whole else None
        self.is_partial = not is_whole
        self.folder = folder
        self.changed_at = None if is_whole else wall
        self._note_contact(now=now, wall=wall)

    def confirm(self, has: Folder, *, folder: str | None, now: float, wall: float) -> None:
        """It says that it has ``has``, which is all that there is for it."""
        self.given = has
        self.is_partial = self.had_news = False
        self.folder = folder
        self.refused_since = self.changed_at = None
        self._note_contact(now=now, wall=wall)

    def lack(self, has: Folder | None, *, now: float, wall: float) -> None:
        """It says what it has (``None``: something unknown), and will ask for the rest; silence counts from here."""
        self.given = has
        self.is_partial = has is None
        self.changed_at = self.changed_at or wall
        self.unanswered = None
        self.reminder = self.reminder.registered(now)

    def judge(self, *, is_behind: bool, now: float, wall: float) -> None:
        """Its newest view was compared with what it has."""
        if is_behind:
            self.changed_at = self.changed_at or wall
            if self.can_be_told:
                self.reminder = self.reminder.changed(now)
        elif self.changed_at is not None:
            self.changed_at = self.unanswered = None
            self.reminder = self.reminder.fetched(now)

    def due(self, *, now: float, wall: float) -> tuple[Signal, ...]:
        """Return what is to be done now, and take it for done."""
        self.reminder, signals = self.reminder.due(now, has_udp=self.registration.udp_port != 0)
        if Signal.WARN in signals:
            since = self.connected_at if self.changed_at is None else self.changed_at
            self.unanswered = Unanswered(wall if since is None else since, wall)
        if self.tcp_port is None:
            return tuple(signal for signal in signals if signal is not Signal.TCP)
        return signals

    def _was_offered(self, view: Folder) -> bool:
        return self.offered is not None and (self.offered is view or self.offered.digest == view.digest)

    def _note_contact(self, *, now: float, wall: float) -> None:
        self.fetched_at = wall
        self.unanswered = None
        self.reminder = self.reminder.fetched(now)

    def _forget_copy(self) -> None:
        self.given = self.offered = None
        self.is_partial = False
