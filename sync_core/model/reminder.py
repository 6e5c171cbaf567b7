"""When a master tells a slave that something changed, and how often it says so again.

A change is signalled at once by UDP and again every 30 s until the slave has fetched (``protocol.md`` section 6.3).
Who did not answer the first datagram is reminded over its TCP port too, and after 60 s the log gets SCHEDULER-474,
again at the earliest after 300 s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

__all__ = ["REPEAT_S", "WARN_AFTER_S", "WARN_AGAIN_S", "Reminder", "Signal"]

REPEAT_S = 30.0
WARN_AFTER_S = 60.0
WARN_AGAIN_S = 300.0


class Signal(StrEnum):
    """What is to be done for a slave now."""

    UDP = "udp"
    TCP = "tcp"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """How far the signalling of one slave has come; all times are monotonic seconds.

    Attributes:
        pending_since: when the change that the slave has not fetched yet was seen; ``None`` = it has everything.
        signalled_at: when it was last told.
        signals: how often it was told since ``pending_since``.
        warned_at: when SCHEDULER-474 was last logged; survives a fetch, so the 300 s hold.
    """

    pending_since: float | None = None
    signalled_at: float | None = None
    signals: int = 0
    warned_at: float | None = None

    def changed(self, now: float) -> Reminder:
        """Return the reminder after a change was seen; nothing happens if one is pending already."""
        return (
            self if self.pending_since is not None else replace(self, pending_since=now, signalled_at=None, signals=0)
        )

    def registered(self, now: float) -> Reminder:
        """Return the reminder of a slave that registered just now; it fetches by itself, silence counts from here."""
        return Reminder(pending_since=now, signalled_at=now, signals=1, warned_at=self.warned_at)

    def fetched(self) -> Reminder:
        """Return the reminder after the slave was given all that differs."""
        return Reminder(warned_at=self.warned_at)

    def next_deadline(self) -> float | None:
        """Return when ``due`` has something to say next; ``None`` while nothing is pending."""
        if self.pending_since is None:
            return None
        if self.signalled_at is None:
            return self.pending_since
        return min(self.signalled_at + REPEAT_S, self._warn_at())

    def due(self, now: float, *, has_udp: bool) -> tuple[Reminder, tuple[Signal, ...]]:
        """Return what to do now, and the reminder after it was done.

        Args:
            now: monotonic seconds.
            has_udp: whether the slave registered a wake-up port; without one TCP is used at once.
        """
        if self.pending_since is None:
            return self, ()
        signals: list[Signal] = []
        after = self
        if self.signalled_at is None or now >= self.signalled_at + REPEAT_S:
            if has_udp:
                signals.append(Signal.UDP)
            if self.signals > 0 or not has_udp:
                signals.append(Signal.TCP)
            after = replace(after, signalled_at=now, signals=self.signals + 1)
        if now >= self._warn_at():
            signals.append(Signal.WARN)
            after = replace(after, warned_at=now)
        return after, tuple(signals)

    def _warn_at(self) -> float:
        assert self.pending_since is not None  # noqa: S101 - both callers have looked
        at = self.pending_since + WARN_AFTER_S
        return at if self.warned_at is None else max(at, self.warned_at + WARN_AGAIN_S)
