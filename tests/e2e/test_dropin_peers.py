"""The scripted peers are what they stand for: the captures of the real ones hold for them."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.captures import Probe, ScriptedAnswers, conversation, probes, scripted_answers
from tests.support.net import RawPeer, run
from tests.support.peer_slave import RealSlave
from tests.support.peer_supervisor import RealSupervisor
from tests.support.peers import EndFinder, Listening, eventually

pytestmark = pytest.mark.e2e

_PAUSE_S = 0.05


@asynccontextmanager
async def answering(case: ScriptedAnswers) -> AsyncIterator[int]:
    """A supervisor that gives the recorded answers, piece by piece, and then says nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, finder = list(case.answers), EndFinder()
        while block := await reader.read(4096):
            if not finder.feed(block) or not answers:
                continue
            finder = EndFinder()
            for number, piece in enumerate(answers.pop(0)):
                await asyncio.sleep(_PAUSE_S if number else 0)
                writer.write(piece)

    listening = Listening(serve)
    try:
        yield await listening.start()
    finally:
        await listening.close()


@pytest.mark.parametrize("case", scripted_answers(), ids=lambda case: case.title)
def test_the_slave_takes_and_refuses_what_the_real_one_does(case: ScriptedAnswers, tmp_path: Path) -> None:
    async def story() -> None:
        async with answering(case) as port, RealSlave(tmp_path / "cache", port, retry_s=60) as slave:
            with contextlib.suppress(AssertionError):  # "malformed" waits for ever
                await eventually(lambda: slave.is_idle or "WARN" in str(slave.log), "the end", timeout_s=1)
            assert ("WARN" not in str(slave.log)) is case.goes_on
            if case.goes_on:
                files = [path.read_bytes() for path in slave.cache.iterdir()]
                assert files == ([] if case.cached is None else [case.cached])

    run(story())


def _registering(probe: Probe) -> bool:
    return all(b"supervisor." in packet or b"<register" in packet for packet in probe.packets)


def _results(answers: bytes) -> list[bytes]:
    return re.findall(rb'<answer time="[^"]*"><(ok|ERROR|configuration.directory)(?:[^>]*? code="([^"]*)")?', answers)


@pytest.mark.parametrize("probe", [p for p in probes() if _registering(p)], ids=lambda probe: probe.title)
def test_the_supervisor_answers_odd_requests_as_the_real_one_does(probe: Probe, tmp_path: Path) -> None:
    async def story() -> None:
        async with RealSupervisor(tmp_path) as supervisor:
            peer = await RawPeer.connect(supervisor.port)
            answers = []
            for packet in probe.packets:
                await peer.send(packet)
                answers.append(await peer.answer())
            assert _results(b"".join(answers)) == _results(b"".join(probe.answers))
            await peer.close()

    run(story())


def test_the_slave_sends_what_the_real_one_sent(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            RealSupervisor(tmp_path / "remote") as supervisor,
            RealSlave(tmp_path / "c", supervisor.port) as slave,
        ):
            await eventually(lambda: slave.is_idle, "the first fetch")
            registered, listed = [message.data for message in conversation("00-canonical") if message.is_request][:2]
            assert supervisor.requests[0].replace(str(slave.port).encode(), b"5000") == registered
            assert supervisor.requests[1] == listed

    run(story())
