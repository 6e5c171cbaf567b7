"""Builders and helpers for tests with sockets: hosts, free ports, log lines, and raw peers."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sync_core.model.inventory import Connection, Dialect, Host, Inventory, MaxDelete, Role, SshSettings
from sync_core.model.rights import NO_CACHE_RIGHTS
from sync_core.model.security import IpAddress, parse_ip
from sync_core.net.resolve import Lookup
from tests.support.ports import free_port

__all__ = [
    "LOCALHOST",
    "LOCALHOST6",
    "Lines",
    "ManualClock",
    "RawPeer",
    "a_host",
    "an_inventory",
    "eventually",
    "free_port",
    "ip",
    "listening",
    "lookup_of",
    "run",
]

T = TypeVar("T")
DEADLINE_S = 20.0
"""Far beyond what anything here takes; it only keeps a broken test from hanging."""


def ip(text: str) -> IpAddress:
    """Return a literal address."""
    address = parse_ip(text)
    assert address is not None
    return address


LOCALHOST = ipaddress.IPv4Address("127.0.0.1")
LOCALHOST6 = ipaddress.IPv6Address("::1")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine with a deadline."""

    async def with_deadline() -> T:
        async with asyncio.timeout(DEADLINE_S):
            return await coroutine

    return asyncio.run(with_deadline())


async def eventually(is_true: Callable[[], bool]) -> None:
    """Return as soon as the condition holds; the deadline of ``run`` ends a wait in vain."""
    while not is_true():  # noqa: ASYNC110 - what is waited for knows nothing of events
        await asyncio.sleep(0.002)


class ManualClock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Lines(logging.Handler):
    """Collects what a logger is told, as ``(level, prefix, message)``."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def lines(self) -> list[tuple[str, str, str]]:
        return [(one.levelname, getattr(one, "prefix", ""), one.getMessage()) for one in self.records]

    def messages(self, level: str) -> list[str]:
        return [message for name, _, message in self.lines if name == level]

    @classmethod
    @contextmanager
    def of(cls, name: str = "sync_core.net") -> Iterator[Lines]:
        """Collect the lines of a logger and those below it."""
        logger, handler = logging.getLogger(name), cls()
        before = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        try:
            yield handler
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before)


@contextmanager
def listening(address: str = "127.0.0.1", *, port: int = 0, udp: bool = False) -> Iterator[int]:
    """Hold a port with a socket that never says anything, and yield its number."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as sock:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        if not udp:
            sock.listen()
        yield sock.getsockname()[1]


@contextmanager
def taking_all(port: int = 0) -> Iterator[int]:
    """Hold a port with a service that takes every connection and never says anything, and yield its number."""
    taken: list[socket.socket] = []

    def take(server: socket.socket) -> None:
        with suppress(OSError):  # it is over
            while True:
                taken.append(server.accept()[0])

    with socket.create_server(("127.0.0.1", port)) as server:
        thread = threading.Thread(target=take, args=(server,))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for one in taken:
                one.close()


class RawPeer:
    """A TCP client that sends and reads bytes as a test says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, address: str = "127.0.0.1") -> RawPeer:
        return cls(*await asyncio.open_connection(address, port))

    @property
    def port(self) -> int:
        number = self.writer.get_extra_info("sockname")[1]
        assert isinstance(number, int)
        return number

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> bytes:
        """Return one answer with its NUL."""
        return await self.reader.readuntil(b"\0")

    async def rest(self) -> bytes:
        """Return everything up to the end of the stream; a reset counts as an end."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return b""

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


def a_host(name: str, *, role: Role = Role.SLAVE, **changes: Any) -> Host:
    """Return a host of this machine with the contract's defaults."""
    is_master = role is Role.MASTER
    values: dict[str, Any] = {
        "name": name,
        "role": role,
        "address": "127.0.0.1",
        "tcp_port": 4440 if is_master else 5000,
        "udp_port": None if is_master else 5000,
        "listen": None,
        "remote": Path("/nowhere/remote") if is_master else None,
        "cache": None if is_master else Path("/nowhere/cache"),
        "dialect": Dialect.AUTO,
        "masters": () if is_master else ("master",),
        "scheduler_id": name,
        "folder": None,
        "interval_s": 60.0,
        "connection": Connection.LOCAL,
        "ssh": SshSettings(),
        "become": False,
        "jsync": "jsync",
        "allowed_hosts": None,
        "tcp_required": True,
        "udp_required": True,
        "max_delete": MaxDelete(number=50, is_percentage=True),
        "rights": NO_CACHE_RIGHTS,
    }
    return Host(**{**values, **changes})


def an_inventory(*hosts: Host) -> Inventory:
    """Return an inventory of these hosts without any groups."""
    named = {host.name: host for host in hosts}
    return Inventory(sources=(Path("/nowhere/jsync.yaml"),), hosts=named, groups={}, settings={})


def lookup_of(table: Mapping[str, Sequence[str]], asked: list[str] | None = None) -> Lookup:
    """Return a name service that knows a table; other names raise as the system does."""

    async def look_up(name: str) -> list[str]:
        if asked is not None:
            asked.append(name)
        await asyncio.sleep(0)
        if name not in table:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return list(table[name])

    return look_up
