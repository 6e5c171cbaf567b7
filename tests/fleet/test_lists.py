from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from sync_core.fleet.access import Access
from sync_core.fleet.each import FleetOptions
from sync_core.fleet.file_list import FileList, Source
from sync_core.fleet.files import list_files
from sync_core.fleet.lists import Lists, first_error
from sync_core.fleet.reach import Reach
from sync_core.model.errors import (
    FileTroubleError,
    HostError,
    PeerError,
    RemoteRefusalError,
    RootVanishedError,
    UnreachableError,
    UsageError,
)
from sync_core.model.file import Layer
from sync_core.model.folder import walk
from sync_core.model.inventory import Connection
from sync_core.net.runner import LocalRunner, Runner
from sync_core.protocol.messages import Answer, ErrorAnswer, FileListAnswer, ListFiles, OkAnswer, OpenDialect, Request
from tests.support.agents import Pair, ScriptedPeer, a_pair, a_silent_peer, in_thread
from tests.support.disk import a_link, write_tree
from tests.support.folders import a_tree
from tests.support.net import a_host
from tests.support.runners import ScriptedRunner

T = TypeVar("T")
AWAY = UnreachableError("SSH to 127.0.0.1: Connection refused")


def with_lists(
    pair: Pair, work: Callable[[Lists], Awaitable[T]], runner: Runner | None = None, *, patience_s: float = 60
) -> T:
    """Do something with the lists of a run; by SSH this machine is reached, or whatever ``runner`` is."""

    async def go() -> T:
        reach = Reach(lambda _: runner or LocalRunner())
        lists = Lists(pair.inventory, reach, timeout_s=60, patience_s=patience_s)
        try:
            return await work(lists)
        finally:
            await lists.close()
            await reach.close()

    return asyncio.run(go())


def master_files(pair: Pair, runner: Runner | None = None) -> FileList:
    return with_lists(pair, lambda lists: lists.master_list(pair.master, pair.slave), runner)


def slave_files(pair: Pair, runner: Runner | None = None) -> FileList:
    return with_lists(pair, lambda lists: lists.slave_list(pair.slave), runner)


def a_far_pair(folder: Path) -> Pair:
    return a_pair(folder, master={"connection": Connection.SSH}, slave={"connection": Connection.SSH})


def answering(pair: Pair, role: str, answer: Answer) -> ScriptedPeer:
    """Return an agent that does not speak our dialect."""
    host = pair.master if role == "master" else pair.slave
    unknown = ErrorAnswer(code="LIBXML2-007", text="LIBXML2-007  unknown")

    def answer_to(request: Request) -> Answer:
        return unknown if isinstance(request, OpenDialect) else answer

    return ScriptedPeer(answer_to, port=host.tcp_port)


def paths(found: FileList) -> list[str]:
    return [path for path, _ in walk(found.tree)]


