"""What the scripted peers share: they behave as the real JobScheduler of the captures does.

The peers of ``peer_slave`` and ``peer_supervisor`` use nothing of ``sync_core``: a mistake of ours must not be made
on both ends. They are as strict and as forgetful as the originals (``protocol.md`` sections 1.2, 1.3, 3, 5 and 17).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

__all__ = [
    "ONE_SIX",
    "ONE_THREE",
    "Edition",
    "EndFinder",
    "Listening",
    "TroubleError",
    "attribute",
    "eventually",
    "ports_for_both",
    "segments_in",
]

_TCP_INFO_DATA_SEGMENTS_IN = 152
_SPAN_END_S = 100 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What the versions do differently.

    Attributes:
        version: what a slave says that it is.
        prolog: what documents begin with.
        tail: what stands behind an answer that is not a fetch's.
        ok: the answer to a registration.
        is_utc: whether ``answer/@time`` is UTC with ``Z``; it is local time otherwise.
        fraction: of file times in answers.
        loses_wake_ups: whether a wake-up during a fetch is forgotten.
        dies_of_removals: whether a removed folder with several entries, or one below it, is the slave's end
            (section 17).
    """

    version: str
    prolog: str
    tail: str
    ok: str
    is_utc: bool
    fraction: str
    loses_wake_ups: bool
    dies_of_removals: bool


_PROLOG = '<?xml version="1.0" encoding="ISO-8859-1"?>'

ONE_THREE = Edition(
    version="1.3.12.2131-17280",
    prolog=_PROLOG + "\n",
    tail="\n\0",
    ok="<ok/>",
    is_utc=False,
    fraction=".000",
    loses_wake_ups=False,
    dies_of_removals=True,
)
ONE_SIX = Edition(
    version="1.6.4043",
    prolog=_PROLOG,
    tail="\0",
    ok='<ok recommended="supervisor.configuration.fetch"/>',
    is_utc=True,
    fraction="",
    loses_wake_ups=True,
    dies_of_removals=False,
)


class TroubleError(Exception):
    """What a real peer logs before it gives a connection up."""


class EndFinder:
    """The original's scanner, byte by byte (section 1.2)."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._depth = 0
        self._tag = b""
        self._is_tag = False

    def feed(self, block: bytes) -> bool:
        """Whether the document is complete with this block."""
        return any([self._take(byte) for byte in block])

    def _take(self, byte: int) -> bool:
        self._first = byte if self._first is None else self._first
        if byte == 0:
            return False
        if not self._is_tag:
            self._is_tag, self._tag = byte == ord("<"), b""
            return byte == ord("\n") and self._first != ord("<")
        if byte != ord(">"):
            self._tag = self._tag[:1] + self._tag[-1:] if len(self._tag) > 2 else self._tag
            self._tag += bytes([byte])
            return False
        self._is_tag = False
        return self._close()

    def _close(self) -> bool:
        if self._tag[:1] == b"/":
            self._depth -= 1
            return self._depth == 0
        if self._tag[:1].isalpha():
            if self._tag[-1:] == b"/" and len(self._tag) > 1:
                return self._depth == 0
            self._depth += 1
        return False


def parse(document: bytes) -> ET.Element:
    """Read a document as the original does, all received bytes in it; one NUL at its end is forgiven."""
    whole = document[:-1] if document.endswith(b"\0") else document
    if not whole.startswith(b"<"):
        raise TroubleError("LIBXML2   [:1: parser error : Document is empty")
    try:
        return ET.fromstring(whole)
    except ET.ParseError as error:
        raise TroubleError(f"LIBXML2   [:1: parser error : {error}]") from error


def attribute(value: str) -> str:
    """Write an attribute's value as the original's writer does."""
    for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        value = value.replace(plain, escaped)
    return value


def written_time(epoch_s: int, fraction: str) -> str:
    """Write a file's time, with the original's peculiarities at both ends (section 1.6)."""
    if epoch_s < _SPAN_END_S:
        return f"{epoch_s // 3600:02}:{epoch_s // 60 % 60:02}:{epoch_s % 60:02}"
    return f"{datetime.fromtimestamp(min(epoch_s, 2**31 - 1), UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def read_time(text: str) -> int:
    """Read a file's time as leniently as the original; zone offsets are not understood (capture 03)."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d*)?(Z|\+0000)?", text)
    if not text:
        return 0
    if found is None:
        raise TroubleError(f"SOS-1386  {text} ist nicht als Uhrzeit erkennbar")
    moment = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00")
    return min(int(moment.timestamp()), 2**31 - 1)


def segments_in(sock: socket.socket) -> int:
    """Return how many segments with data the kernel has received; two writes of a peer are two of them."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_DATA_SEGMENTS_IN + 4)
    (count,) = struct.unpack_from("=I", info, _TCP_INFO_DATA_SEGMENTS_IN)
    assert isinstance(count, int)
    return count


def ports_for_both(ip: str, port: int = 0) -> tuple[socket.socket, socket.socket]:
    """Return a listening TCP socket and a UDP socket with the same port."""
    while True:
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((ip, port))
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            tcp.close()
            udp.close()
            continue
        tcp.listen()
        tcp.setblocking(False)
        udp.setblocking(False)
        return tcp, udp


Serve: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listening:
    """A listening port; its connections end with it."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0, *, sock: socket.socket | None = None) -> int:
        """Listen on 127.0.0.1, or with ``sock``, and return the port."""
        host = {"sock": sock} if sock is not None else {"host": "127.0.0.1", "port": port}
        self._server = await asyncio.start_server(self._accept, backlog=1000, **host)
        number = self._server.sockets[0].getsockname()[1]
        assert isinstance(number, int)
        return number

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what is closed is gone one round later

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()


async def eventually(is_true: Callable[[], object], what: str, *, timeout_s: float = 20.0) -> None:
    """Return as soon as the condition holds; fail with a word when it never does."""
    deadline_s = asyncio.get_running_loop().time() + timeout_s
    while not is_true():
        if asyncio.get_running_loop().time() > deadline_s:
            raise AssertionError(f"in vain: {what}")
        await asyncio.sleep(0.005)
