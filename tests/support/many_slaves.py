"""Thousands of scripted JobSchedulers in one process: ``python -m tests.support.many_slaves PORT COUNT FIRST_PORT``.

They register at the master on 127.0.0.1, each with a wake-up port of its own, fetch, and list from then on what they
were given. Standard output gets one JSON object per line: ``{"ready": n}`` when all have their first copy, and one
with the whole story when standard input has been closed and all have fetched again, or have not for half a minute.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import resource
import socket
import sys
import time
from collections import Counter

from tests.support.peers import eventually

__all__: list[str] = []

_PROLOG = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n'
_LIST = b"supervisor.remote_scheduler.configuration.fetch_updated_files"
_FILE = re.compile(
    rb'<configuration\.file name="([^"]*)" last_write_time="([^"]*)">'
    rb'<content encoding="base64"(?:/>|>([^<]*)</content>)'
)
_AT_ONCE = 100
_PATIENCE_S = 30.0


class Listed:
    """What slaves list after an answer; the same bytes for all that got the same answer."""

    def __init__(self) -> None:
        self._lists: dict[bytes, bytes] = {}

    def after(self, before: bytes, answer: bytes) -> bytes:
        """Return the entries after an answer that only adds files to the root."""
        body = answer[answer.index(b"<configuration.directory") :]
        key = before + body
        if key not in self._lists:
            names = {name for name, _, _ in _FILE.findall(body)}
            kept = [entry for entry in re.findall(rb"<configuration\.file [^>]*/>", before) if not _named(entry, names)]
            self._lists[key] = b"".join(kept) + b"".join(_entry(*found) for found in _FILE.findall(body))
        return self._lists[key]


def _named(entry: bytes, names: set[bytes]) -> bool:
    return entry.split(b'"', 2)[1] in names


def _entry(name: bytes, at: bytes, content: bytes) -> bytes:
    md5 = hashlib.md5(base64.b64decode(content)).hexdigest().encode()
    return b'<configuration.file name="%s" last_write_time="%s" md5="%s"/>' % (name, at, md5)


class Slave(asyncio.Protocol):
    """One scripted JobScheduler."""

    def __init__(self, number: int, lists: Listed) -> None:
        self._number = number
        self._lists = lists
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._has_registered = False
        self._is_fetching = False
        self._entries = b""
        self._udp = socket.socket(type=socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self._udp.setblocking(False)
        self.ready = asyncio.get_running_loop().create_future()
        self.told_at: list[float] = []
        self.fetched_at: list[float] = []
        self.errors: list[str] = []

    @property
    def entries(self) -> bytes:
        """What it lists."""
        return self._entries

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        asyncio.get_running_loop().add_reader(self._udp, self._hear)
        udp_port = self._udp.getsockname()[1]
        self._send(
            b'<register_remote_scheduler scheduler_id="many-%d" tcp_port="%d" udp_port="%d" version="1.3.12.2131"/>'
            % (self._number, self._number, udp_port)
        )

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(b"\0"):
            return
        answer, self._received = self._received, b""
        if b"<ERROR" in answer:
            self.errors.append(answer.decode("latin-1"))
        elif not self._has_registered:
            self._has_registered = True
            self._fetch()
        elif not self._is_fetching:
            self.errors.append(f"unasked: {answer!r}")
        else:
            self._is_fetching = False
            self.fetched_at.append(time.monotonic())
            self._entries = self._lists.after(self._entries, answer)
            if not self.ready.done():
                self.ready.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.errors.append(f"the connection is lost: {exc}")
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("lost"))

    def _hear(self) -> None:
        payload = self._udp.recv(4096)
        self.told_at.append(time.monotonic())
        if payload != b"<check_folders/>":
            self.errors.append(f"heard {payload!r}")
        elif not self._is_fetching:
            self._fetch()

    def _fetch(self) -> None:
        self._is_fetching = True
        self._send(b"<%s>%s</%s>" % (_LIST, self._entries, _LIST) if self._entries else b"<%s/>" % _LIST)

    def _send(self, element: bytes) -> None:
        assert self._transport is not None
        self._transport.write(_PROLOG + element)


async def _main(port: int, count: int, first: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * count + 100
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    loop, lists, gate = asyncio.get_running_loop(), Listed(), asyncio.Semaphore(_AT_ONCE)
    started_at = time.monotonic()

    async def begin(number: int) -> Slave:
        async with gate:
            _, slave = await loop.create_connection(lambda: Slave(number, lists), "127.0.0.1", port)
            await slave.ready
            return slave

    slaves = await asyncio.gather(*(begin(first + n) for n in range(count)))
    for slave in slaves:
        slave.told_at.clear()
        slave.fetched_at.clear()
    _say({"ready": len(slaves), "seconds": time.monotonic() - started_at})
    await loop.run_in_executor(None, sys.stdin.read)
    with contextlib.suppress(AssertionError):  # the story says who is missing
        await eventually(lambda: all(slave.fetched_at for slave in slaves), "fetches", timeout_s=_PATIENCE_S)
    _say(_story(slaves))


def _story(slaves: list[Slave]) -> dict[str, object]:
    told = [slave.told_at[0] for slave in slaves if slave.told_at]
    fetched = [slave.fetched_at[0] for slave in slaves if slave.fetched_at]
    return {
        "told": len(told),
        "told_twice": sum(len(slave.told_at) > 1 for slave in slaves),
        "fetched": len(fetched),
        "first_told_at": min(told, default=0.0),
        "last_told_at": max(told, default=0.0),
        "last_fetched_at": max(fetched, default=0.0),
        "lists": sorted(Counter(slave.entries.decode("latin-1") for slave in slaves).items(), key=lambda one: one[1]),
        "errors": [error for slave in slaves for error in slave.errors][:20],
    }


def _say(values: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(*(int(argument) for argument in sys.argv[1:4])))
