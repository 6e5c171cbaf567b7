from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sync_core.agent.folders import FolderChooser
from sync_core.agent.http_slaves import HttpSlaves
from sync_core.agent.master import MasterCommands
from sync_core.agent.master_state import slave_status
from sync_core.agent.register import Registrations
from sync_core.agent.registration import Slave
from sync_core.agent.remote import RemoteFolder
from sync_core.agent.views import Views
from sync_core.agent.wakeups import WakeUps
from sync_core.model.change import Remove, WriteFile
from sync_core.model.manifest import Manifest
from sync_core.model.path import RelPath
from sync_core.model.security import Level
from sync_core.net.connection import Connection
from sync_core.protocol.messages import (
    Answer,
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
    Request,
    ShowCluster,
    ShowState,
    StateAnswer,
)
from sync_core.tree.scan import scan
from tests.support.agents import DeafWatch, a_connection, a_registration, a_resolver, in_background
from tests.support.net import Lines, a_host, eventually, run
from tests.support.trees import a_manifest, write_tree

T = TypeVar("T")


def only(kind: type[T], answer: object) -> T:
    assert isinstance(answer, kind), answer
    return answer


class Master:
    """A master's commands over a real folder; its look-ups can be made to wait."""

    def __init__(self, root: Path, *, folder: str | None = None, **more: Any) -> None:
        self.register = Registrations()
        self.changes = self.stale = 0
        self.own = folder
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Event()
        self.view_changed = asyncio.Event()
        known = scan(root).observations if root.exists() else {}
        self.remote = RemoteFolder(
            root, interval_s=60, known=known, save=lambda _: None, on_change=self.view_changed.set, **more
        )
        slave = a_host("slave-1", tcp_port=5001)
        chooser = FolderChooser((slave,), a_resolver())
        self.wake_ups = WakeUps(self.register, folder_of=self._folder_of, display=self._display, listen=None)
        self.http_slaves = HttpSlaves(
            self.register, a_resolver(), level_of=lambda _: Level.NONE, on_change=self._count("changes")
        )
        self.commands = MasterCommands(
            slaves={"slave-1": slave},
            remote=self.remote,
            folder_of=self._folder_of,
            chooser=chooser,
            register=self.register,
            http_slaves=self.http_slaves,
            wake_ups=self.wake_ups,
            state=lambda what: StateAnswer(attributes={"what": " ".join(sorted(what))}),
            on_change=self._count("changes"),
            on_stale=self._count("stale"),
        )

    def _count(self, name: str) -> Callable[[], None]:
        return lambda: setattr(self, name, getattr(self, name) + 1)

    async def _folder_of(self, _: Slave, __: Views) -> str | None:
        self.waiting.set()
        await self.gate.wait()
        return self.own

    async def _display(self, slave: Slave) -> str:
        return str(slave.identity.ip)

    async def ask(self, request: Request, connection: Connection | None = None) -> Answer:
        return await self.commands.handle(connection or a_connection(), request)

    async def fetch(self, connection: Connection, listed: Manifest | None = None) -> ChangesAnswer:
        return only(ChangesAnswer, await self.ask(FetchUpdatedFiles(listed=listed or Manifest()), connection))

    @property
    def slave(self) -> Slave:
        (slave,) = self.register
        return slave


@asynccontextmanager
async def a_master(root: Path, **more: Any) -> AsyncIterator[Master]:
    master = Master(root, **more)
    async with in_background(master.remote.run()):
        yield master


def edit(root: Path, path: str, content: bytes) -> None:
    temporary = root / ".new"
    temporary.write_bytes(content)
    temporary.replace(root / path)


@pytest.mark.parametrize(
    "request_", [a_registration(), FetchConfiguration(scheduler_id="s"), FetchDifferences(slave="slave-1")]
)
def test_below_its_level_no_command_is_carried_out(tmp_path: Path, request_: Request) -> None:
    async def go() -> None:
        master = Master(tmp_path)
        answer = only(ErrorAnswer, await master.ask(request_, a_connection(level=Level.INFO)))
        assert answer.code == "SCHEDULER-121"
        assert len(master.register) == 0

    run(go())


