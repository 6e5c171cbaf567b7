"""What a master's register wants done, done: wake-ups by UDP and TCP, warnings, the end of older connections."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from sync_core.agent.answers import error_answer
from sync_core.agent.logs import PrefixedLogger
from sync_core.model.errors import JsyncError, RemoteRefusalError
from sync_core.model.registry.effects import (
    CloseOlder,
    Effect,
    NoFolder,
    NotAnswering,
    Silent,
    TellByTcp,
    TellByUdp,
)
from sync_core.model.registry.register import Register
from sync_core.model.registry.registration import AnyIdentity, Slave
from sync_core.net.addresses import choose_source
from sync_core.net.client import CommandClient
from sync_core.net.connection import Connection
from sync_core.net.datagrams import WakeUpSender
from sync_core.net.tls import Tls, TlsTo
from sync_core.protocol.messages import CheckFolders, ErrorAnswer
from sync_core.protocol.proof import proven_wake_up
from sync_core.protocol.requests import WAKE_UP
from sync_core.protocol.texts import text
from sync_core.protocol.times import format_log_insertion

__all__ = ["Signals", "not_answering"]

_log = logging.getLogger(__name__)

_TCP_TIMEOUT_S: Final = 10.0
_AT_ONCE: Final = 32
"""Slaves that are looked at before others get their turn: a few milliseconds."""
_MOST_TCP_AT_ONCE: Final = 100
"""Each takes a file descriptor, of which a master with thousands of slaves has few to spare."""
_MOST_FAILED: Final = 10_000


class Signals:
    """Carries out effects, and lets the register go on with its work.

    Args:
        register: says what is due.
        display: a slave as logs name it, ``ip/name``.
        listen: the master's ``listen``; who listens on one address also speaks from it.
        tls: for those that proved who they are.
        on_change: called after the register changed.
    """

    def __init__(
        self,
        register: Register,
        *,
        display: Callable[[Slave], str],
        listen: str | None,
        tls: Tls | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._register = register
        self._display = display
        self._listen = listen
        self._tls = tls
        self._on_change = on_change
        self._wake_ups = WakeUpSender()
        self._numbers = itertools.count(1)
        self._stir = asyncio.Event()
        self._tcp_tasks: dict[AnyIdentity, asyncio.Task[None]] = {}
        self._tcp_gate = asyncio.Semaphore(_MOST_TCP_AT_ONCE)
        self._tcp_failed: set[AnyIdentity] = set()

    def stir(self) -> None:
        """Look again at what is due: something that the register was told has moved it."""
        self._stir.set()

    async def run(self) -> None:
        """Do what is due until cancelled."""
        try:
            while True:
                self._stir.clear()
                done = self._register.advance(now=time.monotonic(), wall=time.time(), most=_AT_ONCE)
                self.carry_out(done.effects)
                if done.has_more:
                    await asyncio.sleep(0)  # thousands at once: the fetches of the first want their turn
                    continue
                deadline = self._register.next_deadline()
                timeout_s = max(0.0, deadline - time.monotonic()) if deadline is not None else None
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout_s):  # wait_for of Python 3.11 may swallow a cancellation
                        await self._stir.wait()
        finally:
            for task in self._tcp_tasks.values():
                task.cancel()
            self._wake_ups.close()

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Do what the register says."""
        for effect in effects:
            self._do(effect)
            self._on_change()

    def _do(self, effect: Effect) -> None:
        match effect:
            case TellByUdp(slave):
                self._tell_by_udp(slave)
            case TellByTcp(slave):
                self._tell_by_tcp(slave)
            case NotAnswering(slave):
                self._warn(slave)
            case Silent(slave, silent_s):
                log = PrefixedLogger(_log, f"Remote_scheduler {slave.identity}")
                log.info("%s", text(effect.code, silent_s))
            case CloseOlder(identity, older, newer):
                _log.warning("%s", text(effect.code, str(identity), str(older), str(newer)))
                if isinstance(older, Connection):
                    older.close()
            case NoFolder(slave):
                name = f"Remote_scheduler {slave.registration.scheduler_id} ({slave.identity})"
                _log.info("%s", text(effect.code, name))

    def _tell_by_udp(self, slave: Slave) -> None:
        name, port, ip = self._display(slave), slave.registration.udp_port, slave.identity.ip
        _log.info("sending UDP command check_folders to %s:%d", name, port)
        said = WAKE_UP if slave.wake_key is None else proven_wake_up(slave.wake_key, next(self._numbers))
        try:
            self._wake_ups.send(ip, port, wake_up=said, source_ip=choose_source(self._listen, ip))
        except OSError as error:
            _log.warning("UDP to %s:%d could not be sent: %s", name, port, error.strerror)

    def _tell_by_tcp(self, slave: Slave) -> None:
        key = slave.identity
        if key in self._tcp_tasks or slave.tcp_port is None:
            return
        task = asyncio.get_running_loop().create_task(self._remind_by_tcp(slave, slave.tcp_port))
        self._tcp_tasks[key] = task
        task.add_done_callback(lambda _: self._tcp_tasks.pop(key, None))

    async def _remind_by_tcp(self, slave: Slave, port: int) -> None:
        name = self._display(slave)
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
            tls=TlsTo(self._tls, slave.identity.name) if self._tls is not None and slave.identity.name else None,
        )
        try:
            answer = await client.ask(CheckFolders(), timeout_s=_TCP_TIMEOUT_S)
        finally:
            await client.close()
        if isinstance(answer, ErrorAnswer):
            raise RemoteRefusalError(answer.code, answer.text)

    def _warn(self, slave: Slave) -> None:
        if slave.unanswered is not None:
            log = PrefixedLogger(_log, f"Remote_scheduler {_who(slave, self._display(slave))}")
            log.warning("%s", not_answering(slave).text)


def _who(slave: Slave, name: str) -> str:
    """Return the slave with its id, as warnings about it begin."""
    shown = f"{slave.registration.scheduler_id} ({name}:{slave.tcp_port})"
    return shown if slave.tcp_port else str(slave.identity)


def not_answering(slave: Slave) -> ErrorAnswer:
    """Return SCHEDULER-474 of a slave that does not answer, as the log and show_state have it."""
    since, said_at = slave.unanswered or (0.0, 0.0)
    return error_answer(NotAnswering.code, format_log_insertion(int(since)), str(int(said_at - since)))
