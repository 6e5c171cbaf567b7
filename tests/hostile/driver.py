"""Runs a hostile case against an agent's process, and looks at that process and at a good peer meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.hostile.cases import Case, bytes_of
from tests.support.net import DEADLINE_S
from tests.support.site import Site

__all__ = ["ADDRESSES", "ALLOWED", "Target"]

ADDRESSES: Final = {
    "us": "127.0.0.1",
    "peer": "127.0.0.2",
    "looker": "127.0.0.3",
    "signaller": "127.0.0.4",
    "stranger": "127.0.0.9",
}
ALLOWED: Final = [
    {"host": ADDRESSES["us"], "level": "all"},
    {"host": ADDRESSES["peer"], "level": "no_add"},
    {"host": ADDRESSES["looker"], "level": "info"},
    {"host": ADDRESSES["signaller"], "level": "signal"},
]
_MOST_MORE_BYTES: Final = 100 << 20
_GOOD_PEER_S: Final = 1.0
_SILENCE_S: Final = 0.2
_PATIENCE_S: Final = 3.0


class Target:
    """One agent that is attacked.

    Args:
        site: where it runs.
        host: its name.
        port: its command port, and where wake-ups go.
    """

    def __init__(self, site: Site, host: str, port: int) -> None:
        self._site = site
        self._host = host
        self._port = port
        self._pid = site.pid(host)
        self._allowed_bytes = 0

    async def warm_up(self) -> None:
        """Let it load what it loads when it is first needed; what it has then is what counts."""
        for request, end in (
            (b"<show_state/>", b"\0"),
            (b"GET /<show_state/> HTTP/1.1\r\nHost: a\r\n\r\n", b"</spooler>"),
            (b"<check_folders>" + b" " * 100_000 + b"</check_folders>", b"\0"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(request)
            await reader.readuntil(end)
            writer.close()
        self._allowed_bytes = self._memory_bytes("VmRSS") + _MOST_MORE_BYTES

    async def endure(self, case: Case) -> None:
        """Run a case, and see that it had no other effect than it must have."""
        logged = len(self._site.log(self._host))
        sent = [bytes_of(step.get("send", "")) for step in case.steps]
        self._forget_peak()
        with self._asked_by_a_good_peer() as waits:
            async with asyncio.timeout(2 * DEADLINE_S):
                for _ in range(case.times):
                    await asyncio.gather(*(self._attack(case, sent) for _ in range(case.connections)))
        assert max(waits) <= _GOOD_PEER_S, f"a good peer had to wait for {max(waits):.2f} s"
        peak = self._memory_bytes("VmHWM")
        assert peak <= self._allowed_bytes, f"{peak >> 20} MiB where {self._allowed_bytes >> 20} are allowed"
        if case.log_bytes is not None:
            assert len(self._site.log(self._host)) - logged <= case.log_bytes

    def _forget_peak(self) -> None:
        Path(f"/proc/{self._pid}/clear_refs").write_text("5", encoding="ascii")

    def _memory_bytes(self, what: str) -> int:
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        found = re.search(rf"{what}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) << 10

    @contextmanager
    def _asked_by_a_good_peer(self) -> Iterator[list[float]]:
        """Ask again and again from this machine, each time over a new connection; gives how long each answer took."""
        waits: list[float] = []
        over = threading.Event()

        def ask_until_over() -> None:
            is_last = False
            while not is_last:
                is_last = over.wait(0.05)
                waits.append(self._ask())

        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(ask_until_over)
            try:
                yield waits
            finally:
                over.set()
                asking.result()

    def _ask(self) -> float:
        started_at = time.monotonic()
        with socket.create_connection(("127.0.0.1", self._port), timeout=DEADLINE_S) as sock:
            sock.sendall(b"<show_state/>")
            answer = b""
            while not answer.endswith(b"\0"):
                block = sock.recv(65536)
                assert block, f"a good peer was turned away after {answer!r}"
                answer += block
        assert b"<state " in answer
        return time.monotonic() - started_at

    async def _attack(self, case: Case, sent: Sequence[bytes]) -> None:
        source = ADDRESSES[case.sender]
        if all("udp" in step or "pause_s" in step for step in case.steps):
            for step in case.steps:
                await self._datagrams(step, source)
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(source, 0), limit=1 << 26)
        try:
            for step, data in zip(case.steps, sent, strict=True):
                await self._datagrams(step, source)
                await self._step(step, data, reader, writer)
        finally:
            writer.transport.abort()

    async def _datagrams(self, step: Mapping[str, Any], source: str) -> None:
        if "udp" in step:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((source, 0))
                for number in range(step.get("datagrams", 1)):
                    sock.sendto(bytes_of(step["udp"]), ("127.0.0.1", self._port))
                    if number % 50 == 0:
                        await asyncio.sleep(0)
        await asyncio.sleep(step.get("pause_s", 0))

    async def _step(
        self, step: Mapping[str, Any], data: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        sending = asyncio.create_task(_send(writer, data, step.get("drip_s", 0)))
        try:
            if step.get("expect"):
                await _expect(step["expect"], reader)
            else:  # who takes no more has said what he thinks of it
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(sending), _PATIENCE_S)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def _send(writer: asyncio.StreamWriter, data: bytes, drip_s: float) -> None:
    with contextlib.suppress(OSError):  # who is closed in the middle of it is told by what he reads
        for start in range(0, len(data), 1 if drip_s else 1 << 16):
            writer.write(data[start : start + (1 if drip_s else 1 << 16)])
            await writer.drain()
            await asyncio.sleep(drip_s)


async def _expect(expected: str, reader: asyncio.StreamReader) -> None:
    """Read until what is expected has come; anything else that ends it is an error."""
    if expected == "silence":
        with contextlib.suppress(TimeoutError, ConnectionResetError):  # it may have made room for others
            async with asyncio.timeout(_SILENCE_S):
                assert not (came := await reader.read(100)), came
        return
    pattern = None if expected.startswith("closed") else re.compile(expected.encode("latin-1"), re.DOTALL)
    came = b""
    while pattern is None or not pattern.search(came):
        try:
            block = await reader.read(1 << 16)
        except OSError:
            block = b""
        if not block:
            assert pattern is None, f"closed after {came[:300]!r}"
            return
        came = (came + block)[-(1 << 20) :]
        if expected == "closed-or-answered" and came.endswith((b"\0", b"\n\n", b"</spooler>")):
            return
        assert expected != "closed" or len(came) < 1 << 16, came[:300]
