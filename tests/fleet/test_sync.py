from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.agent.master_agent import MasterAgent
from sync_core.fleet.each import FleetOptions
from sync_core.fleet.sync import Synced, sync_slaves
from sync_core.model.errors import (
    HostError,
    PeerError,
    RemoteRefusalError,
    StateError,
    TooManyRemovalsError,
    UnreachableError,
    UsageError,
)
from sync_core.model.inventory import Connection, Role
from sync_core.model.rights import CacheRights
from sync_core.protocol.messages import ErrorAnswer, OkAnswer
from sync_core.tree.memory import DigestCache
from sync_core.tree.scan import scan
from tests.support.agents import Pair, ScriptedPeer, a_pair, a_raw_peer, in_thread, running, state_of, wrapped
from tests.support.disk import read_tree, write_tree
from tests.support.net import a_host, an_inventory, free_port
from tests.support.runners import ScriptedRunner


def an_agent(pair: Pair) -> MasterAgent:
    state = state_of(pair.folder / "masters-state", "master")
    remembered = DigestCache(state.digests_path)
    remembered.save(scan(pair.remote).root)
    remembered.close()
    return MasterAgent(pair.inventory, pair.master, state)


CONTENTS = {"a": (b"old", b"new"), "d/b": (None, b"2"), "gone": (b"x", None)}


def shown(result: Synced) -> dict[str, tuple[bytes | None, bytes | None]]:
    assert all(change.is_shown for change in result.contents)
    return {change.path: (change.old, change.new) for change in result.contents}


def sync(pair: Pair, *, check: bool = False, with_contents: bool = False) -> Synced:
    (result,) = sync_slaves(pair.inventory, [pair.slave], pair.state, check=check, with_contents=with_contents)
    return result


def test_one_fetch_and_its_preview(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"new", "_all/d/b": b"2"})
    write_tree(pair.cache, {"a": b"old", "gone": b"x"})
    before = read_tree(pair.cache)
    with in_thread(running(an_agent(pair))):
        preview = sync(pair, check=True, with_contents=True)
        assert preview.error is None
        assert preview.applied == ()
        assert shown(preview) == CONTENTS
        assert [(effect.path, str(effect.action)) for effect in preview.effects] == [
            ("a", "changed"),
            ("d", "added"),
            ("d/b", "added"),
            ("gone", "removed"),
        ]
        assert preview.outcome == "changed"
        assert read_tree(pair.cache) == before
        assert not pair.state.exists()
        done = sync(pair, with_contents=True)
        assert done.error is None
        assert [path for applied in done.applied for path in applied.written] == ["a", "d/b"]
        assert done.effects == preview.effects
        assert shown(done) == CONTENTS
        assert read_tree(pair.cache) == {"a": b"new", "d": None, "d/b": b"2"}
        again = sync(pair)
        assert (again.effects, again.contents, again.master) == ((), (), "master")


def test_the_rights_of_the_slave_count(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, slave={"rights": CacheRights(file_mode=0o600, dir_mode=0o710)})
    write_tree(pair.remote, {"_all/d/a": b"new"})
    with in_thread(running(an_agent(pair))):
        assert sync(pair).error is None
        assert sync(pair).applied == ()
    assert [place.stat().st_mode & 0o777 for place in (pair.cache, pair.cache / "d", pair.cache / "d/a")] == [
        0o710,
        0o710,
        0o600,
    ]


@pytest.mark.parametrize("check", [True, False])
def test_an_owner_that_is_not_known_is_an_error(tmp_path: Path, check: bool) -> None:
    pair = a_pair(tmp_path, slave={"rights": CacheRights(owner="nobody-at-all")})
    assert "no user 'nobody-at-all'" in str(sync(pair, check=check).error)
    assert not pair.cache.exists()


@pytest.mark.parametrize("check", [True, False])
def test_too_many_removals_are_refused_also_in_a_preview(tmp_path: Path, check: bool) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.cache, {"a": b"1", "b": b"2", "c": b"3"})
    with in_thread(running(an_agent(pair))):
        result = sync(pair, check=check)
    assert isinstance(result.error, TooManyRemovalsError)
    assert len(read_tree(pair.cache)) == 3


