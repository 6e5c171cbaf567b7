"""Builders and fakes for tests of agents and fleets: connections, registrations, scripted masters, agents in a loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sync_core.agent.process import process_started_at
from sync_core.agent.run_record import RunRecord
from sync_core.agent.settings import settings_md5
from sync_core.agent.state import HostState
from sync_core.model.inventory import Host, Inventory, Role
from sync_core.model.security import Level
from sync_core.net.connection import Connection
from sync_core.net.resolve import Resolver
from sync_core.net.server import CommandServer
from sync_core.protocol.messages import Answer, ChangesAnswer, FetchUpdatedFiles, OkAnswer, Register, Request
from sync_core.tree.watch import Watch, WatchStatus
from tests.support.connections import a_connection
from tests.support.net import a_host, an_inventory, free_port, lookup_of

__all__ = [
    "Pair",
    "ScriptedPeer",
    "a_connection",
    "a_pair",
    "a_registration",
    "a_resolver",
    "a_silent_peer",
    "running",
    "state_of",
]

T = TypeVar("T")

ANSWER_TIME = "2026-11-24 03:16:21.992"


def a_registration(**changes: Any) -> Register:
    """Return the registration of a slave on port 5000."""
    values = {"scheduler_id": "slave", "tcp_port": 5000, "udp_port": 5000, "version": "1.3.12"}
    return Register(**{**values, **changes})


def a_resolver(**table: Sequence[str]) -> Resolver:
    """Return a resolver that knows the names of ``table`` only; ``_`` stands for a dot."""
    return Resolver(lookup=lookup_of({name.replace("_", "."): addresses for name, addresses in table.items()}))


def state_of(folder: Path, host: Host | str) -> HostState:
    """Return a host's state folder, made."""
    state = HostState(folder, host if isinstance(host, str) else host.name)
    state.create()
    return state


class Pair:
    """A master and a slave on loopback with real folders; nothing runs yet."""

    def __init__(self, folder: Path, *, master: dict[str, Any], slave: dict[str, Any]) -> None:
        self.folder = folder
        self.remote = folder / "remote"
        self.cache = folder / "cache"
        self.state = folder / "state"
        (self.remote / "_all").mkdir(parents=True)
        port = free_port()
        self.master = a_host(
            "master",
            role=Role.MASTER,
            **{"tcp_port": free_port(), "remote": self.remote, "listen": "127.0.0.1", **master},
        )
        self.slave = a_host(
            "slave",
            **{"tcp_port": port, "udp_port": port, "cache": self.cache, "listen": "127.0.0.1", **slave},
        )

    @property
    def inventory(self) -> Inventory:
        return replace(an_inventory(self.master, self.slave), sources=(self.folder / "jsync.yaml",))

    @property
    def own(self) -> Path:
        """The slave's own folder, made if it is missing."""
        folder = self.remote / f"127.0.0.1#{self.slave.tcp_port}"
        folder.mkdir(exist_ok=True)
        return folder

    def write_record(self, host: Host, **changes: Any) -> RunRecord:
        """Let it look as if this very process were the host's agent."""
        values: dict[str, Any] = {
            "host": host.name,
            "role": host.role.value,
            "inventory": str(self.inventory.source),
            "settings_md5": settings_md5(self.inventory, host),
            "pid": os.getpid(),
            "process_started_at": process_started_at(),
            "started_at": "2026-11-24T00:00:00.000Z",
            "version": "0.1.0",
            "is_detached": True,
            "is_ready": True,
        }
        record = RunRecord(**{**values, **changes})
        state_of(self.state, host).write_record(record)
        return record


def a_pair(folder: Path, *, master: dict[str, Any] | None = None, slave: dict[str, Any] | None = None) -> Pair:
    return Pair(folder, master=master or {}, slave=slave or {})


class Agent(Protocol):
    async def start(self) -> tuple[Coroutine[Any, Any, None], ...]: ...

    async def close(self) -> None: ...


@asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[None]:
    """Run an agent in this loop; an error of one of its parts fails the test."""
    tasks = [asyncio.ensure_future(part) for part in await agent.start()]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        await stop(*tasks)
        await agent.close()


async def stop(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


@asynccontextmanager
async def in_background(*coroutines: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Run coroutines beside the test."""
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    try:
        yield
    finally:
        await stop(*tasks)


class ScriptedPeer:
    """A command port whose answers a test chooses; it keeps what it was asked.

    Args:
        answer: makes the answer to each request; by default everybody is welcome and gets nothing.
        port: to listen on; 0 = any.
    """

    def __init__(self, answer: Callable[[Request], Answer | Awaitable[Answer]] | None = None, *, port: int = 0) -> None:
        self._answer = answer or welcome
        self.requests: list[Request] = []
        self._server = CommandServer(
            listen="127.0.0.1",
            port=port,
            handler=self._handle,
            level_of=lambda _: Level.ALL,
            answer_time=lambda: ANSWER_TIME,
        )

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def fetches(self) -> int:
        return sum(isinstance(request, FetchUpdatedFiles) for request in self.requests)

    def drop_all(self) -> None:
        """Close every connection."""
        for connection in self._server.connections:
            connection.close()

    async def __aenter__(self) -> ScriptedPeer:
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    async def _handle(self, _: Connection, request: Request) -> Answer:
        self.requests.append(request)
        answer = self._answer(request)
        return await answer if isinstance(answer, Awaitable) else answer


def welcome(request: Request) -> Answer:
    return ChangesAnswer(changes=()) if isinstance(request, FetchUpdatedFiles) else OkAnswer()


@asynccontextmanager
async def a_raw_peer(*answers: bytes) -> AsyncIterator[int]:
    """Listen and answer each block that comes with the next of these bytes, then with nothing; yield the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = list(answers)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while await reader.read(65536):
                if left:
                    writer.write(left.pop(0))
                    await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def a_silent_peer() -> contextlib.AbstractAsyncContextManager[int]:
    """Listen, accept and never answer; yields the port."""
    return a_raw_peer()


def wrapped(inner: str) -> bytes:
    """Return an answer as it goes over the wire."""
    return f'<?xml version="1.0" encoding="ISO-8859-1"?><spooler><answer>{inner}</answer></spooler>\0'.encode("latin-1")


@contextmanager
def in_thread(something: contextlib.AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Hold an asynchronous context on a thread of its own, for what is tested from outside a loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        entered = asyncio.run_coroutine_threadsafe(something.__aenter__(), loop).result(20)
        try:
            yield entered
        finally:
            asyncio.run_coroutine_threadsafe(something.__aexit__(None, None, None), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


class DeafWatch(Watch):
    """A watch that never hears anything, as on a network file system."""

    async def start(self) -> WatchStatus:
        return WatchStatus(reason="it is deaf")
