from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from sync_core.agent.register import Registrations
from sync_core.agent.registration import Identity, Slave
from sync_core.agent.views import Views
from sync_core.agent.wakeups import WakeUps
from sync_core.model.manifest import Manifest
from sync_core.model.reminder import Reminder
from sync_core.protocol.messages import Answer, CheckFolders, ErrorAnswer, OkAnswer
from tests.support.agents import ScriptedPeer, a_registration, a_silent_peer, in_background
from tests.support.net import LOCALHOST, Lines, eventually, free_port, ip, run
from tests.support.trees import a_directory, a_manifest

NEW = Views(a_manifest({"_all/a": b"new", "own-2/b": b"2"}))


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


class Site:
    """A register and its wake-ups; what they look up can be made to wait."""

    def __init__(self) -> None:
        self.register = Registrations()
        self.signals = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Event()
        self.wake_ups = WakeUps(
            self.register,
            folder_of=self._folder_of,
            display=self._display,
            listen="127.0.0.1",
            on_signal=self._count,
        )

    def _count(self) -> None:
        self.signals += 1

    async def _folder_of(self, slave: Slave, _: Views) -> str | None:
        await self._pass()
        return f"own-{slave.tcp_port}"

    async def _display(self, slave: Slave) -> str:
        await self._pass()
        return f"{slave.identity.ip}/name"

    async def _pass(self) -> None:
        self.waiting.set()
        await self.gate.wait()

    def add(self, port: int, *, connection: object = None, given: str | None = "old", **changes: Any) -> Slave:
        """Register a slave that has fetched already."""
        udp_port = changes.pop("udp_port", 0)
        identity = Identity(changes.pop("ip", LOCALHOST), port)
        connection = connection or f"c{port}"
        message = a_registration(tcp_port=port, udp_port=udp_port)
        self.register.register(identity, message, connection, now=time.time(), monotonic=time.monotonic())
        slave = self.register.of(connection)
        assert slave is not None
        self.register.put(replace(slave, given_md5=given, reminder=slave.reminder.fetched(time.monotonic()), **changes))
        return self.of(port)

    def of(self, port: int) -> Slave:
        return next(slave for slave in self.register if slave.tcp_port == port)


@asynccontextmanager
async def a_site() -> AsyncIterator[Site]:
    site = Site()
    async with in_background(site.wake_ups.run()):
        yield site