def test_an_agent_that_runs_is_left_alone(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    state = state_of(pair.state, pair.slave)
    with state.agent_lock().acquire(timeout=0):
        result = sync(pair)
    assert isinstance(result.error, StateError)
    assert "runs and fetches by itself" in str(result.error)
    assert not pair.cache.exists()


def test_a_host_of_another_inventory_is_refused(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    pair.write_record(pair.slave, inventory="/elsewhere.yaml")
    assert isinstance(sync(pair).error, StateError)
    with state_of(pair.state, pair.slave).agent_lock().acquire(timeout=0):
        pass


@pytest.mark.parametrize("check", [True, False])
def test_the_next_master_is_asked_when_one_is_away(tmp_path: Path, check: bool) -> None:
    pair = a_pair(tmp_path)
    write_tree(pair.remote, {"_all/a": b"1"})
    away = a_host("away", role=Role.MASTER, tcp_port=free_port())
    slave = replace(pair.slave, masters=("away", "master"))
    inventory = replace(an_inventory(away, pair.master, slave), sources=pair.inventory.sources)
    with in_thread(running(an_agent(pair))):
        (result,) = sync_slaves(inventory, [slave], pair.state, check=check)
    assert (result.error, result.master) == (None, "master")
    (result,) = sync_slaves(inventory, [slave], pair.state, check=check)
    assert isinstance(result.error, UnreachableError)


def test_a_real_master_can_be_fetched_from_but_not_previewed(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    refused = ErrorAnswer(code="SCHEDULER-105", text="SCHEDULER-105  unknown")
    with in_thread(ScriptedPeer(lambda _: refused, port=pair.master.tcp_port)):
        assert isinstance(sync(pair, check=True).error, RemoteRefusalError)
    with in_thread(ScriptedPeer(lambda _: OkAnswer(), port=pair.master.tcp_port)):
        result = sync(pair, check=True)
        assert isinstance(result.error, PeerError)
        assert "no jsync master" in str(result.error)
    with in_thread(ScriptedPeer(port=pair.master.tcp_port)):
        assert sync(pair).error is None


def test_a_name_that_must_not_reach_a_disk_ends_it(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    unsafe = '<configuration.directory><configuration.directory name=".."/></configuration.directory>'
    with in_thread(a_raw_peer(wrapped("<ok/>"), wrapped(unsafe))) as port:
        pair.master = replace(pair.master, tcp_port=port)
        assert isinstance(sync(pair).error, PeerError)
    assert read_tree(pair.cache) == {}


def test_one_slaves_failure_is_its_own_and_a_master_is_a_usage_error(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    far = replace(a_host("far", connection=Connection.SSH), masters=("master",))
    away = FleetOptions(runner_of=lambda _: ScriptedRunner(error=UnreachableError("Connection refused")))
    with in_thread(running(an_agent(pair))):
        inventory = replace(pair.inventory, hosts={**pair.inventory.hosts, "far": far})
        first, second = sync_slaves(inventory, [far, pair.slave], pair.state, options=away)
    assert isinstance(first.error, UnreachableError)
    assert (first.outcome, second.outcome) == ("unreachable", "ok")
    with pytest.raises(UsageError):
        sync_slaves(pair.inventory, [pair.master], pair.state)


def sync_far(pair: Pair, runner: ScriptedRunner, *, check: bool = False, with_contents: bool = False) -> Synced:
    options = FleetOptions(runner_of=lambda _: runner, timeout_s=20)
    (result,) = sync_slaves(
        pair.inventory, [pair.slave], pair.state, check=check, with_contents=with_contents, options=options
    )
    return result


def a_document(**entry: object) -> bytes:
    return json.dumps({"schema": "jsync.sync/1", "slaves": [{"slave": "slave", "master": "m2", **entry}]}).encode()


def test_elsewhere_the_jsync_of_that_machine_does_it(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, slave={"connection": Connection.SSH})
    changes = [
        {"path": "a", "kind": "file", "action": "added"},
        {"path": "b", "kind": "socket", "action": "added"},
        {"path": "c"},
        7,
    ]
    runner = ScriptedRunner(a_document(changes=changes, error=None, unified="--- a\n"))
    result = sync_far(pair, runner, check=True, with_contents=True)
    assert (result.error, result.master, result.unified) == (None, "m2", "--- a\n")
    assert [effect.path for effect in result.effects] == ["a"]
    (command,) = runner.commands
    assert command[3:8] == ("jsync", "sync", "slave", "--check", "--diff")
    refused = ScriptedRunner(a_document(error={"code": "max-delete", "message": "too many", "hint": None}))
    assert isinstance(sync_far(pair, refused).error, TooManyRemovalsError)


@pytest.mark.parametrize("output", [b"{}", b'{"slaves": [{"slave": "other"}]}', b'{"slaves": 7}', b"hello"])
def test_a_jsync_that_says_nothing_of_it_has_done_nothing(tmp_path: Path, output: bytes) -> None:
    pair = a_pair(tmp_path, slave={"connection": Connection.SSH})
    assert isinstance(sync_far(pair, ScriptedRunner(output)).error, HostError)
