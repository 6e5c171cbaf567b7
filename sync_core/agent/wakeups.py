"""A master's wake-ups: who is told that something changed, when, and how often (``protocol.md`` section 6)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from sync_core.agent.answers import error_answer
from sync_core.agent.logs import PrefixedLogger
from sync_core.agent.register import Registrations
from sync_core.agent.registration import Slave
from sync_core.agent.views import Views
from sync_core.model.errors import JsyncError, RemoteRefusalError, TreeError
from sync_core.model.reminder import Signal
from sync_core.net.addresses import choose_source
from sync_core.net.client import CommandClient
from sync_core.net.datagrams import send_wake_up
from sync_core.protocol.messages import CheckFolders, ErrorAnswer
from sync_core.protocol.times import format_log_insertion

__all__ = ["WakeUps"]

_log = logging.getLogger(__name__)

_TCP_TIMEOUT_S = 10.0
_BATCH = 64
_MOST_TCP_AT_ONCE = 100
"""Each takes a file descriptor, of which a master with thousands of slaves has few to spare."""
_MOST_FAILED = 10_000


class WakeUps:
    """Signals each slave whose view changed since its last fetch, and nobody else.

    Args:
        register: who is registered.
        folder_of: finds a slave's own folder in the views.
        display: the slave as logs name it, ``ip/name``.
        listen: the master's ``listen``; who listens on one address also speaks from it.
        on_signal: called after a slave was signalled.
    """

    def __init__(
        self,
        register: Registrations,
        *,
        folder_of: Callable[[Slave, Views], Awaitable[str | None]],
        display: Callable[[Slave], Awaitable[str]],
        listen: str | None,
        on_signal: Callable[[], None] = lambda: None,
    ) -> None:
        self._register = register
        self._folder_of = folder_of
        self._display = display
        self._listen = listen
        self._on_signal = on_signal
        self._stir = asyncio.Event()
        self._tcp_tasks: dict[object, asyncio.Task[None]] = {}
        self._tcp_gate = asyncio.Semaphore(_MOST_TCP_AT_ONCE)
        self._tcp_failed: set[object] = set()

    def stir(self) -> None:
        """Look at the deadlines again: a registration or a fetch has moved them."""
        self._stir.set()

    async def compare(self, views: Views) -> None:
        """Note for every active slave whether ``views`` hold something that it has not fetched."""
        for slave in self._register:
            if slave.is_active and slave.given_md5 is not None:
                folder = await self._folder_of(slave, views)
                try:
                    self._note(slave, is_pending=views.tree_md5(folder) != slave.given_md5)
                except TreeError:
                    continue  # its view can't be read now: there is nothing to fetch, and its own fetch will say why
        self.stir()

    def _note(self, seen: Slave, *, is_pending: bool) -> None:
        slave = self._register.get(seen.identity)
        if slave is None or slave.given_md5 != seen.given_md5 or slave.connection is not seen.connection:
            return  # it fetched, left or came back while its folder was looked up: its own fetch books the truth
        if is_pending:
            self._register.put(
                replace(
                    slave,
                    changed_at=slave.changed_at or time.time(),
                    reminder=slave.reminder.changed(time.monotonic()) if slave.can_be_told else slave.reminder,
                )
            )
        elif slave.changed_at is not None:
            self._register.put(
                replace(slave, changed_at=None, error=None, reminder=slave.reminder.fetched(time.monotonic()))
            )

    async def run(self) -> None:
        """Send what is due until cancelled."""
        try:
            while True:
                self._stir.clear()
                for number, slave in enumerate(self._register.take_due(time.monotonic())):
                    await self._signal(slave)
                    if number % _BATCH == _BATCH - 1:
                        await asyncio.sleep(0)  # thousands at once: the fetches of the first want their turn
                deadline = self._register.next_deadline()
                timeout_s = max(0.0, deadline - time.monotonic()) if deadline is not None else None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout_s):  # wait_for of Python 3.11 may swallow a cancellation
                        await self._stir.wait()
        finally:
            for task in self._tcp_tasks.values():
                task.cancel()

    async def _signal(self, seen: Slave) -> None:
        name = await self._display(seen)
        slave = self._register.get(seen.identity)
        if slave is None or not slave.is_active:
            return
        # It may have fetched or come back while its name was looked up.
        reminder, signals = slave.reminder.due(time.monotonic(), has_udp=bool(slave.message.udp_port))
        self._register.put(replace(slave, reminder=reminder))
        for signal in signals:
            match signal:
                case Signal.UDP:
                    self._send_udp(slave, name)
                case Signal.TCP:
                    if slave.tcp_port is not None:
                        self._send_tcp(slave, name, slave.tcp_port)
                case Signal.WARN:
                    self._warn(slave, name)
        if signals:
            self._on_signal()

    def _send_udp(self, slave: Slave, name: str) -> None:
        port = slave.message.udp_port
        _log.info("sending UDP command check_folders to %s:%d", name, port)
        try:
            send_wake_up(slave.identity.ip, port, source_ip=choose_source(self._listen, slave.identity.ip))
        except OSError as error:
            _log.warning("UDP to %s:%d could not be sent: %s", name, port, error.strerror)

    def _send_tcp(self, slave: Slave, name: str, port: int) -> None:
        key = slave.identity
        if key in self._tcp_tasks:
            return
        task = asyncio.create_task(self._remind_by_tcp(slave, name, port))
        self._tcp_tasks[key] = task
        task.add_done_callback(lambda _: self._tcp_tasks.pop(key, None))

    async def _remind_by_tcp(self, slave: Slave, name: str, port: int) -> None:
        async with self._tcp_gate:
            try:
                await self._ask_by_tcp(slave, name, port)
            except JsyncError as error:
                # Said once: the slave is reminded as long as it does not fetch, and told to check every now and then.
                level = logging.DEBUG if slave.identity in self._tcp_failed else logging.WARNING
                _log.log(level, "TCP command check_folders to %s:%d failed: %s", name, port, error)
                if len(self._tcp_failed) < _MOST_FAILED:
                    self._tcp_failed.add(slave.identity)
            else:
                self._tcp_failed.discard(slave.identity)

    async def _ask_by_tcp(self, slave: Slave, name: str, port: int) -> None:
        _log.info("sending TCP command check_folders to %s:%d", name, port)
        client = await CommandClient.connect(
            slave.identity.ip,
            port,
            local_address=choose_source(self._listen, slave.identity.ip),
            timeout_s=_TCP_TIMEOUT_S,
        )
        try:
            answer = await client.ask(CheckFolders(), timeout_s=_TCP_TIMEOUT_S)
        finally:
            await client.close()
        if isinstance(answer, ErrorAnswer):
            raise RemoteRefusalError(answer.code, answer.text)

    def _warn(self, slave: Slave, name: str) -> None:
        since = slave.changed_at or slave.connected_at or time.time()
        who = f"{slave.message.scheduler_id} ({name}:{slave.tcp_port})" if slave.tcp_port else str(slave.identity)
        log = PrefixedLogger(_log, f"Remote_scheduler {who}")
        error = error_answer("SCHEDULER-474", format_log_insertion(int(since)), str(int(time.time() - since)))
        log.warning("%s", error.text)
        now = self._register.get(slave.identity)
        if now is not None:
            self._register.put(replace(now, error=error))
