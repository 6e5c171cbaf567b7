from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.fleet.files import list_files
from sync_core.fleet.lists import FileList, Source, first_error, master_list, slave_list
from sync_core.model.errors import (
    FileTroubleError,
    PeerError,
    RemoteRefusalError,
    RootVanishedError,
    UnreachableError,
    UsageError,
)
from sync_core.model.inventory import Connection
from sync_core.model.manifest import Layer
from sync_core.model.path import RelPath
from sync_core.protocol.messages import Answer, ErrorAnswer, FileListAnswer, ListFiles, OkAnswer
from tests.support.agents import Pair, ScriptedPeer, a_pair, in_thread
from tests.support.net import a_host
from tests.support.trees import a_link, a_manifest, write_tree


def master_files(pair: Pair) -> FileList:
    return asyncio.run(master_list(pair.inventory, pair.master, pair.slave))


def answering(pair: Pair, role: str, answer: Answer) -> ScriptedPeer:
    host = pair.master if role == "master" else pair.slave
    return ScriptedPeer(lambda _: answer, port=host.tcp_port)


def test_without_an_agent_the_folder_is_read(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1", "_all/b": b"2"})
    write_tree(pair.own, {"b": b"own"})
    write_tree(pair.cache, {"a": b"1"})
    ours = master_files(pair)
    assert (ours.source, ours.host, ours.slave, ours.folder) == (Source.LOCAL, "master", "slave", pair.own.name)
    assert [(entry.path, entry.layer) for entry in ours.manifest] == [("a", Layer.ALL), ("b", Layer.OWN)]
    assert ours.read(RelPath("b"), Layer.OWN) == b"own"
    assert ours.read(RelPath("a"), Layer.ALL) == b"1"
    theirs = asyncio.run(slave_list(pair.slave))
    assert (theirs.source, theirs.slave) == (Source.LOCAL, None)
    assert theirs.read(RelPath("a"), None) == b"1"


def test_an_agent_is_asked_first_and_contents_still_come_from_the_folder(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.own, {"b": b"own"})
    write_tree(pair.cache, {"c": b"3"})
    manifest = a_manifest({"x": b"1"})
    with in_thread(answering(pair, "master", FileListAnswer(manifest=manifest))) as peer:
        ours = master_files(pair)
        assert peer.requests == [ListFiles(slave="slave")]
    assert (ours.source, [entry.path for entry in ours.manifest]) == (Source.AGENT, ["x"])
    assert ours.read(RelPath("b"), Layer.OWN) == b"own"
    with in_thread(answering(pair, "slave", FileListAnswer(manifest=manifest))) as peer:
        theirs = asyncio.run(slave_list(pair.slave))
        assert peer.requests == [ListFiles()]
    assert (theirs.source, [entry.path for entry in theirs.manifest]) == (Source.AGENT, ["x"])
    assert theirs.read(RelPath("c"), None) == b"3"


@pytest.mark.parametrize("answer", [ErrorAnswer(code="SCHEDULER-105", text="SCHEDULER-105  unknown"), OkAnswer()])
def test_whoever_answers_there_and_is_no_jsync_is_passed_over_on_this_machine(tmp_path: Path, answer: Answer) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1"})
    write_tree(pair.cache, {"a": b"1"})
    with in_thread(answering(pair, "master", answer)), in_thread(answering(pair, "slave", answer)):
        for found in (master_files(pair), asyncio.run(slave_list(pair.slave))):
            assert (found.source, [entry.path for entry in found.manifest]) == (Source.LOCAL, ["a"])


def test_elsewhere_there_is_only_the_agent(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, master={"connection": Connection.NONE}, slave={"connection": Connection.SSH})
    with pytest.raises(UnreachableError):
        master_files(pair)
    with pytest.raises(UnreachableError):
        asyncio.run(slave_list(pair.slave))
    with in_thread(ScriptedPeer(port=pair.slave.tcp_port)), pytest.raises(PeerError, match="no jsync agent"):
        asyncio.run(slave_list(pair.slave))
    with in_thread(answering(pair, "master", FileListAnswer(manifest=a_manifest({"a": b"1"})))):
        ours = master_files(pair)
    with pytest.raises(FileTroubleError, match="not built yet"):
        ours.read(RelPath("a"), Layer.ALL)


def test_a_folder_that_vanished_is_an_error_whoever_says_so(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    vanished = ErrorAnswer(code="SCHEDULER-882", text="SCHEDULER-882  gone")
    with in_thread(answering(pair, "master", vanished)), pytest.raises(RootVanishedError, match="gone") as caught:
        master_files(pair)
    assert caught.value.host == "master"
    with pytest.raises(RootVanishedError):
        asyncio.run(slave_list(pair.slave))
    pair.remote.joinpath("_all").rmdir()
    pair.remote.rmdir()
    with pytest.raises(RootVanishedError):
        master_files(pair)
    with in_thread(answering(pair, "master", FileListAnswer(manifest=a_manifest({"a": b"1"})))):
        ours = master_files(pair)
    with pytest.raises(RootVanishedError):
        ours.read(RelPath("a"), Layer.ALL)


def test_a_master_whose_folder_cannot_be_read_has_no_empty_list(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    (pair.remote / "_all").rmdir()
    a_link(pair.remote / "_all", "/etc")
    with pytest.raises(FileTroubleError, match="_all"):
        master_files(pair)


def test_of_several_failures_the_one_that_is_not_just_absence_is_shown() -> None:
    away, refused = UnreachableError("away"), RemoteRefusalError("SCHEDULER-121", "no")
    assert first_error([away, refused]) is refused
    assert first_error([away, UnreachableError("too")]) is away


def test_files_of_a_slave_and_of_a_master(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.cache, {"a": b"1"})
    write_tree(pair.remote, {"_all/b": b"1"})
    assert [entry.path for entry in list_files(pair.inventory, pair.slave, slave=None).manifest] == ["a"]
    assert [entry.path for entry in list_files(pair.inventory, pair.master, slave=pair.slave).manifest] == ["b"]


def test_files_that_nobody_can_mean(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    stranger = replace(a_host("stranger"), masters=("elsewhere",))
    with pytest.raises(UsageError, match="--for goes with a master"):
        list_files(pair.inventory, pair.slave, slave=pair.slave)
    with pytest.raises(UsageError, match="say for which slave"):
        list_files(pair.inventory, pair.master, slave=None)
    with pytest.raises(UsageError, match="not a master of stranger"):
        list_files(pair.inventory, pair.master, slave=stranger)
