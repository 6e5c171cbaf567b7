from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync_core.agent.process import is_alive, process_started_at, stop

STUBBORN = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
PLAIN = "import signal; print(flush=True); signal.pause()"


@contextmanager
def a_process(code: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


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
