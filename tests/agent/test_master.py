from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TypeVar

import pytest

from sync_core.agent.master_state import slave_status
from sync_core.model.change import Remove, WriteFile
from sync_core.model.edit import edited
from sync_core.model.folder import EMPTY_FOLDER, Folder, get, walk
from sync_core.model.path import RelPath
from sync_core.model.registry.effects import Effect, TellByUdp
from sync_core.model.registry.registration import HttpIdentity
from sync_core.model.security import Level
from sync_core.protocol.messages import (
    ChangesAnswer,
    CheckFolders,
    ClusterAnswer,
    ErrorAnswer,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    FileListAnswer,
    GetParam,
    ListFiles,
    OkAnswer,
    OpenDialect,
    Request,
    ShowCluster,
    ShowState,
    StateAnswer,
)
from tests.support.agents import DeafWatch, a_connection, a_registration, in_background
from tests.support.disk import write_tree
from tests.support.folders import a_listed_file, a_tree
from tests.support.masters import CommandedMaster, a_commanded_master, put
from tests.support.net import LOCALHOST, Lines, a_host, eventually, run

T = TypeVar("T")
MIB = 1 << 20


def only(kind: type[T], answer: object) -> T:
    assert isinstance(answer, kind), answer
    return answer


def listed(tree: dict[str, bytes | None]) -> Folder:
    return a_tree({path: a_listed_file(what) if isinstance(what, bytes) else None for path, what in tree.items()})


def due(master: CommandedMaster) -> tuple[Effect, ...]:
    """What the register wants done now."""
    return master.register.advance(now=time.monotonic(), wall=time.time(), most=100).effects


@pytest.mark.parametrize(
    "request_", [a_registration(), FetchConfiguration(scheduler_id="s"), FetchDifferences(slave="slave-1")]
)
def test_below_its_level_no_command_is_carried_out(tmp_path: Path, request_: Request) -> None:
    async def go() -> None:
        master = CommandedMaster(tmp_path)
        answer = only(ErrorAnswer, await master.ask(request_, a_connection(level=Level.INFO)))
        assert answer.code == "SCHEDULER-121"
        assert len(master.register) == 0

    run(go())


@pytest.mark.parametrize(
    ("version", "said"),
    [("1.3.12", 0), ("1.3.12.2131 (jsync 0.1.0)", 1), ("1.3.12.2131 (jsync 0.2.0)", 2)],
)
def test_who_registers_hears_which_dialect_is_spoken(tmp_path: Path, version: str, said: int) -> None:
    async def go() -> None:
        assert await CommandedMaster(tmp_path).ask(a_registration(version=version)) == OkAnswer(jsync=said)

    run(go())


