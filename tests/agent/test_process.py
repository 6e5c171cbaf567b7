from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sync_core.agent.process import hang_up, is_agent, is_alive, process_started_at, stop
from tests.support.processes import PLAIN, STUBBORN, a_process


def test_this_process_lives() -> None:
    assert is_alive(os.getpid(), process_started_at())
    assert not is_alive(os.getpid(), process_started_at() - 60)


def test_the_start_is_that_of_the_kernel() -> None:
    with a_process(PLAIN) as process:
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
        assert uptime_s - 60 < process_started_at(process.pid) <= uptime_s
        assert process_started_at(process.pid) == process_started_at(process.pid)


def test_who_ends_when_told_is_told() -> None:
    with a_process(PLAIN) as process:
        assert stop(process.pid, process_started_at(process.pid), grace_s=10)
        assert process.wait() in (-signal.SIGTERM, 0)  # 0: psutil has collected it already


def test_who_does_not_end_is_ended() -> None:
    with a_process(STUBBORN) as process:
        started_at = process_started_at(process.pid)
        assert stop(process.pid, started_at, grace_s=0.05)
        assert not is_alive(process.pid, started_at)


def test_somebody_else_with_that_pid_is_left_alone() -> None:
    with a_process(PLAIN) as process:
        assert stop(process.pid, process_started_at(process.pid) - 60, grace_s=0)
        assert process.poll() is None


def test_a_zombie_does_not_live() -> None:
    with a_process(PLAIN) as process:
        started_at = process_started_at(process.pid)
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(process.pid, started_at)
    assert stop(process.pid, started_at, grace_s=0)


def test_an_agent_is_known_by_its_command_and_its_user() -> None:
    me = os.geteuid()
    for words, expected in (
        (("-v", "agent", "h", "-i", "x", "--detached"), True),
        (("agent", "h"), False),  # somebody's foreground
        (("agent", "other", "h", "--detached"), False),
        ((), False),
    ):
        with a_process(PLAIN, *words) as process:
            assert is_agent(process.pid, "h", owner=me, is_detached=True) is expected
            assert is_agent(process.pid, "h", owner=me, is_detached=False) is (expected or words == ("agent", "h"))
            assert not is_agent(process.pid, "h", owner=me + 1, is_detached=False)
    assert not is_agent(process.pid, "h", owner=me, is_detached=False)


def test_only_the_very_process_is_told_to_hang_up() -> None:
    with a_process(PLAIN) as process:
        started_at = process_started_at(process.pid)
        with pytest.raises(ProcessLookupError):
            hang_up(process.pid, started_at - 60)
        hang_up(process.pid, started_at)
        assert process.wait() == -signal.SIGHUP
        with pytest.raises(OSError, match="No such process"):
            hang_up(process.pid, started_at)
