"""The listening end of conversations: accepts connections and lets each one be served on its own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, cast

from sync_core.model.probe import Protocol
from sync_core.model.security import IpAddress, Level
from sync_core.net.addresses import LOOPBACK4, ip_of
from sync_core.net.admission import Admission, Rank, Standing, StandingOf
from sync_core.net.connection import Connection, DialectHandler, Handler, ServerLimits, Traffic, connection_prefix
from sync_core.net.limits import max_connections, raise_file_limit
from sync_core.net.listening import BACKLOG, bind
from sync_core.net.own_socket import is_of_root_or_us, listen_own
from sync_core.net.streams import keep_alive
from sync_core.net.tally import Tally
from sync_core.net.tls import Tls
from sync_core.protocol.texts import text
from sync_core.protocol.xml import MAX_ELEMENTS

__all__ = ["CommandServer", "Connection", "DialectHandler", "Handler", "ServerLimits", "Traffic"]

_log = logging.getLogger(__name__)

LevelOf: TypeAlias = Callable[[IpAddress], Level]


class CommandServer:
    """An agent's command port. Call ``start``, later ``close``.

    Peers below level ``info`` are turned away without a byte (``protocol.md`` section 10). A connection may stay
    idle for ever, as slaves do; one that misbehaves hurts nobody else.

    Args:
        listen: the address; ``None`` = all interfaces.
        port: ``0`` lets the system choose.
        handler: answers the requests; called for one request of a connection at a time.
        level_of: what an address may do.
        answer_time: the text for ``answer/@time``.
        wall_clock: seconds since the epoch, for the same in answers by HTTP.
        standing_of: what an address counts as where there are more connections than places.
        most_entries: tells how many entries a list may have now; by default as many as a document.
        on_close: called once for each connection that was served, after its last answer.
        serve_dialect: serves the rest of a connection once the preface of our own dialect has come.
        limits: what one connection may cost.
        tls: spoken with those who begin with it; ``None`` = with nobody.
        own_socket: where root and this process's own user may ask as well, and may do all.
        most_connections: at once; ``None`` takes what the limit of open files allows.
    """

    def __init__(
        self,
        *,
        listen: str | None,
        port: int,
        handler: Handler,
        level_of: LevelOf,
        answer_time: Callable[[], str],
        standing_of: StandingOf = lambda _: Standing(Rank.THIS_MACHINE),
        most_entries: Callable[[], int] = lambda: MAX_ELEMENTS,
        on_close: Callable[[Connection], None] = lambda _: None,
        serve_dialect: DialectHandler | None = None,
        limits: ServerLimits | None = None,
        tls: Tls | None = None,
        own_socket: Path | None = None,
        most_connections: int | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._listen = listen
        self._port = port
        self._handler = handler
        self._level_of = level_of
        self._answer_time = answer_time
        self._standing_of = standing_of
        self._most_entries = most_entries
        self._on_close = on_close
        self._serve_dialect = serve_dialect
        self._limits = limits or ServerLimits()
        self._traffic = Traffic(self._limits)
        self._tls = tls
        self._own_socket = own_socket
        self._wall_clock = wall_clock
        self._numbers = itertools.count(1)
        self._servers: list[asyncio.Server] = []
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._max_connections = most_connections
        self._admission: Admission[Connection] = Admission(most_connections or 0, standing_of)
        self._not_allowed = Tally(_log, logging.WARNING)
        self._made_room = Tally(_log, logging.WARNING)
        self._too_many = Tally(_log, logging.ERROR)

    @property
    def port(self) -> int:
        """The port that is listened on; of use where ``0`` was asked for."""
        return self._port

    @property
    def most_connections(self) -> int:
        """How many connections there can be at once; known after ``start``."""
        return self._max_connections or 0

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections that are open now, oldest first."""
        return tuple(self._connections)

    async def start(self) -> None:
        """Listen; this process's limit of open files is raised as far as the system allows.

        Raises:
            PortInUseError: somebody else has the port; the error names who, if that can be known.
            HostError: the address or port can't be listened on.
        """
        file_limit = raise_file_limit()
        self._max_connections = self._max_connections or max_connections(file_limit)
        self._admission = Admission(self._max_connections, self._standing_of)
        sockets = bind(Protocol.TCP, self._listen, self._port)
        self._port = sockets[0].getsockname()[1]
        for sock in sockets:
            self._servers.append(await asyncio.start_server(self._accept, sock=sock, backlog=BACKLOG))
        if self._own_socket is not None:
            await self._listen_own(self._own_socket)

    async def _listen_own(self, path: Path) -> None:
        try:
            sock = listen_own(path, backlog=BACKLOG)
        except OSError as error:
            _log.warning("%s can't be listened on, root is a peer like others: %s", path, error.strerror)
        else:
            self._servers.append(await asyncio.start_server(self._accept_own, sock=sock, backlog=BACKLOG))

    def judge_again(self) -> None:
        """Take that ``level_of`` may say something else now: who may not connect any more is cut off."""
        for connection in self.connections:
            connection.level = self._level_of(connection.peer_ip)
            if connection.level < Level.INFO:
                self._not_allowed.note(text("SCHEDULER-287"), prefix=connection.prefix)
                connection.close()

    async def close(self) -> None:
        """Stop listening, close all connections and return when their handlers are done; may be called twice."""
        for server in self._servers:
            server.close()
        if self._own_socket is not None and self._servers:
            self._own_socket.unlink(missing_ok=True)
        self._servers.clear()
        tasks = tuple(self._connections.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for tally in (self._not_allowed, self._too_many, self._made_room):
            tally.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _name_of(writer, "peername")
        local = _name_of(writer, "sockname")
        if peer is None or local is None or not self._is_let_in(peer):
            writer.close()
            return
        keep_alive(writer)
        await self._serve(reader, writer, peer, local[0], level=self._level_of(peer[0]), tls=self._tls)

    async def _accept_own(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_of_root_or_us(cast("socket.socket", writer.get_extra_info("socket"))):
            await self._serve(reader, writer, (LOOPBACK4, 0), LOOPBACK4, level=Level.ALL, is_own=True)
        else:
            writer.close()

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: tuple[IpAddress, int],
        local_ip: IpAddress,
        *,
        level: Level,
        tls: Tls | None = None,
        is_own: bool = False,
    ) -> None:
        connection = Connection(
            reader,
            writer,
            number=next(self._numbers),
            peer=peer,
            local_ip=local_ip,
            level=level,
            limits=self._limits,
            most_entries=self._most_entries,
            traffic=self._traffic,
            tls=tls,
            now_s=asyncio.get_running_loop().time(),
            is_own=is_own,
            wall_clock=self._wall_clock,
        )
        self._connections[connection] = cast("asyncio.Task[None]", asyncio.current_task())
        if not is_own:
            self._admission.enter(connection)
        try:
            with contextlib.suppress(asyncio.CancelledError):  # close() ends us; asyncio would log that as an error
                await connection.serve(self._handler, self._answer_time, self._serve_dialect)
        finally:
            del self._connections[connection]
            self._admission.leave(connection)
            self._on_close(connection)

    def _is_let_in(self, peer: tuple[IpAddress, int]) -> bool:
        prefix = connection_prefix(*peer)
        if self._level_of(peer[0]) < Level.INFO:
            self._not_allowed.note(text("SCHEDULER-287"), prefix=prefix)
            return False
        leaving = self._admission.who_goes(peer[0])
        if leaving is None:
            self._too_many.note(text("SCHEDULER-286", self._max_connections), prefix=prefix)
            return False
        for silent in leaving:
            self._made_room.note("it was silent longest, and is closed for another connection", prefix=silent.prefix)
            self._admission.leave(silent)
            silent.cut()
        return True


def _name_of(writer: asyncio.StreamWriter, which: str) -> tuple[IpAddress, int] | None:
    """Return one end of a connection; ``None`` if it was over before it began."""
    name = writer.get_extra_info(which)
    return (ip_of(name[0]), name[1]) if name else None
