from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.fleet.contents import is_shown, read_contents
from sync_core.fleet.lists import FileList, Lists, Source
from sync_core.fleet.reach import Reach
from sync_core.model.change import WriteFile
from sync_core.model.errors import FileTroubleError, UnreachableError
from sync_core.model.inventory import Connection
from sync_core.model.limits import MAX_SHOWN_BYTES
from sync_core.model.manifest import Layer, Manifest
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
    Request,
)
from tests.support.agents import Pair, ScriptedPeer, a_pair, in_thread
from tests.support.runners import ScriptedRunner
from tests.support.trees import TIME, a_directory, a_file, a_manifest, write_tree

AWAY = ScriptedRunner(error=UnreachableError("Connection refused"))


def contents(pair: Pair, found: Callable[[Lists], object], *paths: str, runner: Runner | None = None) -> Contents:
    async def go() -> Contents:
        reach = Reach(lambda _: runner or LocalRunner())
        lists = Lists(pair.inventory, reach, timeout_s=60)
        try:
            one = found(lists)
            one = one if isinstance(one, FileList) else await one  # type: ignore[misc]
            assert isinstance(one, FileList)
            entries = [entry for entry in one.manifest if entry.is_file and (not paths or entry.path in paths)]
            return await read_contents(lists, one, entries)
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


def an_agent(manifest: Manifest, answer: Answer) -> Callable[[Request], Answer]:
    return lambda request: FileListAnswer(manifest=manifest) if isinstance(request, ListFiles) else answer


def written(path: str, content: bytes) -> WriteFile:
    return WriteFile(path=RelPath(path), content=content, last_write_time=TIME)


def test_from_an_agent_whose_host_is_elsewhere(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, master={"connection": Connection.NONE})
    manifest = a_manifest({"a": b"1", "b": b"2", "late": b"3"})
    answer = ChangesAnswer(changes=(written("a", b"1"), written("late", b"other")))
    with in_thread(ScriptedPeer(an_agent(manifest, answer), port=pair.master.tcp_port)) as peer:
        found = contents(pair, lambda lists: lists.master_list(pair.master, pair.slave), "a", "late")
        asked = peer.requests[-1]
    assert isinstance(asked, FetchDifferences)
    assert (asked.slave, [entry.path for entry in asked.listed]) == ("slave", ["b"])
    assert found[RelPath("a")] == b"1"
    assert "has changed since" in str(found[RelPath("late")])


@pytest.mark.parametrize("answer", [ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  no"), OkAnswer()])
def test_by_ssh_where_the_agent_refuses(answer: Answer, tmp_path: Path) -> None:
    pair = a_pair(tmp_path, master={"connection": Connection.SSH}, slave={"connection": Connection.SSH})
    both_layers(pair)
    manifest = Manifest([replace(a_file("a", b"1"), layer=Layer.ALL), replace(a_file("b", b"own"), layer=Layer.OWN)])
    with in_thread(ScriptedPeer(an_agent(manifest, answer), port=pair.master.tcp_port)):
        found = contents(pair, lambda lists: lists.master_list(pair.master, pair.slave))
        nothing = contents(pair, lambda lists: lists.master_list(pair.master, pair.slave), runner=AWAY)
    assert found == {"a": b"1", "b": b"own"}
    assert all(isinstance(content, FileTroubleError) for content in nothing.values())
    assert len(nothing) == 2


def test_by_ports_alone_an_agent_that_refuses_is_everybodys_trouble(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, slave={"connection": Connection.NONE})
    with in_thread(ScriptedPeer(an_agent(a_manifest({"a": b"1"}), OkAnswer()), port=pair.slave.tcp_port)):
        found = contents(pair, lambda lists: lists.slave_list(pair.slave))
    assert "not with contents" in str(found[RelPath("a")])


def test_what_is_in_the_folder_of_an_agent_here(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    both_layers(pair)
    found = FileList(
        host=pair.master,
        slave=pair.slave,
        source=Source.AGENT,
        manifest=a_manifest({"a": b"1", "gone": b"2", "b": b"x"}),
    )
    got = contents(pair, lambda _: found)
    assert got[RelPath("a")] == b"1"
    assert "gone" in str(got[RelPath("gone")])
    assert isinstance(got[RelPath("b")], FileTroubleError)


def test_a_remote_that_cannot_be_listed_is_trouble_of_each_file(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.remote.joinpath("_all").rmdir()
    pair.remote.rmdir()
    found = FileList(host=pair.master, slave=pair.slave, source=Source.AGENT, manifest=a_manifest({"a": b"1"}))
    assert isinstance(contents(pair, lambda _: found)[RelPath("a")], FileTroubleError)


def test_what_is_shown() -> None:
    assert is_shown(a_file("a"))
    assert is_shown(replace(a_file("a"), size_bytes=None))
    assert not is_shown(replace(a_file("a"), size_bytes=MAX_SHOWN_BYTES + 1))
    assert not is_shown(a_directory("a"))
    assert not is_shown(None)