async def received(sock: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(sock, 4096)


def test_who_lacks_something_is_signalled_and_nobody_else(udp: socket.socket) -> None:
    async def go() -> None:
        async with a_site() as site:
            site.add(1, udp_port=free_port(), given=NEW.tree_md5("own-1"))
            site.add(2, udp_port=port_of(udp))
            site.add(3, udp_port=port_of(udp), given=None)  # never fetched: it will by itself
            await site.wake_ups.compare(NEW)
            assert await received(udp) == b"<check_folders/>"
            assert [slave.changed_at is not None for slave in site.register] == [False, True, False]
            await site.wake_ups.compare(NEW)
            await eventually(lambda: site.signals == 1)
            with pytest.raises(BlockingIOError):
                udp.recv(100)

    with Lines.of("sync_core.agent.wakeups") as lines:
        run(go())
    assert lines.messages("INFO") == [f"sending UDP command check_folders to 127.0.0.1/name:{port_of(udp)}"]


def test_a_change_that_was_taken_back_is_none() -> None:
    async def go() -> None:
        site = Site()
        site.add(1, given=NEW.tree_md5("own-1"), changed_at=1.0)
        await site.wake_ups.compare(NEW)
        assert site.of(1).changed_at is None
        assert site.of(1).reminder.next_deadline() is None

    run(go())


def test_a_view_that_cannot_be_read_is_no_change() -> None:
    async def go() -> None:
        site = Site()
        site.add(1)
        blind = replace(a_directory("_all"), is_unreadable=True)
        await site.wake_ups.compare(Views(Manifest([blind])))
        assert site.of(1).changed_at is None

    run(go())


@pytest.mark.parametrize("meanwhile", ["fetched", "left", "came back"])
def test_what_happens_while_a_folder_is_looked_up_counts(meanwhile: str) -> None:
    async def go() -> None:
        site = Site()
        slave = site.add(1)
        site.gate.clear()
        comparing = asyncio.ensure_future(site.wake_ups.compare(NEW))
        await site.waiting.wait()
        if meanwhile == "fetched":
            site.register.put(replace(slave, given_md5=NEW.tree_md5("own-1")))
        elif meanwhile == "left":
            site.register.unbind("c1", now=1.0)
        else:
            site.add(1, connection="other", given="old")
        expected = site.of(1)
        site.gate.set()
        await comparing
        assert site.of(1) == expected

    run(go())


@pytest.mark.parametrize("meanwhile", ["fetched", "left"])
def test_who_fetched_or_left_while_another_name_was_looked_up_is_not_signalled(
    meanwhile: str, udp: socket.socket
) -> None:
    async def go() -> None:
        async with a_site() as site:
            site.add(1, udp_port=port_of(udp))
            slave = site.add(2, udp_port=port_of(udp))
            site.gate.set()
            await site.wake_ups.compare(NEW)
            site.gate.clear()
            site.waiting.clear()
            await site.waiting.wait()  # the first one's name is being looked up
            if meanwhile == "fetched":
                site.register.put(replace(slave, given_md5=NEW.tree_md5("own-2")))
            else:
                site.register.unbind("c2", now=1.0)
            expected = site.of(2)
            site.gate.set()
            assert await received(udp) == b"<check_folders/>"
            await asyncio.sleep(0)
            site.wake_ups.stir()
            await eventually(lambda: site.signals == 1)
            assert site.of(2) == expected
            with pytest.raises(BlockingIOError):
                udp.recv(100)

    run(go())


@pytest.mark.parametrize("meanwhile", ["fetched", "left"])
def test_who_fetched_or_left_while_its_own_name_was_looked_up_is_not_signalled(
    meanwhile: str, udp: socket.socket
) -> None:
    later = Views(a_manifest({"own-2/b": b"2"}))

    async def go() -> None:
        async with a_site() as site:
            slave = site.add(1, udp_port=port_of(udp))
            await site.wake_ups.compare(NEW)
            site.gate.clear()
            site.waiting.clear()
            await site.waiting.wait()
            if meanwhile == "fetched":
                site.register.put(replace(slave, given_md5=later.tree_md5("own-1")))
            else:
                site.register.unbind("c1", now=time.time())
            expected = site.of(1)
            site.gate.set()
            site.add(2, udp_port=port_of(udp))
            await site.wake_ups.compare(later)
            await received(udp)
            assert site.of(1) == expected
            with pytest.raises(BlockingIOError):
                udp.recv(100)

    run(go())


def test_without_a_wake_up_port_the_command_port_is_used() -> None:
    async def go() -> None:
        async with ScriptedPeer() as peer, a_site() as site:
            site.add(peer.port)
            await site.wake_ups.compare(NEW)
            await eventually(lambda: peer.requests == [CheckFolders()])

    run(go())


def pending_since(seconds: float, *, signals: int = 1, signalled: float = 31.0) -> Reminder:
    now = time.monotonic()
    return Reminder(pending_since=now - seconds, signalled_at=now - signalled, signals=signals)


def test_who_does_not_answer_is_reminded_both_ways_and_then_warned_of(udp: socket.socket) -> None:
    async def go() -> None:
        async with ScriptedPeer() as peer, a_site() as site:
            slave = site.add(peer.port, udp_port=port_of(udp))
            site.register.put(replace(slave, changed_at=time.time() - 61, reminder=pending_since(61)))
            site.wake_ups.stir()
            assert await received(udp) == b"<check_folders/>"
            await eventually(lambda: peer.requests == [CheckFolders()])
            await eventually(lambda: bool(lines.messages("WARNING")))
            assert site.of(peer.port).reminder.signals == 2

    with Lines.of("sync_core.agent.wakeups") as lines:
        run(go())
    (warning,) = [line for line in lines.lines if line[0] == "WARNING"]
    assert warning[1].startswith("Remote_scheduler slave (127.0.0.1/name:")
    assert warning[2].startswith("SCHEDULER-474  ")


def test_a_command_port_that_refuses_or_answers_with_an_error_is_a_warning() -> None:
    async def go() -> None:
        refused = free_port()
        answer = ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  The security level is too low")
        async with ScriptedPeer(lambda _: answer) as peer, a_site() as site:
            site.add(peer.port)
            site.add(refused)
            await site.wake_ups.compare(NEW)
            await eventually(lambda: len(lines.messages("WARNING")) == 2)

    with Lines.of("sync_core.agent.wakeups") as lines:
        run(go())
    warnings = sorted(line.partition(" failed: ")[2] for line in lines.messages("WARNING"))
    assert warnings[0].startswith("Connection refused [connect]")
    assert warnings[1].startswith("SCHEDULER-121")


def test_one_reminder_at_a_time_and_none_outlives_the_agent() -> None:
    async def go() -> None:
        async with a_silent_peer() as port:
            async with a_site() as site:
                slave = site.add(port)
                for _ in range(2):
                    site.register.put(replace(slave, reminder=pending_since(31)))
                    before = site.signals
                    site.wake_ups.stir()
                    await eventually(lambda b=before: site.signals == b + 1)  # type: ignore[misc]
                others = asyncio.all_tasks() - {asyncio.current_task()}
            await eventually(lambda: all(task.done() for task in others if "_remind_by_tcp" in repr(task)))

    with Lines.of("sync_core.agent.wakeups") as lines:
        run(go())
    assert sum("sending TCP command" in line for line in lines.messages("INFO")) == 1


def test_a_datagram_that_the_system_refuses_is_a_warning() -> None:
    async def go() -> None:
        async with a_site() as site:
            site.add(1, udp_port=9, ip=ip("255.255.255.255"))
            await site.wake_ups.compare(NEW)
            await eventually(lambda: bool(lines.messages("WARNING")))

    with Lines.of("sync_core.agent.wakeups") as lines:
        run(go())
    assert "could not be sent" in lines.messages("WARNING")[0]


def test_who_does_not_answer_has_an_error_to_show_until_it_comes_back(udp: socket.socket) -> None:
    """SCHEDULER-474 as the child of ``<remote_scheduler>`` (protocol.md section 6.3)."""

    async def go() -> None:
        async with a_site() as site:
            slave = site.add(1, udp_port=port_of(udp))
            silent = slave.reminder.changed(time.monotonic() - 61.0)
            site.register.put(replace(slave, changed_at=time.time() - 61.0, reminder=silent))
            site.wake_ups.stir()
            await eventually(lambda: site.of(1).error is not None)
            error = site.of(1).error
            assert error is not None
            assert error.text.startswith("SCHEDULER-474  Workload scheduler is not responding to UDP message since ")
            site.add(1, connection="other", udp_port=port_of(udp))
            assert site.of(1).error is None

    run(go())


def test_a_command_port_that_fails_again_and_again_is_warned_of_until_it_answers_once() -> None:
    async def go() -> None:
        answers: Iterator[Answer] = iter([error, error, OkAnswer(), error])
        async with ScriptedPeer(lambda _: next(answers)) as peer, a_site() as site:
            slave = site.add(peer.port)
            for asked in range(1, 5):
                site.register.put(replace(slave, reminder=pending_since(31)))
                site.wake_ups.stir()
                await eventually(lambda count=asked: len(peer.requests) == count)  # type: ignore[misc]
                await eventually(lambda: not site.wake_ups._tcp_tasks)

    error = ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  no")
    with Lines.of("sync_core.agent.wakeups") as lines:
        run(go())
    failed = [level for level, _, line in lines.lines if " failed: " in line]
    assert failed == ["WARNING", "DEBUG", "WARNING"]


def test_hundreds_are_told_in_one_go_and_others_get_their_turn_meanwhile(udp: socket.socket) -> None:
    async def go() -> None:
        async with a_site() as site:
            for port in range(1, 201):
                site.add(port, udp_port=port_of(udp))
            await site.wake_ups.compare(NEW)
            for _ in range(200):
                assert await received(udp) == b"<check_folders/>"
            await eventually(lambda: site.signals == 200)

    run(go())
