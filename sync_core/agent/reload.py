"""Reload: an agent that runs reads its inventory again and goes on by it, as a whole or not at all."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn, Protocol

from sync_core.agent.run_record import RunRecord
from sync_core.agent.settings import needing_restart, settings_md5
from sync_core.agent.slave_state import rfc3339
from sync_core.model.errors import HostError, JsyncError
from sync_core.model.inventory import Host, Inventory

__all__ = ["Reloads"]

_log = logging.getLogger(__name__)


class _Agent(Protocol):
    async def take(self, inventory: Inventory, host: Host) -> None:
        """Go on by another inventory."""


class Reloads:
    """Takes over the inventory of today when it is told to; what is wrong with it changes nothing.

    Args:
        agent: goes on by it.
        host: as the agent was started.
        record: of the agent.
        read: reads the inventory; blocks.
        write: replaces the record, by which others learn what came of it.
    """

    def __init__(
        self,
        agent: _Agent,
        host: Host,
        record: RunRecord,
        *,
        read: Callable[[], Inventory],
        write: Callable[[RunRecord], None],
    ) -> None:
        self._agent = agent
        self._host = host
        self._record = record
        self._read = read
        self._write = write
        self._wanted = asyncio.Event()

    def want(self) -> None:
        """Reload as soon as possible."""
        self._wanted.set()

    async def run(self) -> NoReturn:
        """Reload whenever that is wanted, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            after = replace(await self._after_reload(), reloads=self._record.reloads + 1)
            # What was wanted meanwhile may have come too late for this one: whoever waits for it is told of the next.
            if not self._wanted.is_set():
                self._tell(after)

    async def _after_reload(self) -> RunRecord:
        try:
            digest = await self._reload()
        except JsyncError as error:
            for line in str(error).splitlines():
                _log.error("not reloaded: %s", line)
            return replace(self._record, reload_error=_words(error))
        _log.info("reloaded: %s", self._record.inventory)
        return replace(self._record, settings_md5=digest, reloaded_at=rfc3339(time.time()), reload_error=None)

    async def _reload(self) -> str:
        name = self._host.name
        inventory = await asyncio.to_thread(self._read)
        host = inventory.hosts.get(name)
        if host is None:
            raise HostError(f"the inventory has no host {name} any more", hint="`jsync down` stops its agent")
        if changed := needing_restart(self._host, host):
            needs = "needs" if len(changed) == 1 else "need"
            raise HostError(f"another {', '.join(changed)} {needs} a restart", hint=f"`jsync up -d {name}`")
        await self._agent.take(inventory, host)
        return await asyncio.to_thread(settings_md5, inventory, host)  # of thousands of slaves it takes its time

    def _tell(self, record: RunRecord) -> None:
        self._record = record
        try:
            self._write(record)
        except JsyncError as error:  # the agent goes on; who waits for word runs into a time-out
            _log.error("%s", error)


def _words(error: JsyncError) -> str:
    return f"{error} ({error.hint})" if error.hint else str(error)
