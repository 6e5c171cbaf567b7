"""A command server whose handler remembers what it was asked."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from sync_core.model.security import IpAddress, Level
from sync_core.net.admission import Rank, Standing, StandingOf
from sync_core.net.server import CommandServer, Connection, DialectHandler, ServerLimits
from sync_core.net.tls import Tls
from sync_core.protocol.messages import Answer, OkAnswer, Request
from sync_core.protocol.xml import MAX_ELEMENTS
from tests.support.http import PROLOG
from tests.support.net import RawPeer

__all__ = ["CHECK", "NOON_S", "OK", "OK_BY_HTTP", "TIME", "Recorder", "serving", "talking"]

TIME = "2026-11-24 03:07:51.419"
"""The time of every answer by raw TCP."""
NOON_S = 1454328000.25
"""The wall clock, which answers by HTTP tell."""
CHECK = b"<check_folders/>"
OK = PROLOG + b'\n<spooler><answer time="2026-11-24 03:07:51.419"><ok/></answer></spooler>\n\0'
OK_BY_HTTP = PROLOG + b'<spooler><answer time="2016-02-01T12:00:00.250Z"><ok/></answer></spooler>'


@dataclass
class Recorder:
    """A handler that remembers what it was asked.

    Attributes:
        answer: what everybody gets, or what makes it.
        asked: who asked what.
        closed: the connections that ended.
    """

    answer: Answer | Callable[[Connection, Request], Awaitable[Answer]] = field(default_factory=OkAnswer)
    asked: list[tuple[Connection, Request]] = field(default_factory=list)
    closed: list[Connection] = field(default_factory=list)

    @property
    def requests(self) -> list[Request]:
        return [request for _, request in self.asked]

    async def handle(self, connection: Connection, request: Request) -> Answer:
        self.asked.append((connection, request))
        return await self.answer(connection, request) if callable(self.answer) else self.answer


@contextlib.asynccontextmanager
async def serving(
    recorder: Recorder,
    *,
    listen: str | None = "127.0.0.1",
    level: Callable[[IpAddress], Level] = lambda _: Level.ALL,
    limits: ServerLimits | None = None,
    standing_of: StandingOf = lambda _: Standing(Rank.THIS_MACHINE),
    most_entries: Callable[[], int] = lambda: MAX_ELEMENTS,
    most_connections: int | None = None,
    serve_dialect: DialectHandler | None = None,
    tls: Tls | None = None,
) -> AsyncIterator[CommandServer]:
    """Serve what ``recorder`` answers on a port that the system chooses."""
    server = CommandServer(
        listen=listen,
        port=0,
        handler=recorder.handle,
        level_of=level,
        answer_time=lambda: TIME,
        on_close=recorder.closed.append,
        serve_dialect=serve_dialect,
        limits=limits,
        tls=tls,
        standing_of=standing_of,
        most_entries=most_entries,
        most_connections=most_connections,
        wall_clock=lambda: NOON_S,
    )
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def talking(recorder: Recorder, *, limits: ServerLimits | None = None) -> AsyncIterator[RawPeer]:
    """Serve the same, and connect to it."""
    async with serving(recorder, limits=limits) as server:
        peer = await RawPeer.connect(server.port)
        try:
            yield peer
        finally:
            await peer.close()
