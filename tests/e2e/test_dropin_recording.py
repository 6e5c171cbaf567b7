"""jsync in the supervisor's place: a whole recorded conversation, byte by byte."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
from pathlib import Path

import pytest

from tests.support.captures import Message, conversation
from tests.support.dropin import a_master, show_state, site_for, write
from tests.support.net import run
from tests.support.peer_slave import RealSlave
from tests.support.peers import eventually

pytestmark = pytest.mark.e2e

CAPTURED = [message for message in conversation("00-canonical") if not message.is_request]


def content_of(name: str, message: Message) -> bytes:
    found = re.search(rb'name="%s"[^>]*><content encoding="base64">([^<]*)<' % name.encode(), message.data)
    assert found is not None, name
    return base64.b64decode(found[1])


def untimed(answer: bytes) -> bytes:
    return re.sub(rb'<answer time="[^"]*">', b"<answer>", answer)


def fill_as_captured(everybody: Path, own: Path) -> None:
    """The folders of capture 00."""
    full = CAPTURED[1]
    for folder, name in ((own, "alljob.job.xml"), (own, "own.job.xml"), (everybody, "alock.lock.xml")):
        write(folder / name, content_of(name, full), "2026-11-24T02:00:00Z")
    write(everybody / "alljob.job.xml", b"<job>hidden by the slave's own</job>\n", "2026-11-24T01:00:00Z")
    write(everybody / "readme.txt", content_of("readme.txt", full), "2026-11-24T02:00:00Z")
    write(everybody / "sub" / "inner.job.xml", content_of("inner.job.xml", full), "2026-11-24T02:00:00Z")


def test_the_whole_recorded_conversation_byte_by_byte(tmp_path: Path) -> None:
    """Capture 00: registration, first copy, nothing new, a change, a removal, the state, a restart of the slave."""

    async def story() -> None:
        slave = RealSlave(tmp_path / "copy", 0)
        pair = site_for(tmp_path, slave)
        everybody = pair.remote / "_all"
        fill_as_captured(everybody, pair.own)
        slave.connect_to(pair.master.tcp_port)
        async with a_master(pair):
            async with slave:
                await eventually(lambda: slave.is_idle, "the first copy")
                slave.check()
                await eventually(lambda: slave.fetches == 2, "a check without news")
                write(everybody / "alock.lock.xml", content_of("alock.lock.xml", CAPTURED[3]), "2026-11-24T03:16:29Z")
                await eventually(lambda: slave.fetches == 3, "the change, by UDP")
                (everybody / "readme.txt").unlink()
                await eventually(lambda: slave.fetches == 4, "the removal, by UDP")
                assert [payload for _, payload in slave.datagrams] == [b"<check_folders/>"] * 2
            expected = [untimed(message.data) for message in CAPTURED]
            assert [untimed(answer) for answer in slave.answers] == expected[:5]
            assert slave.segments == [1] * 5
            assert slave.unsolicited == b""
            await name_is_known(pair.master.tcp_port)
            state = await show_state(pair.master.tcp_port)
            assert_has_all_of(state, CAPTURED[5].data, port=slave.port)

            async with RealSlave(tmp_path / "copy", pair.master.tcp_port, port=slave.port) as again:
                await eventually(lambda: again.is_idle, "the restarted slave")
                assert [untimed(answer) for answer in again.answers] == expected[6:8]

    run(story())


def assert_has_all_of(state: bytes, captured: bytes, *, port: int) -> None:
    """Every attribute that tools found in the recorded state is in ours, in the same order; times and names differ."""
    for element in (b"state", b"remote_schedulers", b"remote_scheduler"):
        ours = dict(attributes_of(element, state))
        theirs = dict(attributes_of(element, captured))
        if not name_of_localhost():
            theirs.pop(b"hostname", None)
        theirs.pop(b"wait_until", None)  # nothing of ours waits for an hour that a tool could show
        assert [name for name in ours if name in theirs] == list(theirs), element
    ours = dict(attributes_of(b"remote_scheduler", state))
    theirs = dict(attributes_of(b"remote_scheduler", captured))
    for name in (b"ip", b"scheduler_id", b"version", b"connected"):
        assert ours[name] == theirs[name]
    assert ours[b"tcp_port"] == b"%d" % port
    assert ours[b"configuration_directory"] == b"127.0.0.1#%d" % port
    assert b"<subprocesses/>" in state
    assert b"<connections" in state


def name_of_localhost() -> str:
    try:
        return socket.gethostbyaddr("127.0.0.1")[0]
    except OSError:
        return ""


async def name_is_known(port: int) -> None:
    """Wait until the name was looked up: nobody waits for that where an answer is due."""
    expected = f'hostname="{name_of_localhost()}"'.encode()
    for _ in range(200 if name_of_localhost() else 0):
        if expected in await show_state(port):
            return
        await asyncio.sleep(0.02)


def attributes_of(element: bytes, document: bytes) -> list[tuple[bytes, bytes]]:
    found = re.search(rb"<%s( [^>]*?)/?>" % element, document)
    assert found is not None, element
    return re.findall(rb' ([a-z_]+)="([^"]*)"', found[1])
