from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import filelock
import pytest

from sync_core.agent.process import process_started_at
from sync_core.agent.run_record import RunRecord
from sync_core.agent.state import HostState, state_folder
from sync_core.model.errors import StateError
from tests.support.agents import state_of
from tests.support.inventories import a_slave, an_inventory
from tests.support.net import Lines


def a_record(**changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "host": "h",
        "role": "slave",
        "inventory": "/i/jsync.yaml",
        "settings_md5": "0" * 32,
        "pid": os.getpid(),
        "process_started_at": process_started_at(),
        "started_at": "2026-11-24T00:00:00.000Z",
        "version": "0.1.0",
        "is_detached": True,
        "is_ready": True,
    }
    return RunRecord(**{**values, **changes})


def test_where_state_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_folder({"JSYNC_STATE_DIR": "/x/../y"}) == Path("/x/../y")
    assert state_folder({"JSYNC_STATE_DIR": "rel"}) == Path.cwd() / "rel"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state_folder({"JSYNC_STATE_DIR": ""}) == Path("/var/lib/jsync")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert state_folder({}).name == "jsync"


def test_a_record_survives(tmp_path: Path) -> None:
    state = state_of(tmp_path, "h")
    assert state.folder.stat().st_mode & 0o777 == 0o700
    assert state.record() is None
    state.write_record(a_record())
    assert state.record() == a_record()
    assert a_record().is_alive
    state.remove_record()
    state.remove_record()
    assert state.record() is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        *(
            json.dumps({**asdict(a_record()), name: value}).encode()
            for name, value in [
                ("pid", "1"),
                ("pid", None),
                ("pid", -1),
                ("pid", 0),
                ("pid", 1 << 40),
                ("pid", 1.5),
                ("process_started_at", "x"),
                ("process_started_at", None),
                ("is_ready", "yes"),
                ("inventory", 7),
                ("host", ["h"]),
            ]
        ),
        json.dumps({"pid": 1}).encode(),
    ],
)
def test_a_record_that_makes_no_sense_is_none(tmp_path: Path, content: bytes) -> None:
    state = state_of(tmp_path, "h")
    (state.folder / "agent.json").write_bytes(content)
    assert state.record() is None
    assert state.claim("/i/jsync.yaml") is None


@pytest.mark.parametrize("started_at", [0.0, 1e300, float("nan")])
def test_a_pid_that_the_system_gave_to_somebody_else_is_not_the_agent(tmp_path: Path, started_at: float) -> None:
    state = state_of(tmp_path, "h")
    state.write_record(a_record(process_started_at=started_at))
    record = state.record()
    assert record is not None
    assert not record.is_alive


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b'"x"'])
def test_a_status_that_makes_no_sense_is_empty(tmp_path: Path, content: bytes) -> None:
    state = state_of(tmp_path, "h")
    (state.folder / "status.json").write_bytes(content)
    assert state.status() == {}


def test_a_status_is_replaced(tmp_path: Path) -> None:
    state = state_of(tmp_path, "h")
    assert state.status() == {}
    state.write_status({"a": 1})
    state.write_status({"b": 2})
    assert state.status() == {"b": 2}
    assert [path.name for path in state.folder.iterdir()] == ["status.json"]


def test_a_status_that_cannot_be_written_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    state = state_of(tmp_path, "h")
    (state.folder / "status.json").mkdir()
    with Lines.of("sync_core.agent.state") as lines:
        state.write_status({"a": 1})
        state.write_status({"a": 2})
        assert len(lines.messages("WARNING")) == 1
        (state.folder / "status.json").rmdir()
        state.write_status({"a": 3})
        (state.folder / "status.json").unlink()
        (state.folder / "status.json").mkdir()
        state.write_status({"a": 4})
        assert len(lines.messages("WARNING")) == 2
    assert [path.name for path in state.folder.iterdir()] == ["status.json"]


