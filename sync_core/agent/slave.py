"""The long-lived slave: registers, checks, applies, and comes back by itself when its master was away.

States as in ``protocol.md`` section 7; unlike the original it checks every ``interval_s`` too, has a time-out on every
wait, and tries the next master of its list when one is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from sync_core.agent.cache import CacheFolder
from sync_core.agent.logs import PrefixedLogger
from sync_core.agent.master_link import ANSWER_TIMEOUT_S, Link, open_link
from sync_core.agent.settings import as_peer
from sync_core.agent.slave_state import SlaveState
from sync_core.model.errors import (
    HostError,
    JsyncError,
    PeerError,
    RemoteRefusalError,
    TooManyRemovalsError,
    TreeError,
    UnreachableError,
    UnsafeNameError,
)
from sync_core.model.file import File
from sync_core.model.folder import get
from sync_core.model.inventory import Host
from sync_core.model.path import sort_key
from sync_core.model.retry import check_pause_s, retry_pause_s
from sync_core.net.resolve import Resolver
from sync_core.net.tls import Tls
from sync_core.protocol.proof import WakeUpProof
from sync_core.protocol.texts import text
from sync_core.protocol.times import format_log_insertion
from sync_core.tree.apply import Applied

__all__ = ["CheckLoop", "Patience"]

_log = logging.getLogger(__name__)

_FEW_LINES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a slave waits.

    Attributes:
        answer_s: for the next byte of an answer.
        at_once_every_s: a loss is followed by a try at once, but only so often.
    """

    answer_s: float = ANSWER_TIMEOUT_S
    at_once_every_s: float = 10.0


DEFAULT_PATIENCE = Patience()


