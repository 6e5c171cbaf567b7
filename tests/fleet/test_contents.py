from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.fleet.contents import is_shown, read_contents
from sync_core.fleet.file_list import FileList, Source
from sync_core.fleet.lists import Lists
from sync_core.fleet.reach import Reach
from sync_core.model.change import WriteFile
from sync_core.model.errors import FileTroubleError, UnreachableError
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Folder, walk
from sync_core.model.inventory import Connection
from sync_core.model.limits import MAX_SHOWN_BYTES
from sync_core.model.path import RelPath
from sync_core.net.far_stream import Contents
from sync_core.net.runner import LocalRunner, Runner
from sync_core.protocol.messages import (
    Answer,
    ChangesAnswer,
    ErrorAnswer,
    FetchDifferences,
    FileListAnswer,
    ListFiles,
    OkAnswer,
    OpenDialect,
    Request,
)
from tests.support.agents import Pair, ScriptedPeer, a_pair, in_thread
from tests.support.disk import write_tree
from tests.support.folders import TIME, a_file, a_listed_file, a_tree
from tests.support.runners import ScriptedRunner

AWAY = ScriptedRunner(error=UnreachableError("Connection refused"))


def contents(pair: Pair, found: Callable[[Lists], object], *paths: str, runner: Runner | None = None) -> Contents:
    async def go() -> Contents:
        reach = Reach(lambda _: runner or LocalRunner())
        lists = Lists(pair.inventory, reach, timeout_s=60)
        try:
            one = found(lists)
            one = one if isinstance(one, FileList) else await one  # type: ignore[misc]
            assert isinstance(one, FileList)
            files = {
                path: entry
                for path, entry in walk(one.tree)
                if isinstance(entry, File) and (not paths or path in paths)
            }
            return await read_contents(lists, one, files)
        finally:
            await lists.close()
            await reach.close()

    return asyncio.run(go())


def both_layers(pair: Pair) -> None:
    write_tree(pair.remote, {"_all/a": b"1", "_all/b": b"2"})
    write_tree(pair.own, {"b": b"own"})


@pytest.mark.parametrize("connection", [None, Connection.SSH])
def test_from_the_folder(connection: Connection | None, tmp_path: Path) -> None:
    pair = a_pair(tmp_path, master={"connection": connection}, slave={"connection": connection})
    both_layers(pair)
    write_tree(pair.cache, {"c/d": b"3"})
    assert contents(pair, lambda lists: lists.master_list(pair.master, pair.slave)) == {"a": b"1", "b": b"own"}
    assert contents(pair, lambda lists: lists.slave_list(pair.slave)) == {"c/d": b"3"}
    assert contents(pair, lambda lists: lists.slave_list(pair.slave), "none") == {}


def an_agent(tree: Folder, answer: Answer, *, own: Folder | None = None) -> Callable[[Request], Answer]:
    """Return an agent that does not speak our dialect."""
    unknown = ErrorAnswer(code="LIBXML2-007", text="LIBXML2-007  unknown")

    def answer_to(request: Request) -> Answer:
        if isinstance(request, OpenDialect):
            return unknown
        return FileListAnswer(tree=tree, own=own) if isinstance(request, ListFiles) else answer

    return answer_to


def written(path: str, content: bytes) -> WriteFile:
    return WriteFile(path=RelPath(path), content=content, last_write_time=TIME)


def test_from_an_agent_whose_host_is_elsewhere(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, master={"connection": Connection.NONE})
    tree = a_tree({"a": b"1", "b": b"2", "late": b"3"})
    answer = ChangesAnswer(changes=(written("a", b"1"), written("late", b"other")))
    with in_thread(ScriptedPeer(an_agent(tree, answer), port=pair.master.tcp_port)) as peer:
        found = contents(pair, lambda lists: lists.master_list(pair.master, pair.slave), "a", "late")
        asked = peer.requests[-1]
    assert isinstance(asked, FetchDifferences)
    assert (asked.slave, list(asked.listed.children)) == ("slave", ["b"])
    assert found[RelPath("a")] == b"1"
    assert "has changed since" in str(found[RelPath("late")])


@pytest.mark.parametrize("answer", [ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  no"), OkAnswer()])
def test_by_ssh_where_the_agent_refuses(answer: Answer, tmp_path: Path) -> None:
    pair = a_pair(tmp_path, master={"connection": Connection.SSH}, slave={"connection": Connection.SSH})
    both_layers(pair)
    tree, own = a_tree({"a": b"1", "b": b"own"}), a_tree({"b": b"own"})
    with in_thread(ScriptedPeer(an_agent(tree, answer, own=own), port=pair.master.tcp_port)):
        found = contents(pair, lambda lists: lists.master_list(pair.master, pair.slave))
        nothing = contents(pair, lambda lists: lists.master_list(pair.master, pair.slave), runner=AWAY)
    assert found == {"a": b"1", "b": b"own"}
    assert all(isinstance(content, FileTroubleError) for content in nothing.values())
    assert len(nothing) == 2


def test_by_ports_alone_an_agent_that_refuses_is_everybodys_trouble(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, slave={"connection": Connection.NONE})
    with in_thread(ScriptedPeer(an_agent(a_tree({"a": b"1"}), OkAnswer()), port=pair.slave.tcp_port)):
        found = contents(pair, lambda lists: lists.slave_list(pair.slave))
    assert "not with contents" in str(found[RelPath("a")])


def test_what_is_in_the_folder_of_an_agent_here(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    both_layers(pair)
    found = FileList(
        host=pair.master,
        slave=pair.slave,
        source=Source.AGENT,
        tree=a_tree({"a": b"1", "gone": b"2", "b": b"x"}),
        own=EMPTY_FOLDER,
    )
    got = contents(pair, lambda _: found)
    assert got[RelPath("a")] == b"1"
    assert "gone" in str(got[RelPath("gone")])
    assert isinstance(got[RelPath("b")], FileTroubleError)


def test_a_remote_that_cannot_be_listed_is_trouble_of_each_file(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.remote.joinpath("_all").rmdir()
    pair.remote.rmdir()
    found = FileList(host=pair.master, slave=pair.slave, source=Source.AGENT, tree=a_tree({"a": b"1"}))
    assert isinstance(contents(pair, lambda _: found)[RelPath("a")], FileTroubleError)


def test_what_is_shown() -> None:
    assert is_shown(a_file(b"1"))
    assert is_shown(a_listed_file(b"1"))
    assert not is_shown(replace(a_file(), size_bytes=MAX_SHOWN_BYTES + 1))
    assert not is_shown(EMPTY_FOLDER)
    assert not is_shown(None)
