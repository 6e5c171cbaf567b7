"""Raw HTTP for tests: requests as bytes, responses taken apart."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

__all__ = ["ENGINE", "PROLOG", "Response", "ScriptedSupervisor", "a_response", "get", "post", "read_response"]

ENGINE = "/jobscheduler/engine/command"
PROLOG = b'<?xml version="1.0" encoding="ISO-8859-1"?>'


@dataclass(frozen=True)
class Response:
    """One response; header names in lower case, the body as sent."""

    version: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> bytes:
        """The body without its compression."""
        return gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body


def post(
    body: bytes, *, path: str = ENGINE, version: str = "1.1", content_type: str | None = "text/xml", more: str = ""
) -> bytes:
    """Return a POST; ``more`` are whole header lines with their line ends."""
    kind = f"Content-Type: {content_type}\r\n" if content_type is not None else ""
    head = f"POST {path} HTTP/{version}\r\nHost: master\r\n{kind}{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


def get(path: str, *, version: str = "1.1", more: str = "") -> bytes:
    """Return a GET; ``path`` is written as it is."""
    return f"GET {path} HTTP/{version}\r\nHost: master\r\n{more}\r\n".encode("latin-1")


async def read_response(reader: asyncio.StreamReader) -> Response:
    """Return the next response of a connection; it must say how long it is."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    version, status, *_ = first.split(" ")
    body = await reader.readexactly(int(headers["content-length"]))
    return Response(version=version, status=int(status), headers=headers, body=body)


def a_response(
    body: bytes, *, status: str = "200 OK", content_type: str = "text/xml; charset=ISO-8859-1", more: str = ""
) -> bytes:
    """Return a whole response, after which the connection is kept alive."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


@dataclass
class ScriptedSupervisor:
    """A supervisor that speaks HTTP as a test says; it keeps the head and the body of what it was asked.

    Attributes:
        answer: makes the bytes of the response to a request body; empty bytes close the connection.
        closes: whether it closes the connection after each response.
        address: where it listens.
    """

    answer: Callable[[bytes], bytes]
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    port: int = 0
    closes: bool = False
    address: str = "127.0.0.1"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedSupervisor]:
        server = await asyncio.start_server(self._serve, self.address, self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(line for line in head.lower().splitlines() if line.startswith("content-length:"))
                body = await reader.readexactly(int(length.partition(":")[2]))
                self.heads.append(head)
                self.bodies.append(body)
                response = self.answer(body)
                writer.write(response)
                await writer.drain()
                if self.closes or not response:
                    break
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