class CheckLoop:
    """Keeps one cache in line with the first of its masters that answers.

    Args:
        host: the slave.
        masters: in the order in which they are tried.
        cache: the copy.
        resolver: looks up the masters' names.
        state: what ``jsync status`` shows.
        tls: what it proves itself with.
        proof: learns the key of each connection in our dialect.
        patience: how long it waits for what.
        jitter: draws from [0, 1].
    """

    def __init__(
        self,
        host: Host,
        masters: tuple[Host, ...],
        *,
        cache: CacheFolder,
        resolver: Resolver,
        state: SlaveState,
        tls: Tls | None = None,
        proof: WakeUpProof | None = None,
        patience: Patience = DEFAULT_PATIENCE,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._host = host
        self._masters = masters
        self._cache = cache
        self._resolver = resolver
        self._state = state
        self._tls = tls
        self._proof = proof
        self._patience = patience
        self._jitter = jitter
        self._wake = asyncio.Event()
        self._checked = asyncio.Event()
        self._failures = 0
        self._in_sync_at = time.monotonic()
        self._tried_at_once_at: float | None = None

    def wake_up(self) -> None:
        """Check at once; many wake-ups during a check merge into one more check."""
        self._wake.set()

    def take(self, host: Host, masters: tuple[Host, ...]) -> None:
        """Go on with other settings, at once; a check under way ends first.

        Args:
            host: the slave.
            masters: those that are not among them any more, or are reached in another way, are left.
        """
        self._host, self._masters = host, masters
        self.wake_up()

    async def finish(self) -> None:
        """Return when the update under way, if there is one, is complete and reported; no other one begins."""
        if self._cache.begin_no_more():
            await self._checked.wait()

    async def run(self) -> NoReturn:
        """Follow the masters until cancelled."""
        while True:
            pause_s = retry_pause_s(self._failures, outage_s=time.monotonic() - self._in_sync_at, jitter=self._jitter())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            self._wake.clear()
            if not await self._follow_first():
                self._failures += 1

    async def _follow_first(self) -> bool:
        """Try the masters in order; return whether one was lost, so that all are tried at once."""
        masters = self._masters
        for master in masters:
            if await self._follow(master) or self._masters is not masters:
                return True
        return False

    def _is_left(self, master: Host) -> bool:
        return as_peer(master) not in map(as_peer, self._masters)

    async def _follow(self, master: Host) -> bool:
        """Stay with ``master`` until it is lost; says why in the log.

        Returns:
            Whether to try again at once: it was of use, and the last try at once is some time ago. Two slaves that
            pass for one would throw each other out without a pause.
        """
        in_sync_before = self._in_sync_at
        log = PrefixedLogger(_log, f"Supervisor_client {master.address}:{master.tcp_port}")
        link: Link | None = None
        try:
            link = await open_link(
                self._host,
                master,
                self._resolver,
                tls=self._tls,
                proof=self._proof,
                answer_timeout_s=self._patience.answer_s,
            )
            log = PrefixedLogger(_log, f"Supervisor_client {link.display}")
            await link.register(self._host)
            if not link.registers_by_fetch:
                log.info("%s", text("SCHEDULER-950"))
                self._state.registered(master.name)
            await self._check_again_and_again(master, link, log)
        except RemoteRefusalError as error:
            self._lost(log, link, link.refusal_line(error.text) if link is not None else error.text, error)
        except UnreachableError as error:
            self._lost(log, link, _line_of(error, link), error)
        except (PeerError, HostError, UnsafeNameError) as error:
            self._lost(log, link, str(error), error)
        finally:
            if link is not None:
                await link.close()
        was_in_sync = self._in_sync_at != in_sync_before
        return was_in_sync and self._failures == 0 and self._may_try_at_once()

    def _may_try_at_once(self) -> bool:
        now = time.monotonic()
        may = self._tried_at_once_at is None or now - self._tried_at_once_at >= self._patience.at_once_every_s
        if may:
            self._tried_at_once_at = now
        return may

    def _lost(self, log: PrefixedLogger, link: Link | None, line: str, error: JsyncError) -> None:
        # As the original: by HTTP it is an error (``protocol.md`` section 5.4).
        log.log(logging.ERROR if link is not None and link.registers_by_fetch else logging.WARNING, "%s", line)
        self._state.lost(str(error))

    async def _check_again_and_again(self, master: Host, link: Link, log: PrefixedLogger) -> None:
        looks_at = 0.0
        while not self._is_left(master):
            started_at = time.monotonic()
            pause_s = check_pause_s(self._host.interval_s, jitter=self._jitter())
            looks = started_at >= looks_at
            looks_at = started_at + pause_s if looks else min(looks_at, started_at + pause_s)
            self._checked.clear()
            try:
                is_done = await self._check(master, link, log, looks=looks)
            finally:
                self._checked.set()
            if is_done:
                self._failures = 0
                self._in_sync_at = time.monotonic()
            else:
                self._failures += 1
                outage_s = time.monotonic() - self._in_sync_at
                looks_at = min(
                    looks_at, started_at + retry_pause_s(self._failures, outage_s=outage_s, jitter=self._jitter())
                )
            await self._pause(link, looks_at - time.monotonic())
        log.info("is left: the inventory has other masters for %s now", self._host.name)

    async def _check(self, master: Host, link: Link, log: PrefixedLogger, *, looks: bool) -> bool:
        """Bring the cache in line; an update that the file system refuses is reported and tried again.

        Args:
            master: whose configuration it is.
            link: the way to it.
            log: for what was done.
            looks: whether to look at the cache first: every ``interval_s`` that heals what drifted. A wake-up is
                answered from what is known of it.
        """
        self._wake.clear()
        _log.info("check configuration directory %s/", self._cache.root)
        try:
            checked = await link.check(self._cache, looks=looks, wake=self._wake)
        except TreeError as error:
            return self._failed(log, error)
        if link.registers_by_fetch:
            self._state.registered(master.name)
        if checked.lacking:
            self._state.failed(f"the master can't hand out {checked.lacking} of its files now")
        else:
            self._state.fetched(checked.tree)
        await self._log_applied(log, checked.applied)
        return True

    async def _log_applied(self, log: PrefixedLogger, updates: Sequence[Applied]) -> None:
        """Write what became visible; a line per file takes its time where there are thousands."""
        for applied in updates:
            if len(applied.written) + len(applied.removed) > _FEW_LINES:
                await asyncio.to_thread(_log_applied, log, applied)
            else:
                _log_applied(log, applied)

    def _failed(self, log: PrefixedLogger, error: TreeError) -> bool:
        """Report the error; return whether asking again soon would only bring the same refusal."""
        log.error("%s", error)
        self._state.failed(str(error))
        return isinstance(error, TooManyRemovalsError)

    async def _pause(self, link: Link, pause_s: float) -> None:
        """Wait for a wake-up, the end of the pause, or the end of the connection.

        Raises:
            UnreachableError: the connection ended.
            PeerError: the master sent something that nobody asked for.
        """
        wake = asyncio.ensure_future(self._wake.wait())
        closed = asyncio.ensure_future(link.wait_closed())
        try:
            await asyncio.wait({wake, closed}, timeout=max(0.0, pause_s), return_when=asyncio.FIRST_COMPLETED)
            if closed.done():
                closed.result()
                raise UnreachableError(text("SCHEDULER-224", link.display))
        finally:
            wake.cancel()
            closed.cancel()
            await asyncio.gather(wake, closed, return_exceptions=True)


def _line_of(error: UnreachableError, link: Link | None) -> str:
    """Return the original's line: ERRNO with the system's words, or SCHEDULER-224 for an orderly end."""
    if error.errno is not None:
        return f"ERRNO-{error.errno}  {error}"
    return text("SCHEDULER-224", link.display) if link is not None else str(error)


def _log_applied(log: PrefixedLogger, applied: Applied) -> None:
    """Write SCHEDULER-701 and -702 for all that became visible, folder by folder (``protocol.md`` section 5.2)."""
    made = frozenset(applied.made)
    for path in sorted((*applied.made, *applied.written), key=sort_key):
        entry = None if path in made else get(applied.tree, path)
        if isinstance(entry, File):
            log.info("%s", text("SCHEDULER-701", f"/{path}", format_log_insertion(entry.last_write_time or 0)))
        else:
            log.info("%s", text("SCHEDULER-701", f"/{path}/"))
    for path in applied.adjusted:
        log.info("/%s has another time or other permissions", path)
    for path in applied.removed:
        log.info("%s", text("SCHEDULER-702", f"/{path}"))
    for path in applied.skipped:
        log.warning("the master sent %s: names that begin with a dot are not taken", path)
