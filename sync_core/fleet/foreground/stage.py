"""What those share that keep agents running: who is ready, who was refused, and whether all are to stop."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Protocol

from sync_core.model.errors import JsyncError

__all__ = ["Audience", "Pauses", "Stage"]

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class Audience(Protocol):
    """Is told what goes on; must return at once."""

    def line(self, host: str, line: str) -> None:
        """The agent of a host wrote a line, or something is to be said of it."""

    def ready(self, host: str) -> None:
        """The agent of a host has bound its ports."""

    def refused(self, host: str, error: JsyncError) -> None:
        """The agent of a host did not start at all."""

    def all_ready(self) -> None:
        """All agents are ready; said once, and never if one was refused."""


@dataclass(slots=True)
class Stage:
    """One run in the foreground.

    Attributes:
        audience: is told what goes on.
        stop: all are to stop.
        refused: hosts whose agent did not start at all, with the reason.
        ready: hosts whose agent was ready once.
    """

    audience: Audience
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    refused: dict[str, JsyncError] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)

    def has_started(self, host: str) -> bool:
        """Return whether the agent of ``host`` is ready, or will not be."""
        return host in self.ready or host in self.refused

    def greet(self, host: str) -> None:
        """Take note that the agent of ``host`` is ready."""
        if host not in self.ready:
            self.ready.add(host)
            self.audience.ready(host)

    def refuse(self, host: str, error: JsyncError) -> None:
        """Take note that the agent of ``host`` does not start."""
        error.host = error.host or host
        self.refused[host] = error
        self.audience.refused(host, error)


class Pauses:
    """Growing pauses between the starts of something that dies again and again.

    Args:
        stop: ends a pause.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self.next_s = _FIRST_PAUSE_S

    async def pause(self) -> None:
        """Wait for ``next_s`` seconds, or until all are to stop; the next pause is twice as long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.next_s):
                await self._stop.wait()
        self.next_s = min(self.next_s * 2, _LONGEST_PAUSE_S)

    def reset(self) -> None:
        """Begin with short pauses again."""
        self.next_s = _FIRST_PAUSE_S
