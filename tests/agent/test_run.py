from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sync_core.agent.run import run_agent
from sync_core.agent.run_record import RunRecord
from sync_core.model.errors import PortInUseError, StateError
from sync_core.model.inventory import Host
from tests.support.agents import Pair, a_pair, state_of
from tests.support.net import Lines, free_port, listening
from tests.support.site import eventually


class Watcher:
    """Waits on a thread until the agent of this process is ready, then ends it."""

    def __init__(self, pair: Pair, host: Host) -> None:
        self._state = state_of(pair.state, host)
        self.ready: RunRecord | None = None

    def end(self, how: signal.Signals) -> None:
        self._wait()
        os.kill(os.getpid(), how)

    def _wait(self) -> None:
        eventually(self._is_ready, what="a ready agent")

    def _is_ready(self) -> bool:
        self.ready = self._state.record()
        return self.ready is not None and self.ready.is_ready

    def close(self, descriptor: int) -> None:
        self._wait()
        os.write(descriptor, b"typed by somebody\n")
        time.sleep(0)
        os.close(descriptor)


@contextmanager
def meanwhile(thread: threading.Thread) -> Iterator[None]:
    thread.start()
    try:
        yield
    finally:
        thread.join()


def run_it(pair: Pair, host: Host, *, is_attached: bool = False) -> None:
    run_agent(pair.inventory, host, state_of(pair.state, host), is_detached=not is_attached, is_attached=is_attached)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("role", ["master", "slave"])
def test_an_agent_from_start_to_stop(tmp_path: Path, role: str, how: signal.Signals) -> None:
    pair = a_pair(tmp_path)
    host = pair.master if role == "master" else pair.slave
    watcher = Watcher(pair, host)
    state_of(pair.state, host).write_status({"files": 7, "from": "an earlier run"})
    with Lines.of("sync_core.agent.run") as lines, meanwhile(threading.Thread(target=watcher.end, args=(how,))):
        run_it(pair, host)
    assert watcher.ready is not None
    assert (watcher.ready.pid, watcher.ready.role, watcher.ready.is_detached) == (os.getpid(), role, True)
    assert watcher.ready.inventory == str(pair.inventory.source)
    assert state_of(pair.state, host).record() is None
    assert "from" not in state_of(pair.state, host).status()
    first, last = lines.messages("INFO")
    assert first.startswith("SCHEDULER-900  ")
    assert last.startswith("SCHEDULER-902  ")


def test_the_end_of_standard_input_ends_an_attached_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = a_pair(tmp_path)
    watcher = Watcher(pair, pair.slave)
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with meanwhile(threading.Thread(target=watcher.close, args=(writing,))):
            run_it(pair, pair.slave, is_attached=True)
    assert watcher.ready is not None
    assert not watcher.ready.is_detached


def test_a_second_agent_of_a_host_refuses_to_start(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    state = state_of(pair.state, pair.slave)
    with state.agent_lock().acquire(timeout=0), pytest.raises(StateError, match="runs already") as caught:
        run_it(pair, pair.slave)
    assert caught.value.hint


def test_the_second_agent_names_the_first(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    state = state_of(pair.state, pair.slave)
    watcher = Watcher(pair, pair.slave)
    with meanwhile(threading.Thread(target=watcher.end, args=(signal.SIGTERM,))):
        run_it(pair, pair.slave)
    assert watcher.ready is not None
    state.write_record(watcher.ready)
    with state.agent_lock().acquire(timeout=0), pytest.raises(StateError, match=f"with pid {os.getpid()}, started"):
        run_it(pair, pair.slave)


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_port_in_use_is_an_error_and_leaves_no_record(tmp_path: Path, kind: str) -> None:
    pair = a_pair(tmp_path)
    with listening(port=free_port(), udp=kind == "udp") as port:
        changes = {"udp_port": port} if kind == "udp" else {"tcp_port": port}
        slave = replace(pair.slave, **changes)  # type: ignore[arg-type]
        with pytest.raises(PortInUseError, match=str(port)) as caught:
            run_it(pair, slave)
        assert str(os.getpid()) in f"{caught.value} {caught.value.hint}"
    assert state_of(pair.state, slave).record() is None


def test_a_host_of_another_inventory_is_refused_and_its_record_kept(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    other = tmp_path / "other.yaml"
    other.write_bytes(b"")
    state = state_of(pair.state, pair.slave)
    watcher = Watcher(pair, pair.slave)
    with meanwhile(threading.Thread(target=watcher.end, args=(signal.SIGTERM,))):
        run_it(pair, pair.slave)
    assert watcher.ready is not None
    state.write_record(replace(watcher.ready, inventory=str(other)))
    with pytest.raises(StateError, match="another inventory"):
        run_it(pair, pair.slave)
    assert state.record() is not None
    with state.agent_lock().acquire(timeout=0):
        pass


def test_a_part_that_ends_by_a_bug_ends_the_agent_with_it(tmp_path: Path) -> None:
    pair = a_pair(tmp_path, master={"interval_s": "soon"})
    with pytest.raises(TypeError):
        run_it(pair, pair.master)
    assert state_of(pair.state, pair.master).record() is None
