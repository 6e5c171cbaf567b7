"""One slave that is registered at a master, and what makes it this one (``protocol.md`` sections 2.2 and 8.3)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from sync_core.model.reminder import Reminder
from sync_core.model.security import IpAddress
from sync_core.protocol.messages import ErrorAnswer, FetchConfiguration, Register

__all__ = ["AnyIdentity", "HttpIdentity", "Identity", "Slave"]


class Identity(NamedTuple):
    """What makes a registration one: the peer's address and the TCP port that it registers."""

    ip: IpAddress
    tcp_port: int

    def __str__(self) -> str:
        return f"{self.ip}:{self.tcp_port}"


class HttpIdentity(NamedTuple):
    """The same by HTTP: who the peer says it is, and where its wake-ups go."""

    member_id: str
    ip: IpAddress
    udp_port: int

    def __str__(self) -> str:
        return f"{self.member_id},{self.ip}:{self.udp_port}"


AnyIdentity: TypeAlias = Identity | HttpIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Slave:
    """One registered slave; wall-clock times in seconds.

    Attributes:
        identity: what makes it this one.
        message: what it registered with, by HTTP its last request without the list.
        connection: the connection that acts for it; ``None`` while it has none, and by HTTP.
        connected_at: when it registered last; ``None`` by HTTP.
        disconnected_at: when its connection ended, by HTTP when it was silent for too long; ``None`` while it is there.
        fetched_at: when it was given an answer last.
        given_md5: digest of the view that this answer brought it to; ``None`` before the first of its connection,
            since nobody knows what happened to its copy meanwhile; empty if the answer could not bring all.
        had_news: whether that answer changed anything.
        refused_since: since when it is given the same again and again, because it does not take it.
        folder: its own folder below ``remote`` at that time.
        changed_at: when the change was seen that it has not fetched yet.
        reminder: how far signalling has come.
        error: what is wrong with it now, for ``show_state``.
        deactivate_at: by HTTP: when it counts as gone unless it fetches before.
    """

    identity: AnyIdentity
    message: Register | FetchConfiguration
    connection: Hashable | None
    connected_at: float | None
    disconnected_at: float | None = None
    fetched_at: float | None = None
    given_md5: str | None = None
    had_news: bool = False
    refused_since: float | None = None
    folder: str | None = None
    changed_at: float | None = None
    reminder: Reminder = field(default_factory=Reminder)
    error: ErrorAnswer | None = None
    deactivate_at: float | None = None

    @property
    def is_connected(self) -> bool:
        """Whether a connection acts for it; never by HTTP."""
        return self.connection is not None

    @property
    def is_active(self) -> bool:
        """Whether it counts as being there; only then it is signalled."""
        return self.is_connected or (self.deactivate_at is not None and self.disconnected_at is None)

    @property
    def tcp_port(self) -> int | None:
        """Its command port; not known by HTTP."""
        return self.identity.tcp_port if isinstance(self.identity, Identity) else None

    @property
    def can_be_told(self) -> bool:
        """Whether there is any way to signal it."""
        return self.tcp_port is not None or self.message.udp_port != 0