@pytest.mark.parametrize(("make", "source"), [(a_pair, Source.LOCAL), (a_far_pair, Source.SSH)])
def test_without_an_agent_the_folder_is_read(make: Callable[[Path], Pair], source: Source, tmp_path: Path) -> None:
    pair = make(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1", "_all/b": b"2"})
    write_tree(pair.own, {"b": b"own"})
    write_tree(pair.cache, {"a": b"1"})
    ours = master_files(pair)
    assert (ours.source, ours.host, ours.slave) == (source, pair.master, pair.slave)
    assert [(path, layer) for path, _, layer in ours.entries()] == [("a", Layer.ALL), ("b", Layer.OWN)]
    theirs = slave_files(pair)
    assert (theirs.source, theirs.slave) == (source, None)
    assert paths(theirs) == ["a"]


@pytest.mark.parametrize("make", [a_pair, a_far_pair])
def test_an_agent_is_asked_first(make: Callable[[Path], Pair], tmp_path: Path) -> None:
    pair = make(tmp_path)
    tree = a_tree({"x": b"1"})
    with in_thread(answering(pair, "master", FileListAnswer(tree=tree))) as peer:
        ours = master_files(pair, ScriptedRunner(error=AWAY))
        assert peer.requests == [OpenDialect(), ListFiles(slave="slave")]
    assert (ours.source, paths(ours)) == (Source.AGENT, ["x"])
    with in_thread(answering(pair, "slave", FileListAnswer(tree=tree))) as peer:
        theirs = slave_files(pair, ScriptedRunner(error=AWAY))
        assert peer.requests == [OpenDialect(), ListFiles()]
    assert (theirs.source, paths(theirs)) == (Source.AGENT, ["x"])


@pytest.mark.parametrize("answer", [ErrorAnswer(code="SCHEDULER-121", text="SCHEDULER-121  no"), OkAnswer()])
@pytest.mark.parametrize(("make", "source"), [(a_pair, Source.LOCAL), (a_far_pair, Source.SSH)])
def test_whoever_answers_there_and_gives_no_list_is_passed_over(
    make: Callable[[Path], Pair], source: Source, answer: Answer, tmp_path: Path
) -> None:
    pair = make(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1"})
    write_tree(pair.cache, {"a": b"1"})
    with in_thread(answering(pair, "master", answer)), in_thread(answering(pair, "slave", answer)):
        for found in (master_files(pair), slave_files(pair)):
            assert (found.source, paths(found)) == (source, ["a"])


@pytest.mark.parametrize(("connection", "source"), [(Connection.LOCAL, Source.LOCAL), (Connection.SSH, Source.SSH)])
def test_beside_an_agent_that_says_nothing_its_folder_is_read(
    connection: Connection, source: Source, tmp_path: Path
) -> None:
    """A stopped process takes connections; nobody waits until it counts as dead."""
    with in_thread(a_silent_peer()) as port:
        pair = a_pair(
            tmp_path,
            master={"connection": connection, "tcp_port": port},
            slave={"connection": connection, "tcp_port": port},
        )
        write_tree(pair.remote, {"_all/a": b"1"})
        write_tree(pair.cache, {"a": b"1"})

        async def both(lists: Lists) -> list[FileList]:
            return [await lists.master_list(pair.master, pair.slave), await lists.slave_list(pair.slave)]

        for one in with_lists(pair, both, patience_s=0.01):
            assert (one.source, paths(one)) == (source, ["a"])


def test_what_many_slaves_need_of_their_master_is_read_once(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1"})
    opened: list[Access] = []
    runner = LocalRunner()
    started: list[str] = []

    class Counting(LocalRunner):
        async def start(self, command, **_):  # type: ignore[no-untyped-def]
            started.append(command[0])
            return await runner.start(command)

    def runner_of(access: Access) -> Runner:
        opened.append(access)
        return Counting()

    async def both() -> list[FileList]:
        reach = Reach(runner_of)
        lists = Lists(pair.inventory, reach, timeout_s=60)
        try:
            return await asyncio.gather(*(lists.master_list(pair.master, pair.slave) for _ in range(5)))
        finally:
            await lists.close()
            await reach.close()

    assert [found.source for found in asyncio.run(both())] == [Source.SSH] * 5
    assert (len(opened), started) == (1, ["python3"])


def test_with_ports_alone_there_is_only_the_agent(tmp_path: Path) -> None:
    none = {"connection": Connection.NONE}
    pair = a_pair(tmp_path, master=none, slave=none)
    with pytest.raises(UnreachableError):
        master_files(pair)
    with pytest.raises(UnreachableError):
        slave_files(pair)
    with in_thread(ScriptedPeer(port=pair.slave.tcp_port)), pytest.raises(PeerError, match="no jsync agent"):
        slave_files(pair)


def test_where_neither_agent_nor_host_answers_it_is_the_host_that_is_told(tmp_path: Path) -> None:
    pair = a_far_pair(tmp_path)
    with pytest.raises(UnreachableError, match="SSH to") as caught:
        slave_files(pair, ScriptedRunner(error=AWAY))
    assert caught.value.host == "slave"
    with pytest.raises(HostError, match="can't be read there") as failed:
        slave_files(pair, ScriptedRunner(exit_code=127))
    assert failed.value.hint is not None


def test_a_folder_that_vanished_is_an_error_whoever_says_so(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    vanished = ErrorAnswer(code="SCHEDULER-882", text="SCHEDULER-882  gone")
    with in_thread(answering(pair, "master", vanished)), pytest.raises(RootVanishedError, match="gone") as caught:
        master_files(pair)
    assert caught.value.host == "master"
    with pytest.raises(RootVanishedError) as here:
        slave_files(pair)
    assert here.value.host == "slave"
    pair.remote.joinpath("_all").rmdir()
    pair.remote.rmdir()
    with pytest.raises(RootVanishedError):
        master_files(pair)
    far = replace(pair.slave, connection=Connection.SSH)
    with pytest.raises(RootVanishedError) as there:
        with_lists(pair, lambda lists: lists.slave_list(far))
    assert there.value.host == "slave"


def test_a_master_whose_folder_cannot_be_read_has_no_empty_list(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    (pair.remote / "_all").rmdir()
    a_link(pair.remote / "_all", "/etc")
    with pytest.raises(FileTroubleError, match="_all"):
        master_files(pair)
    with pytest.raises(FileTroubleError, match="_all"):
        with_lists(pair, lambda lists: lists.master_list(replace(pair.master, connection=Connection.SSH), pair.slave))


def test_of_several_failures_the_one_that_is_not_just_absence_is_shown() -> None:
    away, refused = UnreachableError("away"), RemoteRefusalError("SCHEDULER-121", "no")
    assert first_error([away, refused]) is refused
    assert first_error([away, UnreachableError("too")]) is away


def test_files_of_a_slave_and_of_a_master(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.cache, {"a": b"1"})
    write_tree(pair.remote, {"_all/b": b"1"})
    assert paths(list_files(pair.inventory, pair.slave, slave=None)) == ["a"]
    assert paths(list_files(pair.inventory, pair.master, slave=pair.slave)) == ["b"]


def test_files_have_a_deadline(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, slave={"connection": Connection.NONE})
    with in_thread(a_silent_peer()) as port, pytest.raises(UnreachableError, match=r"within 0\.2 s"):
        list_files(pair.inventory, replace(pair.slave, tcp_port=port), slave=None, options=FleetOptions(timeout_s=0.2))


def test_files_that_nobody_can_mean(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    stranger = replace(a_host("stranger"), masters=("elsewhere",))
    with pytest.raises(UsageError, match="--for goes with a master"):
        list_files(pair.inventory, pair.slave, slave=pair.slave)
    with pytest.raises(UsageError, match="say for which slave"):
        list_files(pair.inventory, pair.master, slave=None)
    with pytest.raises(UsageError, match="not a master of stranger"):
        list_files(pair.inventory, pair.master, slave=stranger)