def test_a_slave_registers_fetches_and_has_everything(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            connection = a_connection()
            assert await master.ask(a_registration(), connection) == OkAnswer()
            answer = await master.fetch(connection, listed({"old": b"x"}))
            assert [type(change) for change in answer.changes] == [WriteFile, Remove]
            slave = master.slave
            assert slave.given is (await master.remote.views()).of(None)
            assert (slave.changed_at, slave.reminder.next_deadline()) == (None, None)
            assert due(master) == ()
            master.commands.forget(connection)
            assert not master.slave.is_connected
            assert master.changes >= 3

    run(go())


def test_a_slave_that_does_not_take_what_it_is_given_is_not_in_sync(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            await master.fetch(connection)
            assert slave_status(master.slave, None)["in_sync"] is True  # it is given it now
            await master.fetch(connection)
            status = slave_status(master.slave, None)
            assert (status["in_sync"], status["is_refused"]) == (False, True)
            since = status["pending_since"]
            await master.fetch(connection)
            assert slave_status(master.slave, None)["pending_since"] == since
            await master.fetch(connection, listed({"a": b"1"}))
            assert slave_status(master.slave, None)["in_sync"] is True
            await master.fetch(connection)  # somebody touched its copy: that heals, and is no refusal
            assert slave_status(master.slave, None)["in_sync"] is True

    run(go())


@pytest.mark.parametrize("is_asked_by_name", [False, True])
def test_whoever_asks_before_the_agent_has_taken_a_new_view_gets_the_own_folder_of_that_view(
    tmp_path: Path, is_asked_by_name: bool
) -> None:
    write_tree(tmp_path, {"_all/a": b"1", "127.0.0.1#5000/a": b"own"})

    async def go() -> None:
        master = CommandedMaster(tmp_path, a_host("slave-1"))
        async with in_background(master.remote.run(), master.names.run()):
            connection = a_connection()
            if is_asked_by_name:
                changes = only(ChangesAnswer, await master.ask(FetchDifferences(slave="slave-1"))).changes
            else:
                await master.ask(a_registration(), connection)
                changes = (await master.fetch(connection)).changes
            assert [only(WriteFile, change).content for change in changes] == [b"own"]

    run(go())


def test_who_has_not_registered_gets_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        answer = only(ErrorAnswer, await CommandedMaster(tmp_path).ask(FetchUpdatedFiles()))
        assert answer.code == "SCHEDULER-457"

    run(go())


def test_the_newer_connection_of_an_identity_wins(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            old, new = a_connection(port=50001), a_connection(port=50002)
            await master.ask(a_registration(), old)
            await master.ask(a_registration(), new)
            assert (old.was_closed, new.was_closed) == (True, False)
            master.commands.forget(old)
            assert master.slave.connection is new
            await master.fetch(new)
            assert only(ErrorAnswer, await master.ask(FetchUpdatedFiles(), old)).code == "SCHEDULER-457"

    with Lines.of("sync_core.agent.signals") as lines:
        run(go())
    assert lines.messages("WARNING")[0].startswith("SCHEDULER-714  ")


def test_a_change_during_a_fetch_is_not_forgotten(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            master.names.gate.clear()
            master.names.waiting.clear()
            fetching = asyncio.ensure_future(master.fetch(connection))
            await master.names.waiting.wait()
            master.view_changed.clear()
            put(tmp_path, "_all/b", b"2")
            await master.view_changed.wait()
            await master.take_views()
            master.names.gate.set()
            answer = await fetching
            assert [change.path for change in answer.changes] == ["a"]
            assert due(master) == (TellByUdp(master.slave),)
            assert master.slave.changed_at is not None
            await master.fetch(connection, listed({"a": b"1"}))
            assert due(master) == ()
            assert master.slave.is_in_sync

    run(go())


def test_who_left_during_its_fetch_was_given_nothing(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            master.names.gate.clear()
            master.names.waiting.clear()
            fetching = asyncio.ensure_future(master.fetch(connection))
            await master.names.waiting.wait()
            master.commands.forget(connection)
            master.names.gate.set()
            await fetching
            assert (master.slave.given, master.slave.fetched_at) == (None, None)

    run(go())


def test_a_file_that_is_not_what_was_seen_is_left_out_and_stays_pending(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1", "_all/b": b"2"})

    async def go() -> None:
        async with a_commanded_master(tmp_path, watch=DeafWatch) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            (tmp_path / "_all" / "b").write_bytes(b"half")
            answer = await master.fetch(connection)
            assert [change.path for change in answer.changes] == ["a"]
            assert (master.slave.given, master.slave.is_in_sync) == (None, False)
            assert due(master) == ()  # else it would be told at once, again and again, as long as the file stays so
            await eventually(lambda: bool(lines.messages("WARNING")))

    with Lines.of("sync_core.agent.answer_builder") as lines:
        run(go())
    assert lines.messages("WARNING")[0].startswith("b is not sent this time: ")


def test_a_real_slave_that_must_come_twice_is_told_at_once(tmp_path: Path) -> None:
    """It empties a folder first, and removes it with the next answer (protocol.md section 17)."""
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path, watch=DeafWatch) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            answer = await master.fetch(connection, listed({"a": b"1", "d/b": b"2", "d/c": b"3"}))
            assert [change.path for change in answer.changes] == ["d", "d/b", "d/c"]
            assert (master.slave.given, due(master)) == (None, (TellByUdp(master.slave),))
            answer = await master.fetch(connection, listed({"a": b"1", "d": None}))
            assert [change.path for change in answer.changes] == ["d"]
            assert (master.slave.changed_at, due(master)) == (None, ())

    run(go())


def test_a_large_tree_comes_in_portions_and_the_slave_is_told_after_each_at_once(tmp_path: Path) -> None:
    """So an answer is bounded whatever there is to send, and what is urgent waits behind no more than one."""
    contents = {name: name.encode() * (3 * MIB) for name in "abc"}
    write_tree(tmp_path, {f"_all/{name}": content for name, content in contents.items()})

    async def go() -> None:
        async with a_commanded_master(tmp_path, watch=DeafWatch) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            have: Folder = EMPTY_FOLDER
            for is_last in (False, False, True):
                answer = await master.fetch(connection, have)
                files = [change for change in answer.changes if isinstance(change, WriteFile)]
                assert sum(len(change.content) for change in files) <= 4 * MIB
                have = edited(have, {change.path: a_listed_file(change.content) for change in files})
                assert due(master) == (() if is_last else (TellByUdp(master.slave),))
                assert master.slave.is_in_sync is is_last
            assert [path for path, _ in walk(have)] == ["a", "b", "c"]
            assert (await master.fetch(connection, have)).changes == ()

    run(go())


def test_what_is_new_and_small_does_not_wait_behind_what_is_large(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a-large": b"a" * (5 * MIB), "_all/b-large": b"b" * (5 * MIB), "_all/small": b"s"})

    async def go() -> None:
        async with a_commanded_master(tmp_path, watch=DeafWatch) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            answer = await master.fetch(connection)
            assert [change.path for change in answer.changes] == ["small"]

    run(go())


def test_the_folder_of_a_cluster_member_is_that_of_its_id_before_that_of_its_host(tmp_path: Path) -> None:
    """As in capture 10."""
    write_tree(tmp_path, {"member/by-id": b"1", "127.0.0.1#5000/by-host": b"2"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            for is_member, expected in ((True, "by-id"), (False, "by-host")):
                connection = a_connection()
                await master.ask(a_registration(scheduler_id="member", is_cluster_member=is_member), connection)
                assert [change.path for change in (await master.fetch(connection)).changes] == [expected]

    run(go())


def test_a_fetch_by_http_registers_for_twice_the_interval(tmp_path: Path) -> None:
    write_tree(tmp_path, {"slave1/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            request = FetchConfiguration(scheduler_id="slave1", udp_port=4441, version="1.8.2", interval_s=900)
            answer = only(ChangesAnswer, await master.ask(request))
            assert [change.path for change in answer.changes] == ["a"]
            slave = master.slave
            assert slave.identity == HttpIdentity("slave1", LOCALHOST, 4441)
            assert slave.deactivate_at is not None
            assert slave.deactivate_at - time.time() == pytest.approx(1800, abs=60)
            assert (slave.is_active, slave.is_connected, slave.is_in_sync) == (True, False, True)
            member = FetchConfiguration(scheduler_id="slave1", cluster_member_id="slave1/a:4444", interval_s=0)
            only(ChangesAnswer, await master.ask(member))
            assert sorted(str(one.identity) for one in master.register) == [
                "slave1,127.0.0.1:4441",
                "slave1/a:4444,127.0.0.1:0",
            ]

    run(go())


def test_a_remote_folder_that_vanished_wipes_nobody(tmp_path: Path) -> None:
    async def go() -> None:
        async with a_commanded_master(tmp_path / "gone") as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            for request in (FetchUpdatedFiles(listed=listed({"a": b"1"})), ListFiles(slave="slave-1")):
                answer = only(ErrorAnswer, await master.ask(request, connection))
                assert answer.code == "SCHEDULER-882"
            assert master.slave.fetched_at is None

    run(go())


def test_a_slave_without_any_folder_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            for _ in range(2):
                assert (await master.fetch(connection)).changes == ()

    with Lines.of("sync_core.agent.signals") as lines:
        run(go())
    (line,) = lines.messages("INFO")
    assert line.startswith("SCHEDULER-455  ")


def test_lists_and_differences_by_name_change_nothing(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1", "127.0.0.1#5001/b": b"2" * (5 * MIB), "127.0.0.1#5001/c": b"3"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            found = only(FileListAnswer, await master.ask(ListFiles(slave="slave-1")))
            assert list(found.tree.children) == ["a", "b", "c"]
            assert found.own is not None
            assert (get(found.own, RelPath("a")), list(found.own.children)) == (None, ["b", "c"])
            asked = FetchDifferences(slave="slave-1", listed=listed({"a": b"1"}))
            answer = only(ChangesAnswer, await master.ask(asked))
            assert [change.path for change in answer.changes] == ["b", "c"]  # all of them, in one answer
            for request in (ListFiles(slave="nobody"), ListFiles(), FetchDifferences(slave="x\n")):
                assert only(ErrorAnswer, await master.ask(request)).code == "error"
            assert len(master.register) == 0

    run(go())


def test_the_other_commands(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path, watch=DeafWatch) as master:
            master.view_changed.clear()
            (tmp_path / "_all" / "d").mkdir()
            assert await master.ask(CheckFolders()) == OkAnswer()
            await master.view_changed.wait()
            state = only(StateAnswer, await master.ask(ShowState(what=frozenset({"all"}))))
            assert state.attributes == {"what": "all"}
            assert isinstance(await master.ask(ShowCluster()), ClusterAnswer)
            assert await master.ask(GetParam(name="x")) == OkAnswer()
            assert await master.ask(OpenDialect(), a_connection(level=Level.INFO)) == OkAnswer(jsync=2)

    run(go())
