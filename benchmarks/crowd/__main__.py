"""A crowd: ``python -m benchmarks.crowd MASTER_PORT COUNT PORT SPEAKER``, one line of JSON per line of input.

Each slave has an address of its own in 127/8 and the same port there, in TCP (nobody connects) and UDP. The first line
says that all have registered and have what there is. A line ``NAME MD5`` forgets what was seen so far and says which
file is waited for; an empty line asks what was seen since: who was told, who has it. Each slave checks once a minute,
spread evenly, as agents with ``interval_s: 60`` do that were not all started at once.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
import time
from collections.abc import Mapping, Sequence

from benchmarks.crowd.addresses import address_of
from benchmarks.crowd.speaker import Speaker, new_speaker
from sync_core.model.errors import JsyncError

__all__: list[str] = []

_AT_ONCE = 100
_INTERVAL_S = 60.0
_MOST_DATAGRAM_BYTES = 4096


class Slave(asyncio.Protocol):
    """One connection and one socket for wake-ups."""

    def __init__(self, speaker: Speaker, address: str, port: int) -> None:
        self._speaker = speaker
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._wanted = ("", "")
        self._udp = socket.socket(type=socket.SOCK_DGRAM)
        self._udp.setblocking(False)
        self._udp.bind((address, port))
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.told_s: float | None = None
        self.has_it_s: float | None = None
        self.error = ""

    async def start(self, master_port: int) -> None:
        """Connect, register, and come to what there is."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._udp, self._hear)
        await loop.create_connection(lambda: self, "127.0.0.1", master_port, local_addr=(self._address, 0))
        await self.ready

    def want(self, name: str, md5: str) -> None:
        """Forget what was seen; wait for this content."""
        self._wanted, self.told_s, self.has_it_s = (name, md5), None, None

    def check(self) -> None:
        """Check by the interval."""
        self._send(self._speaker.check())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send(self._speaker.begin())

    def data_received(self, data: bytes) -> None:
        """Go on with the conversation."""
        before = self._speaker.checks
        try:
            self._send(self._speaker.receive(data))
        except (ValueError, JsyncError) as error:
            self._fail(str(error))
            return
        if self._speaker.checks == before:
            return
        if not self.ready.done():
            self.ready.set_result(None)
        if self.has_it_s is None and self._speaker.holds(*self._wanted):
            self.has_it_s = time.perf_counter()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the master has gone."""
        self._fail(self.error or f"the connection is lost: {exc}")

    def _fail(self, error: str) -> None:
        self.error = error[:500]
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(self.error))

    def _hear(self) -> None:
        payload = self._udp.recv(_MOST_DATAGRAM_BYTES)
        if b"check_folders" in payload:
            self.told_s = self.told_s or time.perf_counter()
            self._send(self._speaker.check())

    def _send(self, block: bytes) -> None:
        if block and self._transport is not None:
            self._transport.write(block)


async def _main(master_port: int, count: int, port: int, speaker: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * count + 100
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    gate, started_s = asyncio.Semaphore(_AT_ONCE), time.perf_counter()

    async def begin(number: int) -> Slave:
        slave = Slave(new_speaker(speaker, number, port), address_of(number), port)
        async with gate:
            await slave.start(master_port)
        return slave

    slaves = await asyncio.gather(*(begin(number) for number in range(count)))
    _say({"ready": len(slaves), "seconds": time.perf_counter() - started_s})
    checks = asyncio.create_task(_check_by_the_interval(slaves))
    while line := await asyncio.to_thread(sys.stdin.readline):
        if words := line.split():
            for slave in slaves:
                slave.want(words[0], words[1])
        _say(_story(slaves))
    checks.cancel()


async def _check_by_the_interval(slaves: Sequence[Slave]) -> None:
    loop = asyncio.get_running_loop()
    started_s, done = loop.time(), 0
    while True:
        due = int((loop.time() - started_s) / _INTERVAL_S * len(slaves))
        for number in range(done, due):
            slaves[number % len(slaves)].check()
        done = max(done, due)
        await asyncio.sleep(0.05)


def _story(slaves: Sequence[Slave]) -> Mapping[str, object]:
    told = [slave.told_s for slave in slaves if slave.told_s is not None]
    have_it = [slave.has_it_s for slave in slaves if slave.has_it_s is not None]
    return {
        "told": len(told),
        "have_it": len(have_it),
        "last_told_s": max(told, default=0.0),
        "last_has_it_s": max(have_it, default=0.0),
        "errors": [slave.error for slave in slaves if slave.error][:5],
    }


def _say(values: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _MASTER_PORT, _COUNT, _PORT = (int(word) for word in sys.argv[1:4])
    asyncio.run(_main(_MASTER_PORT, _COUNT, _PORT, sys.argv[4]))
