"""Processes by pid and start time, so that a pid that the system gave to somebody else is never mistaken."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil

__all__ = ["is_alive", "process_started_at", "stop"]

_START_TOLERANCE_S = 2.0


def process_started_at(pid: int | None = None) -> float:
    """Return when the process began (this one by default), as wall-clock seconds."""
    return float(psutil.Process(pid or os.getpid()).create_time())


def is_alive(pid: int, started_at: float) -> bool:
    """Return whether the process ``pid`` that began at ``started_at`` still runs; a zombie does not."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(float(process.create_time()) - started_at) < _START_TOLERANCE_S
    except psutil.Error:
        return False


def stop(pid: int, started_at: float, *, grace_s: float) -> bool:
    """End the process: SIGTERM, and SIGKILL if it is still there after ``grace_s`` seconds.

    Args:
        pid: whom.
        started_at: when it began; a process that began at another time is left alone.
        grace_s: how long it may take to end by itself.

    Returns:
        Whether it is gone.
    """
    for kind, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        if not is_alive(pid, started_at):
            return True
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            process.send_signal(kind)
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(timeout=wait_s)
    return not is_alive(pid, started_at)
