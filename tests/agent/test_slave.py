from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sync_core.agent.cache import CacheFolder
from sync_core.agent.slave import CheckLoop, Patience
from sync_core.agent.slave_state import SlaveState
from sync_core.model.change import MakeDirectory, Remove, WriteFile
from sync_core.model.file import Kind
from sync_core.model.folder import walk
from sync_core.model.inventory import MaxDelete, Role
from sync_core.model.path import RelPath
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    ErrorAnswer,
    FetchUpdatedFiles,
    OkAnswer,
    Register,
    Request,
)
from tests.support.agents import ScriptedPeer, a_raw_peer, a_resolver, a_silent_peer, in_background, welcome, wrapped
from tests.support.check_loops import LoopingSlave
from tests.support.digests import MemoryDigests
from tests.support.disk import TIME, read_tree, write_tree
from tests.support.net import Lines, a_host, eventually, free_port, run


def a_write(path: str, content: bytes = b"1") -> WriteFile:
    return WriteFile(path=RelPath(path), last_write_time=TIME, content=content)


def a_removal(path: str) -> Remove:
    return Remove(path=RelPath(path), kind=Kind.FILE)


def a_slave(root: Path, *ports: int, **options: Any) -> LoopingSlave:
    """Return a slave with masters at these ports."""
    masters = (a_host(f"master-{n}", role=Role.MASTER, tcp_port=port) for n, port in enumerate(ports))
    return LoopingSlave(root, *masters, **options)


def texts(lines: Lines, level: str) -> list[str]:
    return [message for name, _, message in lines.lines if name == level]


def test_register_list_fetch_apply(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"old": b"x", "kept": b"k"})
    changes = ChangesAnswer(
        changes=(a_write("d/a"), MakeDirectory(path=RelPath("e")), a_removal("old"), a_write(".hidden"))
    )

    async def go() -> None:
        async with ScriptedPeer(lambda r: changes if isinstance(r, FetchUpdatedFiles) else OkAnswer()) as master:
            slave = a_slave(root, master.port)
            async with slave.running():
                await slave.in_sync()
            registration, fetch = master.requests
            assert isinstance(registration, Register)
            assert (registration.scheduler_id, registration.tcp_port, registration.udp_port) == ("slave", 5000, 5000)
            assert isinstance(fetch, FetchUpdatedFiles)
            assert [path for path, _ in walk(fetch.listed)] == ["kept", "old"]
            assert read_tree(root) == {"d": None, "d/a": b"1", "e": None, "kept": b"k"}
            status = slave.status
            assert (status["master"], status["files"], status["last_error"]) == ("master-0", 2, None)
            assert status["tree_digest"] == (await slave.cache.look()).tree_digest

    with Lines.of("sync_core.agent.slave") as lines:
        run(go())
    messages = texts(lines, "INFO")
    assert messages[0] == "SCHEDULER-950  Scheduler has been registered"
    assert messages[1] == f"check configuration directory {root}/"
    assert [line.partition("  ")[0] + line.partition("'")[2] for line in messages[2:]] == [
        "SCHEDULER-701/d/'",
        "SCHEDULER-701/d/a' [2012-10-12 00:00:00.000 UTC]",
        "SCHEDULER-701/e/'",
        "SCHEDULER-702/old'",
    ]
    assert {prefix for _, prefix, message in lines.lines if message.startswith("SCHEDULER-9")} == {
        f"Supervisor_client 127.0.0.1:{_port_in(lines)}"
    }
    assert texts(lines, "WARNING")[0].endswith("names that begin with a dot are not taken")


def _port_in(lines: Lines) -> str:
    return next(prefix for _, prefix, _ in lines.lines if prefix).rpartition(":")[2]


def test_many_wake_ups_during_a_check_are_one_more_check(tmp_path: Path) -> None:
    async def go() -> None:
        gate = asyncio.Event()
        asked = asyncio.Event()

        async def answer(request: Request) -> Answer:
            if isinstance(request, FetchUpdatedFiles):
                asked.set()
                await gate.wait()
            return welcome(request)

        async with ScriptedPeer(answer) as master:
            slave = a_slave(tmp_path / "c", master.port)
            async with slave.running():
                await asked.wait()
                for _ in range(50):
                    slave.loop.wake_up()
                gate.set()
                await eventually(lambda: master.fetches == 2)
                await eventually(lambda: sum(s["in_sync"] for s in slave.statuses) == 2)
                slave.loop.wake_up()
                await eventually(lambda: sum(s["in_sync"] for s in slave.statuses) == 3)
                assert master.fetches == 3

    run(go())


