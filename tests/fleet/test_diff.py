from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.fleet.diff import DiffReport, SlaveDiff, diff_slaves
from sync_core.fleet.file_list import Source
from sync_core.model.errors import FileTroubleError, RootVanishedError, UnreachableError, UsageError
from sync_core.model.inventory import Connection, Role
from sync_core.protocol.messages import FileListAnswer
from tests.support.agents import Pair, ScriptedPeer, a_pair, in_thread
from tests.support.disk import a_link, write_tree
from tests.support.folders import a_tree
from tests.support.net import a_host, an_inventory, free_port


def diff(pair: Pair, *, with_contents: bool = False) -> SlaveDiff:
    (slave,) = diff_slaves(pair.inventory, [pair.slave], with_contents=with_contents).slaves
    return slave


def test_in_sync_and_not(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1", "_all/d/b": b"2"})
    write_tree(pair.own, {"a": b"own"})
    write_tree(pair.cache, {"a": b"own", "d/b": b"2"})
    same = diff(pair)
    assert (same.in_sync, same.master, same.master_source, same.slave_source) == (
        True, "master", Source.LOCAL, Source.LOCAL,
    )  # fmt: skip
    write_tree(pair.cache, {"a": b"1", "extra": b"x"})
    (pair.cache / "d" / "b").unlink()
    other = diff(pair, with_contents=True)
    assert other.in_sync is False
    assert {pair.entry.path: (pair.master, pair.slave, pair.trouble) for pair in other.contents} == {
        "a": (b"own", b"1", None),
        "d/b": (b"2", None, None),
        "extra": (None, b"x", None),
    }
    assert diff(pair).contents == ()


def test_a_list_that_cannot_be_had_is_that_slaves_error(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    no_cache = diff(pair)
    assert isinstance(no_cache.error, RootVanishedError)
    assert (no_cache.in_sync, no_cache.master_source, no_cache.slave_source) == (None, Source.LOCAL, None)
    (pair.remote / "_all").rmdir()
    pair.remote.rmdir()
    pair.cache.mkdir()
    no_remote = diff(pair)
    assert isinstance(no_remote.error, RootVanishedError)
    assert (no_remote.in_sync, no_remote.master_source, no_remote.slave_source) == (None, None, Source.LOCAL)


def test_the_first_master_that_gives_a_list_counts(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1"})
    write_tree(pair.cache, {"a": b"1"})
    away = a_host("away", role=Role.MASTER, tcp_port=free_port(), connection=Connection.NONE)
    slave = replace(pair.slave, masters=("away", "master"))
    inventory = an_inventory(away, pair.master, slave)
    (found,) = diff_slaves(inventory, [slave]).slaves
    assert (found.master, found.in_sync) == ("master", True)
    slave = replace(slave, masters=("away",))
    (found,) = diff_slaves(an_inventory(away, slave), [slave]).slaves
    assert (found.master, found.in_sync) == ("away", None)
    assert isinstance(found.error, UnreachableError)


def test_what_cannot_be_read_is_not_called_the_same(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1"})
    write_tree(pair.cache, {"a": b"1"})
    a_link(pair.cache / "out", "/etc/passwd")
    found = diff(pair)
    assert isinstance(found.error, FileTroubleError)
    assert str(found.error) == "slave can't read out"
    a_link(pair.cache / "out2", "/etc/passwd")
    assert str(diff(pair).error) == "slave can't read out and 1 more"
    assert found.in_sync is None
    assert found.diff is not None


def test_contents_that_cannot_be_read_are_that_entrys_trouble(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.cache.mkdir()
    tree = a_tree({"gone": b"1"})
    with in_thread(ScriptedPeer(lambda _: FileListAnswer(tree=tree), port=pair.master.tcp_port)):
        found = diff(pair, with_contents=True)
    assert found.master_source is Source.AGENT
    (content,) = found.contents
    assert (content.master, content.slave) == (None, None)
    assert "gone" in str(content.trouble)


def test_a_master_is_a_usage_error(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    with pytest.raises(UsageError, match="master is a master"):
        diff_slaves(pair.inventory, [pair.slave, pair.master])


@pytest.mark.parametrize(
    ("judged", "expected"),
    [([], True), ([True], True), ([True, None], None), ([False, None], False), ([True, False], False)],
)
def test_the_verdict_over_all(judged: list[bool | None], expected: bool | None, tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.cache, {})
    good = diff(pair)
    write_tree(pair.cache, {"extra": b"x"})
    bad = diff(pair)
    unknown = SlaveDiff(slave="s", master="m", error=UnreachableError("away"))
    report = DiffReport(slaves=tuple({True: good, False: bad, None: unknown}[one] for one in judged))
    assert report.in_sync is expected
    assert report.has_trouble == (None in judged)
