"""Connections without a socket."""

from __future__ import annotations

import asyncio
from typing import cast

from sync_core.model.security import IpAddress, Level
from sync_core.net.connection import Connection, ServerLimits
from tests.support.net import LOCALHOST

__all__ = ["FakeConnection", "a_connection"]


class _Closable:
    """The part of a stream writer that ``Connection.close`` needs."""

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class FakeConnection(Connection):
    """A connection without a socket."""

    def __init__(self, *, level: Level, ip: IpAddress, port: int) -> None:
        self.writer = _Closable()
        super().__init__(
            cast(asyncio.StreamReader, object()),
            cast(asyncio.StreamWriter, self.writer),
            number=port,
            peer=(ip, port),
            local_ip=LOCALHOST,
            level=level,
            limits=ServerLimits(),
        )

    @property
    def was_closed(self) -> bool:
        return self.writer.is_closed


def a_connection(*, level: Level = Level.ALL, ip: IpAddress = LOCALHOST, port: int = 50001) -> FakeConnection:
    """Return a connection that handlers may look at and close."""
    return FakeConnection(level=level, ip=ip, port=port)