def test_it_checks_every_interval_without_any_wake_up(tmp_path: Path) -> None:
    async def go() -> None:
        async with ScriptedPeer() as master:
            slave = a_slave(tmp_path / "c", master.port, interval_s=0.01)
            async with slave.running():
                await eventually(lambda: master.fetches >= 3)
            assert sum(isinstance(request, Register) for request in master.requests) == 1

    run(go())


def test_the_next_master_is_tried_when_one_is_away(tmp_path: Path) -> None:
    async def go() -> None:
        async with ScriptedPeer() as second:
            slave = a_slave(tmp_path / "c", free_port(), second.port)
            async with slave.running():
                await slave.in_sync()
            assert slave.status["master"] == "master-1"

    with Lines.of("sync_core.agent.slave") as lines:
        run(go())
    (line,) = texts(lines, "WARNING")
    assert line.startswith("ERRNO-111  Connection refused [connect] [127.0.0.1:")


def test_the_first_master_comes_first_again_after_the_second_is_lost(tmp_path: Path) -> None:
    async def go() -> None:
        port = free_port()
        async with ScriptedPeer() as second:
            slave = a_slave(tmp_path / "c", port, second.port, patience=Patience(at_once_every_s=0.0))
            async with slave.running():
                await slave.in_sync()
                async with ScriptedPeer(port=port) as first:
                    second.drop_all()
                    await eventually(lambda: first.fetches == 1)
                    await eventually(lambda: slave.status["master"] == "master-0")

    run(go())


def test_a_master_that_was_lost_after_a_good_time_is_tried_at_once_and_before_the_next(tmp_path: Path) -> None:
    write_tree(tmp_path / "c", {"a": b"1"})

    async def go() -> None:
        async with ScriptedPeer() as master, ScriptedPeer() as second:
            slave = a_slave(tmp_path / "c", master.port, second.port, patience=Patience(at_once_every_s=0.0))
            async with slave.running():
                await slave.in_sync()
                master.drop_all()
                await eventually(lambda: master.fetches == 2)
                assert second.requests == []
                states = [(s["in_sync"], s["registered_at"] is not None) for s in slave.statuses]
                assert (False, False) in states
                assert read_tree(tmp_path / "c") == {"a": b"1"}

    run(go())


def test_who_is_thrown_out_again_and_again_does_not_storm_back(tmp_path: Path) -> None:
    async def go() -> None:
        async with ScriptedPeer() as master:
            slave = a_slave(tmp_path / "c", master.port)
            async with slave.running():
                await slave.in_sync()
                master.drop_all()
                await eventually(lambda: master.fetches == 2)  # at once
                await slave.in_sync()
                master.drop_all()
                await eventually(lambda: slave.status["in_sync"] is False)
                for _ in range(50):
                    await asyncio.sleep(0)
                assert master.fetches == 2
                slave.loop.wake_up()  # a wake-up says that the master is there
                await eventually(lambda: master.fetches == 3)

    run(go())


@pytest.mark.parametrize("refused", [Register, FetchUpdatedFiles])
def test_a_master_that_answers_with_an_error_is_reported_and_nothing_is_lost(
    tmp_path: Path, refused: type[Request]
) -> None:
    root = write_tree(tmp_path / "c", {"a": b"1"})
    error = ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  The security level is too low")

    async def go() -> None:
        async with ScriptedPeer(lambda r: error if isinstance(r, refused) else welcome(r)) as master:
            slave = a_slave(root, master.port)
            async with slave.running():
                await eventually(lambda: slave.status["last_error"] == error.text)
            assert slave.status["in_sync"] is False
            assert slave.status["pending_since"] is not None
            assert slave.status["registered_at"] is None
            assert read_tree(root) == {"a": b"1"}

    with Lines.of("sync_core.agent.slave") as lines:
        run(go())
    assert texts(lines, "WARNING")[0].startswith("SCHEDULER-223  Supervisor has reported an error: 127.0.0.1:")


