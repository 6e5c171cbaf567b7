"""Processes by pid and start time, so that a pid that the system gave to somebody else is never mistaken."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from itertools import pairwise
from pathlib import Path

__all__ = ["hang_up", "is_agent", "is_alive", "process_started_at", "stop"]

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_ZOMBIE = "Z"


def process_started_at(pid: int | None = None) -> float:
    """Return when the process began (this one by default), as seconds since the system's start.

    The wall clock would not do: it may jump, and a process that lives would pass for another one.

    Raises:
        OSError: there is no such process.
    """
    return _state_and_start(pid or os.getpid())[1]


def is_alive(pid: int, started_at: float) -> bool:
    """Return whether the process ``pid`` that began at ``started_at`` still runs; a zombie does not."""
    try:
        state, began_at = _state_and_start(pid)
    except OSError:
        return False
    return state != _ZOMBIE and abs(began_at - started_at) < _TICK_S


def _state_and_start(pid: int) -> tuple[str, float]:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    # The second field is the program's name in brackets, which may hold anything; the start is the 22nd (proc(5)).
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[19]) * _TICK_S


def is_agent(pid: int, host: str, *, owner: int, is_detached: bool) -> bool:
    """Return whether the process was started as the agent of ``host``, and runs for the user ``owner``.

    Args:
        pid: which process.
        host: the inventory's name.
        owner: the user's number.
        is_detached: whether it must be a detached one, else any is good enough.
    """
    place = Path(f"/proc/{pid}")
    try:
        words = (place / "cmdline").read_bytes().split(b"\0")
        is_owned = place.stat().st_uid == owner
    except OSError:
        return False
    is_of_host = (b"agent", os.fsencode(host)) in pairwise(words)
    return is_owned and is_of_host and (b"--detached" in words or not is_detached)


def hang_up(pid: int, started_at: float) -> None:
    """Send SIGHUP to the process ``pid`` that began at ``started_at``, and to no other.

    Raises:
        OSError: it has gone, or is not ours to signal.
    """
    handle = os.pidfd_open(pid)
    try:
        if not is_alive(pid, started_at):  # asked once the handle is there, which can't come to mean another one
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        signal.pidfd_send_signal(handle, signal.SIGHUP)
    finally:
        os.close(handle)


def stop(pid: int, started_at: float, *, grace_s: float) -> bool:
    """End the process: SIGTERM, and SIGKILL if it is still there after ``grace_s`` seconds.

    Args:
        pid: whom.
        started_at: when it began, as ``process_started_at`` says; a process that began at another time is left alone.
        grace_s: how long it may take to end by itself.

    Returns:
        Whether it is gone.
    """
    import psutil  # noqa: PLC0415 - whoever only looks at agents needs none of it

    for kind, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        if not is_alive(pid, started_at):
            return True
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            process.send_signal(kind)
            process.send_signal(signal.SIGCONT)  # one that was stopped hears of it only now
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(timeout=wait_s)
    return not is_alive(pid, started_at)