def test_a_record_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    state = HostState(tmp_path / "gone", "h")
    with pytest.raises(StateError, match="can't be written") as caught:
        state.write_record(a_record())
    assert caught.value.hint


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateError, match="can't be made") as caught:
        HostState(tmp_path / "file", "h").create()
    assert "JSYNC_STATE_DIR" in str(caught.value.hint)


def test_only_the_record_that_was_meant_is_forgotten(tmp_path: Path) -> None:
    state = state_of(tmp_path, "h")
    state.write_record(a_record(pid=2))
    state.forget(a_record(pid=3))
    assert state.record() is not None
    state.forget(a_record(pid=2))
    assert state.record() is None


DEAD: dict[str, Any] = {"process_started_at": 1.0}


@pytest.mark.parametrize(
    ("record", "exists", "expected"),
    [
        (None, False, "free"),
        (a_record(), False, "ours"),
        (a_record(**DEAD), False, "ours"),
        (a_record(inventory="other"), False, "refused"),
        (a_record(inventory="other"), True, "refused"),
        (a_record(inventory="other", **DEAD), True, "refused"),
        (a_record(inventory="other", **DEAD), False, "free"),
    ],
)
def test_a_host_belongs_to_one_inventory(tmp_path: Path, record: RunRecord | None, exists: bool, expected: str) -> None:
    state = state_of(tmp_path, "h")
    other = tmp_path / "other.yaml"
    if exists:
        other.write_bytes(b"")
    if record is not None:
        written = replace(record, inventory=str(other)) if record.inventory == "other" else record
        state.write_record(written)
    if expected == "refused":
        with pytest.raises(StateError, match=str(other)) as caught:
            state.claim("/i/jsync.yaml")
        assert str(other) in str(caught.value.hint)
    else:
        claimed = state.claim("/i/jsync.yaml")
        assert (claimed is not None) == (expected == "ours")


def test_several_inventories_own_a_host_together_and_while_all_of_them_exist(tmp_path: Path) -> None:
    state = state_of(tmp_path, "h")
    parts = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for part in parts:
        part.write_bytes(b"")
    both = an_inventory(a_slave("h"))
    both = replace(both, sources=tuple(parts))
    state.write_record(a_record(inventory=both.source, **DEAD))
    assert state.claim(both.source) is not None
    for other in (str(parts[0]), f"{parts[1]}, {parts[0]}"):
        with pytest.raises(StateError) as caught:
            state.claim(other)
        assert caught.value.hint is not None
        assert f"`jsync down h -i {parts[0]} -i {parts[1]}` frees it" in caught.value.hint
    parts[1].unlink()
    assert state.claim(str(parts[0])) is None


def test_the_two_locks_are_two(tmp_path: Path) -> None:
    state = state_of(tmp_path, "h")
    with state.agent_lock().acquire(timeout=0), state.held_for_up(0):
        with pytest.raises(filelock.Timeout):
            state.agent_lock().acquire(timeout=0)
        with pytest.raises(StateError, match="another jsync is starting or stopping h"), state.held_for_up(0):
            raise AssertionError
    with state.held_for_up(0):
        pass


def test_a_lock_that_can_t_be_made_is_no_bug(tmp_path: Path) -> None:
    state = HostState(tmp_path, "h")
    state.create()
    (tmp_path / "h" / "up.lock").mkdir()
    with pytest.raises(StateError, match="can't be used: Is a directory") as caught, state.held_for_up(0):
        raise AssertionError
    assert caught.value.hint is not None
    assert "JSYNC_STATE_DIR" in caught.value.hint


def test_a_record_of_an_older_jsync_is_read_and_what_makes_no_sense_is_not(tmp_path: Path) -> None:
    new = a_record(restart_md5="1" * 32, reloads=2, reloaded_at="2026-11-24T00:00:00.000Z", reload_error="no")
    state = state_of(tmp_path, "h")
    state.write_record(new)
    assert state.record() == new
    later = {"restart_md5", "reloads", "reloaded_at", "reload_error"}
    assert RunRecord.of({name: value for name, value in asdict(new).items() if name not in later}) == a_record()
    assert RunRecord.of({**asdict(new), **{name: [] for name in later}}) == a_record()
