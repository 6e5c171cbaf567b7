"""What processes cost, read from outside: time of the processor, memory, and how they are ended."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

from benchmarks.figures import NotDoneError

__all__ = ["cpu_s", "ended_after_s", "is_installed", "peak_mib", "resident_mib", "running", "wait_for"]

T = TypeVar("T")

_LOOK_EVERY_S = 0.005
_END_S = 20.0


def is_installed(tool: str) -> bool:
    """Whether a tool is on this machine."""
    return shutil.which(tool) is not None


def cpu_s(pids: Iterable[int]) -> float:
    """Return the processor's seconds that the processes and those that they started and that ended have had."""
    total_s = 0.0
    for pid in pids:
        times = psutil.Process(pid).cpu_times()
        total_s += times.user + times.system + times.children_user + times.children_system
    return total_s


def peak_mib(pid: int) -> float:
    """Return the most memory that was ever resident (``VmHWM``)."""
    return _status_mib(pid, "VmHWM:")


def resident_mib(pid: int) -> float:
    """Return the memory that is resident now (``VmRSS``)."""
    return _status_mib(pid, "VmRSS:")


def _status_mib(pid: int, key: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise NotDoneError(f"process {pid} has no {key}")


def wait_for(look: Callable[[], T], *, what: str, timeout_s: float) -> T:
    """Return what ``look`` returns as soon as it is true; looks every 5 ms.

    Raises:
        NotDoneError: it never was.
    """
    deadline_s = time.perf_counter() + timeout_s
    while not (value := look()):
        if time.perf_counter() > deadline_s:
            raise NotDoneError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(_LOOK_EVERY_S)
    return value


def ended_after_s(command: Sequence[str], *, timeout_s: float, codes: tuple[int, ...] = (0,)) -> float:
    """Run a command to its end and return how long that took, its start included.

    Raises:
        NotDoneError: it took too long, or ended with another code.
    """
    started_s = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotDoneError(f"{command[0]}: not within {timeout_s:.0f} s") from error
    took_s = time.perf_counter() - started_s
    if done.returncode not in codes:
        raise NotDoneError(f"{command[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[:500]}")
    return took_s


@contextmanager
def running(command: Sequence[str], **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that says nothing, and end it in any case."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
            process.kill()