def test_a_master_that_hangs_is_given_up(tmp_path: Path) -> None:
    async def go() -> None:
        async with a_silent_peer() as hung, ScriptedPeer() as second:
            slave = a_slave(tmp_path / "c", hung, second.port, patience=Patience(answer_s=0.05))
            async with slave.running():
                await slave.in_sync()
            assert slave.status["master"] == "master-1"

    with Lines.of("sync_core.agent.slave") as lines:
        run(go())
    assert texts(lines, "WARNING")[0].startswith("ERRNO-110  Connection timed out [recv] [127.0.0.1:")


UNSAFE = '<configuration.directory><configuration.file name="../x" last_write_time="2012-10-02T09:30:15Z">'
UNSAFE += '<content encoding="base64">eA==</content></configuration.file></configuration.directory>'


@pytest.mark.parametrize("answer", [wrapped(UNSAFE), b"<spooler><answer></nonsense>\0", wrapped("<")])
def test_an_answer_that_must_not_be_obeyed_ends_the_connection_and_nothing_else(tmp_path: Path, answer: bytes) -> None:
    root = write_tree(tmp_path / "c", {"a": b"1"})

    async def go() -> None:
        async with a_raw_peer(wrapped("<ok/>"), answer) as bad, ScriptedPeer() as good:
            slave = a_slave(root, bad, good.port)
            async with slave.running():
                await slave.in_sync()
            assert slave.status["master"] == "master-1"
            assert read_tree(tmp_path) == {"c": None, "c/a": b"1"}

    with Lines.of("sync_core.agent.slave") as lines:
        run(go())
    assert len(texts(lines, "WARNING")) == 1


def test_too_many_removals_are_refused_and_reported_but_not_asked_for_again_at_once(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"a": b"1", "b": b"2", "c": b"3"})
    wipe = ChangesAnswer(changes=tuple(map(a_removal, "abc")))

    async def go() -> None:
        async with ScriptedPeer(lambda r: wipe if isinstance(r, FetchUpdatedFiles) else OkAnswer()) as master:
            slave = a_slave(root, master.port)
            async with slave.running():
                await eventually(lambda: slave.status["last_error"] is not None)
                since = slave.status["pending_since"]
                slave.loop.wake_up()
                await eventually(lambda: master.fetches == 2)
                await eventually(lambda: len(slave.statuses) == 3)
                assert slave.status["pending_since"] == since
                for _ in range(50):
                    await asyncio.sleep(0)
                assert master.fetches == 2
            assert slave.status["in_sync"] is False
            assert slave.status["registered_at"] is not None
            assert len(read_tree(root)) == 3

    with Lines.of("sync_core.agent.slave") as lines:
        run(go())
    assert len(texts(lines, "ERROR")) == 2


def test_an_update_that_cannot_be_written_is_tried_again_and_the_connection_stays(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "c", {"a": b"1"})
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "d").symlink_to(outside)

    async def go() -> None:
        async with ScriptedPeer(
            lambda r: (
                ChangesAnswer(changes=(MakeDirectory(path=RelPath("d")), a_write("d/x")))
                if isinstance(r, FetchUpdatedFiles)
                else OkAnswer()
            )
        ) as master:
            slave = a_slave(root, master.port)
            async with slave.running():
                await eventually(lambda: slave.status["last_error"] is not None)
                (root / "d").unlink()
                await slave.in_sync()
            assert sum(isinstance(request, Register) for request in master.requests) == 1
            assert list(outside.iterdir()) == []
            assert (root / "d" / "x").read_bytes() == b"1"

    run(go())


def test_a_cache_that_cannot_be_listed_is_reported(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"a file")

    async def go() -> None:
        async with ScriptedPeer() as master:
            slave = a_slave(tmp_path / "c", master.port)
            async with slave.running():
                await eventually(lambda: slave.status["last_error"] is not None)
                (tmp_path / "c").unlink()
                await slave.in_sync()
            assert sum(isinstance(request, Register) for request in master.requests) == 1

    run(go())


def test_a_name_that_nobody_knows_is_reported(tmp_path: Path) -> None:
    async def go() -> None:
        cache = CacheFolder(
            tmp_path / "c", max_delete=MaxDelete(number=0, is_percentage=False), digests=MemoryDigests()
        )
        state = SlaveState(lambda _: None)
        master = a_host("master", role=Role.MASTER, address="nobody")
        loop = CheckLoop(a_host("slave"), (master,), cache=cache, resolver=a_resolver(), state=state)
        async with in_background(loop.run()):
            await eventually(lambda: state.values["last_error"] is not None)
            assert "cannot resolve 'nobody'" in state.values["last_error"]

    run(go())