def test_a_slave_registers_fetches_and_has_everything(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_master(tmp_path) as master:
            connection = a_connection()
            assert await master.ask(a_registration(), connection) == OkAnswer()
            answer = await master.fetch(connection, a_manifest({"old": b"x"}))
            assert [type(change) for change in answer.changes] == [WriteFile, Remove]
            slave = master.slave
            assert slave.given_md5 == (await master.remote.views()).tree_md5(None)
            assert (slave.changed_at, slave.reminder.next_deadline()) == (None, None)
            assert master.stale == 0
            master.commands.forget(connection)
            assert not master.slave.is_connected
            assert master.changes >= 3

    run(go())


def test_a_slave_that_does_not_take_what_it_is_given_is_not_in_sync(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_master(tmp_path) as master:
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
            await master.fetch(connection, a_manifest({"a": b"1"}))
            assert slave_status(master.slave, None)["in_sync"] is True
            await master.fetch(connection)  # somebody touched its copy: that heals, and is no refusal
            assert slave_status(master.slave, None)["in_sync"] is True

    run(go())


def test_who_has_not_registered_gets_nothing(tmp_path: Path) -> None:
    async def go() -> None:
        answer = only(ErrorAnswer, await Master(tmp_path).ask(FetchUpdatedFiles()))
        assert answer.code == "SCHEDULER-457"

    run(go())


def test_the_newer_connection_of_an_identity_wins(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_master(tmp_path) as master:
            old, new = a_connection(port=50001), a_connection(port=50002)
            await master.ask(a_registration(), old)
            await master.ask(a_registration(), new)
            assert (old.was_closed, new.was_closed) == (True, False)
            master.commands.forget(old)
            assert master.slave.connection is new
            await master.fetch(new)
            assert only(ErrorAnswer, await master.ask(FetchUpdatedFiles(), old)).code == "SCHEDULER-457"

    with Lines.of("sync_core.agent.master") as lines:
        run(go())
    assert lines.messages("WARNING")[0].startswith("SCHEDULER-714  ")


def test_a_change_during_a_fetch_is_not_forgotten(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_master(tmp_path) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            master.gate.clear()
            fetching = asyncio.ensure_future(master.fetch(connection))
            await master.waiting.wait()
            master.view_changed.clear()
            edit(tmp_path, "_all/b", b"2")
            await master.view_changed.wait()
            master.gate.set()
            answer = await fetching
            assert [change.path for change in answer.changes] == ["a"]
            assert master.stale == 1
            await master.wake_ups.compare(await master.remote.views())
            assert master.slave.changed_at is not None
            await master.fetch(connection, a_manifest({"a": b"1"}))
            assert master.stale == 1
            assert [slave.changed_at for slave in master.register] == [None]

    run(go())


def test_who_left_during_its_fetch_was_given_nothing(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_master(tmp_path) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            master.gate.clear()
            fetching = asyncio.ensure_future(master.fetch(connection))
            await master.waiting.wait()
            master.commands.forget(connection)
            master.gate.set()
            await fetching
            assert (master.slave.given_md5, master.slave.fetched_at) == (None, None)

    run(go())


def test_a_file_that_is_not_what_was_seen_is_left_out_and_stays_pending(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1", "_all/b": b"2"})

    async def go() -> None:
        async with a_master(tmp_path, watch=DeafWatch) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            await master.remote.views()
            (tmp_path / "_all" / "b").write_bytes(b"half")
            answer = await master.fetch(connection)
            assert [change.path for change in answer.changes] == ["a"]
            assert master.slave.changed_at is not None
            await eventually(lambda: master.slave.given_md5 == "")
            assert master.stale == 0  # else it would be told at once, again and again, as long as the file stays so
            await eventually(lambda: bool(lines.messages("WARNING")))

    with Lines.of("sync_core.agent.answer_builder") as lines:
        run(go())
    assert lines.messages("WARNING")[0].startswith("b is not sent this time: ")


def test_a_real_slave_that_must_come_twice_is_told_at_once(tmp_path: Path) -> None:
    """It empties a folder first, and removes it with the next answer (protocol.md section 17)."""
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_master(tmp_path, watch=DeafWatch) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            listed = a_manifest({"a": b"1", "d/b": b"2", "d/c": b"3"})
            answer = await master.fetch(connection, listed)
            assert [change.path for change in answer.changes] == ["d", "d/b", "d/c"]
            assert (master.slave.given_md5, master.stale) == ("", 1)
            answer = await master.fetch(connection, a_manifest({"a": b"1", "d": None}))
            assert [change.path for change in answer.changes] == ["d"]
            assert (master.slave.changed_at, master.stale) == (None, 1)

    run(go())


def test_a_remote_folder_that_vanished_wipes_nobody(tmp_path: Path) -> None:
    async def go() -> None:
        async with a_master(tmp_path / "gone") as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            for request in (FetchUpdatedFiles(listed=a_manifest({"a": b"1"})), ListFiles(slave="slave-1")):
                answer = only(ErrorAnswer, await master.ask(request, connection))
                assert answer.code == "SCHEDULER-882"
            assert master.slave.fetched_at is None

    run(go())


def test_a_slave_without_any_folder_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    async def go() -> None:
        async with a_master(tmp_path) as master:
            connection = a_connection()
            await master.ask(a_registration(), connection)
            for _ in range(2):
                assert (await master.fetch(connection)).changes == ()

    with Lines.of("sync_core.agent.master") as lines:
        run(go())
    (line,) = lines.messages("INFO")
    assert line.startswith("SCHEDULER-455  ")


def test_lists_and_differences_by_name_change_nothing(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1", "127.0.0.1#5001/b": b"2"})

    async def go() -> None:
        async with a_master(tmp_path) as master:
            listed = only(FileListAnswer, await master.ask(ListFiles(slave="slave-1")))
            assert [entry.path for entry in listed.manifest] == ["a", "b"]
            answer = only(
                ChangesAnswer, await master.ask(FetchDifferences(slave="slave-1", listed=a_manifest({"a": b"1"})))
            )
            assert [change.path for change in answer.changes] == [RelPath("b")]
            for request in (ListFiles(slave="nobody"), ListFiles(), FetchDifferences(slave="x\n")):
                assert only(ErrorAnswer, await master.ask(request)).code == "error"
            assert len(master.register) == 0

    run(go())


def test_the_other_commands(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_master(tmp_path, watch=DeafWatch) as master:
            await master.remote.views()
            master.view_changed.clear()
            (tmp_path / "_all" / "d").mkdir()
            assert await master.ask(CheckFolders()) == OkAnswer()
            await master.view_changed.wait()
            state = only(StateAnswer, await master.ask(ShowState(what=frozenset({"all"}))))
            assert state.attributes == {"what": "all"}
            assert isinstance(await master.ask(ShowCluster()), ClusterAnswer)
            assert await master.ask(GetParam(name="x")) == OkAnswer()

    run(go())
