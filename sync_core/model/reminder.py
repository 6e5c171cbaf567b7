"""When a master tells a slave that something changed, and how often it says so again.

A change is signalled at once by UDP and again every 30 s until the slave has fetched (``protocol.md`` section 6.3).
Who did not answer the first datagram is reminded over its TCP port too, and after 60 s the log gets SCHEDULER-474,
again at the earliest after 300 s. A slave that never asks by itself is nudged after a while without a fetch, whether
something changed or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

__all__ = ["DEFAULT_RHYTHM", "Reminder", "Rhythm", "Signal"]


class Signal(StrEnum):
    """What is to be done for a slave now."""

    UDP = "udp"
    TCP = "tcp"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often a slave is told.

    Attributes:
        repeat_s: until a change that it did not fetch is said again.
        warn_after_s: until the log says that it does not answer.
        warn_again_s: until the log says so again.
        nudge_s: without a fetch, until it is told to check although nothing changed; ``None`` = it checks by itself.
    """

    repeat_s: float = 30.0
    warn_after_s: float = 60.0
    warn_again_s: float = 300.0
    nudge_s: float | None = None


DEFAULT_RHYTHM = Rhythm()


class Reminder(NamedTuple):
    """How far the signalling of one slave has come; all times are monotonic seconds.

    Attributes:
        rhythm: how often it is told.
        pending_since: when the change that the slave has not fetched yet was seen; ``None`` = it has everything.
        fetched_at: when it fetched last; ``None`` before the first time.
        signalled_at: when it was last told since then.
        signals: how often it was told since then.
        warned_at: when SCHEDULER-474 was last logged; survives a fetch, so the 300 s hold.
    """

    rhythm: Rhythm = DEFAULT_RHYTHM
    pending_since: float | None = None
    fetched_at: float | None = None
    signalled_at: float | None = None
    signals: int = 0
    warned_at: float | None = None

    def changed(self, now: float) -> Reminder:
        """Return the reminder after a change was seen; nothing happens if one is pending already."""
        return (
            self if self.pending_since is not None else self._replace(pending_since=now, signalled_at=None, signals=0)
        )

    def registered(self, now: float) -> Reminder:
        """Return the reminder of a slave that registered just now; it fetches by itself, silence counts from here."""
        return self.parted()._replace(pending_since=now, signalled_at=now, signals=1)

    def fetched(self, now: float) -> Reminder:
        """Return the reminder after the slave was given all that differs."""
        return self.parted()._replace(fetched_at=now)

    def parted(self) -> Reminder:
        """Return the reminder of a slave that can't be told anything for now."""
        return Reminder(rhythm=self.rhythm, warned_at=self.warned_at)

    def next_deadline(self) -> float | None:
        """Return when ``due`` has something to say next; ``None`` while there is nothing to wait for."""
        if self.pending_since is None:
            return self._nudge_at()
        if self.signalled_at is None:
            return self.pending_since
        return min(self.signalled_at + self.rhythm.repeat_s, self._warn_at(self.pending_since))

    def due(self, now: float, *, has_udp: bool) -> tuple[Reminder, tuple[Signal, ...]]:
        """Return what to do now, and the reminder after it was done.

        Args:
            now: monotonic seconds.
            has_udp: whether the slave registered a wake-up port; without one TCP is used at once.
        """
        signals: list[Signal] = []
        after = self
        if self._is_told_now(now):
            if has_udp:
                signals.append(Signal.UDP)
            if self.signals > 0 or not has_udp:
                signals.append(Signal.TCP)
            after = after._replace(signalled_at=now, signals=self.signals + 1)
        if self.pending_since is not None and now >= self._warn_at(self.pending_since):
            signals.append(Signal.WARN)
            after = after._replace(warned_at=now)
        return after, tuple(signals)

    def _is_told_now(self, now: float) -> bool:
        if self.pending_since is None:
            nudge_at = self._nudge_at()
            return nudge_at is not None and now >= nudge_at
        return self.signalled_at is None or now >= self.signalled_at + self.rhythm.repeat_s

    def _nudge_at(self) -> float | None:
        if self.rhythm.nudge_s is None or self.fetched_at is None:
            return None
        return (self.fetched_at if self.signalled_at is None else self.signalled_at) + self.rhythm.nudge_s

    def _warn_at(self, pending_since: float) -> float:
        at = pending_since + self.rhythm.warn_after_s
        return at if self.warned_at is None else max(at, self.warned_at + self.rhythm.warn_again_s)
