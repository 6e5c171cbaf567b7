"""What a slave must endure of an evil master; the cases are files in ``answers``.

``fetch`` is what the master answers to the first list, ``register`` what it answers to the registration; with
``closes`` it hangs up then. ``cache`` tells files that the slave must have beside the one that was there; by default it
has taken nothing. The next answer is an honest one, and the slave must take it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sync_core.agent.slave import Patience
from sync_core.model.inventory import Role
from tests.hostile.cases import Case, bytes_of, parameters
from tests.support.check_loops import LoopingSlave
from tests.support.net import DEADLINE_S, a_host
from tests.support.site import tree

pytestmark = pytest.mark.xdist_group("hostile-answers")

_OK = bytes_of({"answer": "<ok/>"})
_HONEST = bytes_of(
    {
        "changes": [
            '<configuration.file name="honest.job.xml" last_write_time="2014-10-02T09:30:15Z">',
            '<content encoding="base64">PGpvYi8+Cg==</content></configuration.file>',
        ]
    }
)
_NOTHING = bytes_of({"changes": ""})
_MOST_MORE_BYTES = 100 << 20


class EvilMaster:
    """Answers as the case says, once; then it is honest."""

    def __init__(self, case: Case) -> None:
        self._register = bytes_of(case.more.get("register", {"answer": "<ok/>"}))
        self._fetch = bytes_of(case.more.get("fetch", {"answer": ""}))
        self._is_closing = case.more.get("closes", False)
        self.is_done = asyncio.Event()
        self.port = 0
        self._next = _HONEST

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while block := await reader.read(1 << 16):
                evil = self._register if b"register" in block else self._fetch
                honest = _OK if b"register" in block else self._next
                is_evil = not self.is_done.is_set()
                writer.write(evil if is_evil else honest)
                if honest is _HONEST and not is_evil:  # once: whoever writes a file again may be stopped in the middle
                    self._next = _NOTHING
                if b"fetch_updated_files" in block or evil != _OK:
                    self.is_done.set()
                await writer.drain()
                if is_evil and self.is_done.is_set() and self._is_closing:
                    break
        writer.close()


def _memory_bytes(what: str) -> int:
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) << 10


@parameters("answers")
def test_it_endures(case: Case, tmp_path: Path) -> None:
    cache, outside = tmp_path / "cache", tmp_path / "outside"
    for folder in (cache, outside):
        folder.mkdir()
        (folder / "there.job.xml").write_bytes(b"<job/>\n")
    (cache / "folder").mkdir()
    master = EvilMaster(case)

    async def scenario() -> None:
        async with master.running():
            host = a_host("master", role=Role.MASTER, tcp_port=master.port)
            slave = LoopingSlave(cache, host, patience=Patience(answer_s=1.0))
            async with slave.running():
                await master.is_done.wait()
                while not (cache / "honest.job.xml").exists() or list(cache.glob(".jsync-*")):
                    slave.loop.wake_up()
                    await asyncio.sleep(0.02)

    before = _memory_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    asyncio.run(asyncio.wait_for(scenario(), DEADLINE_S))
    assert _memory_bytes("VmHWM") <= before + _MOST_MORE_BYTES
    found = tree(cache)
    assert found.pop("honest.job.xml") == b"<job/>\n"
    wanted = {path: None if text is None else bytes_of(text) for path, text in case.more.get("cache", {}).items()}
    kept = {"there.job.xml": b"<job/>\n", "folder": None}
    assert found == {path: text for path, text in {**kept, **wanted}.items() if text != b"gone"}
    assert tree(outside) == {"there.job.xml": b"<job/>\n"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "outside"]
