from __future__ import annotations

from pathlib import Path

import pytest

from sync_core.agent.file_contents import Piece
from sync_core.agent.master_state import slave_status
from sync_core.model.errors import JsyncError, RootVanishedError
from sync_core.model.folder import EMPTY_FOLDER
from sync_core.model.path import RelPath
from sync_core.protocol.dialect.messages import Check
from tests.support.agents import a_connection, a_registration
from tests.support.connections import FakeConnection
from tests.support.disk import write_tree
from tests.support.folders import file_at
from tests.support.masters import CommandedMaster, a_commanded_master, put
from tests.support.net import run

JSYNC = "1.3.12.2131 (jsync 0.2.0)"


async def registered(master: CommandedMaster, **changes: object) -> FakeConnection:
    connection = a_connection()
    await master.ask(a_registration(version=JSYNC, **changes), connection)
    return connection


def test_a_slave_is_offered_its_view_and_who_has_it_is_in_sync(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1", "127.0.0.1#5000/b": b"2"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            connection = await registered(master)
            checked = await master.offers.check(connection, Check(), None)
            offer = checked.offer
            assert list(offer.tree.children) == ["a", "b"]
            assert (checked.known, offer.is_look) == (None, False)
            assert offer.place_of(RelPath("a")) == "_all/a"
            assert offer.place_of(RelPath("b")) == "127.0.0.1#5000/b"
            assert slave_status(master.slave, None)["in_sync"] is False
            digest = offer.tree.digest
            request = Check(known=digest, has=digest, wake_key=b"k" * 32)
            checked = await master.offers.check(connection, request, offer.tree)
            assert master.slave.wake_key == b"k" * 32
            assert checked.known is offer.tree
            assert slave_status(master.slave, None)["in_sync"] is True
            assert (master.slave.given, master.slave.folder) == (offer.tree, "127.0.0.1#5000")
            assert master.changes == 2  # it is there, and it is in sync

    run(go())


def test_what_was_offered_lately_leads_on_to_the_newest(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            connection = await registered(master)
            first = (await master.offers.check(connection, Check(), None)).offer.tree
            master.view_changed.clear()
            put(tmp_path, "_all/b", b"2")
            await master.view_changed.wait()
            await master.take_views()
            other = await registered(master, tcp_port=5001)  # by a reconnect, say: nothing is known beside it
            checked = await master.offers.check(other, Check(known=first.digest, has=first.digest), None)
            assert checked.known is first
            assert list(checked.offer.tree.children) == ["a", "b"]
            slave = master.register.of(other)
            assert slave is not None
            assert (slave.given, slave.is_in_sync) == (first, False)
            unknown = await master.offers.check(other, Check(known=bytes(32)), None)
            assert unknown.known is None
            empty = await master.offers.check(other, Check(known=EMPTY_FOLDER.digest), None)
            assert empty.known == EMPTY_FOLDER

    run(go())


def test_who_is_not_registered_is_offered_nothing(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            with pytest.raises(JsyncError, match="SCHEDULER-457"):
                await master.offers.check(a_connection(), Check(), None)

    run(go())


def test_who_looks_names_a_slave_and_changes_nothing(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1", "127.0.0.1#5001/b": b"2"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            offer = await master.offers.look(a_connection(), "slave-1")
            assert list(offer.tree.children) == ["a", "b"]
            assert offer.is_look
            assert offer.own is not None
            assert list(offer.own.children) == ["b"]
            for name in ("nobody", None):
                with pytest.raises(JsyncError, match="no slave"):
                    await master.offers.look(a_connection(), name)
            assert len(master.register) == 0

    run(go())


def test_contents_are_read_below_the_remote_folder(tmp_path: Path) -> None:
    write_tree(tmp_path, {"_all/a": b"1"})

    async def go() -> None:
        async with a_commanded_master(tmp_path) as master:
            connection = await registered(master)
            offer = (await master.offers.check(connection, Check(), None)).offer
            file = file_at(offer.tree, "a")
            assert master.offers.kept(file) is None
            assert master.offers.read([Piece(offer.place_of(RelPath("a")), file, 0, 1)]) == [b"1"]
            assert master.offers.kept(file) == b"1"

    run(go())


def test_a_folder_that_vanished_is_no_empty_offer(tmp_path: Path) -> None:
    async def go() -> None:
        async with a_commanded_master(tmp_path / "gone") as master:
            connection = await registered(master)
            with pytest.raises(RootVanishedError):
                await master.offers.check(connection, Check(), None)
            with pytest.raises(RootVanishedError):
                await master.offers.look(connection, "slave-1")

    run(go())
