"""What a master's register wants done, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sync_core.agent.signals import Signals, not_answering
from sync_core.model.folder import Folder
from sync_core.model.registry.effects import CloseOlder, NoFolder, NotAnswering, Silent, TellByTcp, TellByUdp
from sync_core.model.registry.register import Register
from sync_core.model.registry.registration import HttpIdentity, Identity, Slave, Unanswered
from sync_core.model.reminder import Rhythm
from sync_core.protocol.messages import Answer, CheckFolders, ErrorAnswer, OkAnswer
from sync_core.protocol.proof import KEY_BYTES, WakeUpProof
from tests.support.agents import ScriptedPeer, a_connection, a_silent_peer, in_background
from tests.support.net import LOCALHOST, Lines, eventually, free_port, ip, run
from tests.support.registrations import a_said, a_view

OLD, NEW = a_view(a="old"), a_view(a="new")
KEY = bytes(range(KEY_BYTES))
ERROR = ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  The security level is too low")


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


@pytest.fixture
def lines() -> Iterator[Lines]:
    with Lines.of("sync_core.agent.signals") as found:
        yield found


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


async def received(sock: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(sock, 4096)


class Site:
    """A register, and what carries out its wishes."""

    def __init__(self, *, rhythm: Rhythm | None = None) -> None:
        more: dict[str, Any] = {} if rhythm is None else {"rhythm": rhythm}
        self.register = Register(folder_of=lambda _: None, realizes=Folder.__eq__, **more)
        self.changes = 0
        self.signals = Signals(
            self.register, display=lambda slave: f"{slave.identity.ip}/name", listen="127.0.0.1", on_change=self._count
        )

    def _count(self) -> None:
        self.changes += 1

    def add(self, port: int, *, given: Folder | None = OLD, udp_port: int = 0) -> Slave:
        """Let a slave register and be given a tree."""
        identity, connection = Identity(LOCALHOST, port), f"c{port}"
        said = a_said(udp_port=udp_port, is_jsync=True)
        self.register.registered(identity, said, connection, now=time.monotonic(), wall=time.time())
        slave = self.register.of(connection)
        assert slave is not None
        if given is not None:
            self.register.fetched(
                slave,
                connection,
                given=given,
                folder="own",
                is_whole=True,
                is_news=True,
                now=time.monotonic(),
                wall=time.time(),
            )
        return slave

    def change(self, view: Folder = NEW) -> None:
        """Let the view of all be another one."""
        self.register.view_changed(lambda _: view)
        self.signals.stir()


@asynccontextmanager
async def a_site(*, rhythm: Rhythm | None = None) -> AsyncIterator[Site]:
    site = Site(rhythm=rhythm)
    async with in_background(site.signals.run()):
        yield site


def a_slave(port: int, **changes: Any) -> Slave:
    said = a_said(udp_port=changes.pop("udp_port", 0))
    return Slave(identity=Identity(changes.pop("ip", LOCALHOST), port), registration=said, **changes)


def test_who_has_said_a_key_is_told_by_what_it_proves(udp: socket.socket) -> None:
    proof = WakeUpProof()
    proof.begin(KEY)

    async def go() -> None:
        async with a_site() as site:
            slave = site.add(1, udp_port=port_of(udp))
            for has, view in ((OLD, NEW), (NEW, OLD)):
                site.register.confirmed(slave, "c1", has=has, wake_key=KEY, now=time.monotonic(), wall=time.time())
                site.change(view)
                assert proof.accepts(await received(udp))

    run(go())


def test_who_lacks_something_is_told_and_nobody_else(udp: socket.socket, lines: Lines) -> None:
    async def go() -> None:
        async with a_site() as site:
            site.add(1, udp_port=free_port(), given=NEW)
            slave = site.add(2, udp_port=port_of(udp))
            site.add(3, udp_port=free_port(), given=None)  # never fetched: it will by itself
            site.change()
            assert await received(udp) == b"<check_folders/>"
            await eventually(lambda: site.changes == 1)
            assert slave.changed_at is not None
            site.change()
            await asyncio.sleep(0)
            with pytest.raises(BlockingIOError):
                udp.recv(100)

    run(go())
    assert lines.messages("INFO") == [f"sending UDP command check_folders to 127.0.0.1/name:{port_of(udp)}"]


def test_hundreds_are_told_in_one_go(udp: socket.socket) -> None:
    async def go() -> None:
        async with a_site() as site:
            for port in range(1, 201):
                site.add(port, udp_port=port_of(udp))
            site.change()
            for _ in range(200):
                assert await received(udp) == b"<check_folders/>"
            await eventually(lambda: site.changes == 200)

    run(go())


def test_without_a_wake_up_port_the_command_port_is_used() -> None:
    async def go() -> None:
        async with ScriptedPeer() as peer, a_site() as site:
            site.add(peer.port)
            site.change()
            await eventually(lambda: peer.requests == [CheckFolders()])

    run(go())


def test_what_is_due_later_is_done_then_and_who_does_not_answer_is_warned_of(udp: socket.socket, lines: Lines) -> None:
    rhythm = Rhythm(repeat_s=0.02, warn_after_s=0.05)

    async def go() -> None:
        async with ScriptedPeer() as peer, a_site(rhythm=rhythm) as site:
            slave = site.add(peer.port, udp_port=port_of(udp))
            site.change()
            for _ in range(2):  # once at once, and once as a reminder
                assert await received(udp) == b"<check_folders/>"
            await eventually(lambda: CheckFolders() in peer.requests)
            await eventually(lambda: bool(lines.messages("WARNING")))
            assert slave.unanswered is not None

    run(go())
    warning = next(line for line in lines.lines if line[0] == "WARNING")
    assert warning[1].startswith("Remote_scheduler slave (127.0.0.1/name:")
    assert warning[2].startswith("SCHEDULER-474  Workload scheduler is not responding to UDP message since ")


def test_a_command_port_that_refuses_or_answers_with_an_error_is_a_warning(lines: Lines) -> None:
    async def go() -> None:
        async with ScriptedPeer(lambda _: ERROR) as peer, a_site() as site:
            site.add(peer.port)
            site.add(free_port())
            site.change()
            await eventually(lambda: len(lines.messages("WARNING")) == 2)

    run(go())
    warnings = sorted(line.partition(" failed: ")[2] for line in lines.messages("WARNING"))
    assert warnings[0].startswith("Connection refused [connect]")
    assert warnings[1].startswith("SCHEDULER-121")


def test_a_command_port_that_fails_again_and_again_is_warned_of_until_it_answers_once(lines: Lines) -> None:
    async def go() -> None:
        answers: Iterator[Answer] = iter([ERROR, ERROR, OkAnswer(), ERROR])
        async with ScriptedPeer(lambda _: next(answers)) as peer, a_site() as site:
            slave = a_slave(peer.port)
            for failures in (1, 2, 2, 3):
                before = len(peer.requests)
                site.signals.carry_out([TellByTcp(slave)])
                await eventually(lambda count=before: len(peer.requests) > count)  # type: ignore[misc]
                await eventually(lambda count=failures: len(_failed(lines)) == count)  # type: ignore[misc]
                await eventually(lambda: not site.signals._tcp_tasks)

    run(go())
    assert _failed(lines) == ["WARNING", "DEBUG", "WARNING"]


def _failed(lines: Lines) -> list[str]:
    return [level for level, _, line in lines.lines if " failed: " in line]


def test_one_question_at_a_time_and_none_outlives_the_agent(lines: Lines) -> None:
    async def go() -> None:
        async with a_silent_peer() as port:
            async with a_site() as site:
                slave = a_slave(port)
                for _ in range(2):
                    site.signals.carry_out([TellByTcp(slave)])
                await eventually(lambda: bool(lines.messages("INFO")))
                assert site.signals._tcp_tasks
            await eventually(lambda: not site.signals._tcp_tasks)

    run(go())
    assert sum("sending TCP command" in line for line in lines.messages("INFO")) == 1


def test_a_datagram_that_the_system_refuses_is_a_warning(lines: Lines) -> None:
    async def go() -> None:
        async with a_site() as site:
            await asyncio.sleep(0)  # it closes what it opens once it has begun
            site.signals.carry_out([TellByUdp(a_slave(1, udp_port=9, ip=ip("255.255.255.255")))])

    run(go())
    assert "could not be sent" in lines.messages("WARNING")[0]


def test_the_older_of_two_connections_is_closed(lines: Lines) -> None:
    async def go() -> None:
        older, newer = a_connection(port=1), a_connection(port=2)
        Site().signals.carry_out([CloseOlder(Identity(LOCALHOST, 5000), older, newer)])
        assert (older.was_closed, newer.was_closed) == (True, False)

    run(go())
    assert lines.messages("WARNING")[0].startswith("SCHEDULER-714  ")


def test_words_for_the_log(lines: Lines) -> None:
    async def go() -> None:
        http = Slave(identity=HttpIdentity("slave1", LOCALHOST, 4441), registration=a_said())
        nobody = a_slave(5000)
        silent = a_slave(5000, unanswered=Unanswered(1_350_000_000.0, 1_350_000_060.0))
        Site().signals.carry_out([Silent(http, 2), NoFolder(nobody), NotAnswering(silent), NotAnswering(nobody)])
        assert not_answering(silent).text == lines.messages("WARNING")[0]

    run(go())
    assert lines.lines[:2] == [
        (
            "INFO",
            "Remote_scheduler slave1,127.0.0.1:4441",
            "SCHEDULER-458  Remote scheduler has not sent a notification for 2s and has been deregistered",
        ),
        ("INFO", "", lines.lines[1][2]),
    ]
    assert lines.lines[1][2].startswith("SCHEDULER-455  ")
    assert len(lines.messages("WARNING")) == 1  # of who has answered meanwhile nothing is said
