"""A slave's check loop over a real cache, for tests that script its masters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sync_core.agent.cache import CacheFolder
from sync_core.agent.slave import CheckLoop, Patience
from sync_core.agent.slave_state import SlaveState
from sync_core.model.inventory import Host, MaxDelete
from tests.support.agents import a_resolver, in_background
from tests.support.digests import MemoryDigests
from tests.support.net import a_host, eventually

__all__ = ["LoopingSlave"]


class LoopingSlave:
    """A check loop over a real cache.

    Args:
        root: its cache.
        masters: in the order in which it tries them.
        interval_s: seconds between two checks.
        patience: how long it waits for what.
        changes: other settings of the slave.

    Attributes:
        statuses: what it said of itself, the newest last.
    """

    def __init__(
        self, root: Path, *masters: Host, interval_s: float = 60.0, patience: Patience | None = None, **changes: Any
    ) -> None:
        self.cache = CacheFolder(root, max_delete=MaxDelete(number=50, is_percentage=True), digests=MemoryDigests())
        self.statuses: list[dict[str, Any]] = []
        self.state = SlaveState(lambda values: self.statuses.append(dict(values)))
        self.loop = CheckLoop(
            a_host("slave", interval_s=interval_s, **changes),
            masters,
            cache=self.cache,
            resolver=a_resolver(),
            state=self.state,
            patience=patience or Patience(),
            jitter=lambda: 0.0,
        )

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.state.values)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let it follow its masters."""
        async with in_background(self.loop.run()):
            yield

    async def in_sync(self) -> None:
        """Wait until it has what a master has."""
        await eventually(lambda: self.status["in_sync"] is True)
