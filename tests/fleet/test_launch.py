from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sync_core.fleet.launch import NotReady, wait_until_ready
from tests.support.agents import a_pair, state_of
from tests.support.fleet import DIES, SLEEPS, a_launcher


def test_the_child_agrees_with_us(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    launcher = a_launcher(pair.state, "jsync", "-v")
    arguments = launcher.arguments(pair.inventory, pair.slave, "--detached")
    assert arguments == ("jsync", "-v", "agent", "slave", "--inventory", str(pair.inventory.sources[0]), "--detached")
    both = replace(pair.inventory, sources=(Path("/b.yaml"), Path("/a")))
    arguments = launcher.arguments(both, pair.slave)
    assert arguments == ("jsync", "-v", "agent", "slave", "--inventory", "/b.yaml", "--inventory", "/a")
    assert launcher.environment()["JSYNC_STATE_DIR"] == str(pair.state)


def test_what_a_child_said_last_is_why_it_is_not_ready(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    state = state_of(pair.state, pair.slave)
    with a_launcher(pair.state, *DIES).start_detached(pair.inventory, pair.slave, state) as process:
        assert wait_until_ready(process, state, timeout_s=20) == NotReady(exit_code=1, reason="it is broken")
        state.startup_errors_path.unlink()
        silent = NotReady(exit_code=1, reason=f"it said nothing; is there room in {state.folder}?")
        assert wait_until_ready(process, state, timeout_s=20) == silent


def test_the_record_of_another_process_does_not_count(tmp_path: Path) -> None:
    pair = a_pair(tmp_path)
    state = state_of(pair.state, pair.slave)
    pair.write_record(pair.slave)
    with a_launcher(pair.state, *SLEEPS).start_detached(pair.inventory, pair.slave, state) as process:
        try:
            waited = wait_until_ready(process, state, timeout_s=0.1)
            record = pair.write_record(pair.slave, pid=process.pid)
            assert wait_until_ready(process, state, timeout_s=0.1) == record
        finally:
            process.kill()
    assert waited == NotReady(exit_code=None, reason="not ready within 0.1 s")
