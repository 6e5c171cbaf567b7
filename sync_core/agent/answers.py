"""Answers that master and slave give alike: refusals by level, ``<state>``, errors of the tree."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from sync_core.model.errors import JsyncError, RootVanishedError
from sync_core.model.security import Level
from sync_core.protocol.messages import (
    CheckFolders,
    ErrorAnswer,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    ListFiles,
    Register,
    Request,
    ShowState,
)
from sync_core.protocol.texts import text
from sync_core.protocol.times import format_answer_time, format_second

__all__ = ["answer_time", "error_answer", "level_needed", "refusal", "state_attributes", "utc_offset_s"]

_LEVELS: Mapping[type, Level] = {
    CheckFolders: Level.INFO,
    ShowState: Level.INFO,
    ListFiles: Level.INFO,
    Register: Level.NO_ADD,
    FetchUpdatedFiles: Level.NO_ADD,
    FetchConfiguration: Level.NO_ADD,
    FetchDifferences: Level.NO_ADD,
}
"""What a peer must be allowed to do (``protocol.md`` section 10)."""


def level_needed(request: Request) -> Level:
    """Return the level that the command needs."""
    return _LEVELS[type(request)]


def utc_offset_s(now: float) -> int:
    """Return how far local time is ahead of UTC at ``now``, in seconds."""
    return time.localtime(now).tm_gmtoff or 0


def answer_time() -> str:
    """Return the time that an answer carries: local, as JobScheduler 1.3 writes it."""
    now = time.time()
    return format_answer_time(now, utc_offset_s(now))


def error_answer(code: str, *insertions: str) -> ErrorAnswer:
    """Return the ERROR answer of the catalogue's message ``code``."""
    now = time.time()
    return ErrorAnswer(code=code, text=text(code, *insertions), time=format_second(now, utc_offset_s(now)))


def refusal(error: JsyncError) -> ErrorAnswer:
    """Return the ERROR answer for an error of our own, so that a peer keeps what it has."""
    if isinstance(error, RootVanishedError):
        return error_answer("SCHEDULER-882", str(error))
    now = time.time()
    return ErrorAnswer(code=error.code, text=f"{error.code}  {error}", time=format_second(now, utc_offset_s(now)))


def state_attributes(
    *, scheduler_id: str, version: str, tcp_port: int, udp_port: int | None, started_at: float, config_file: str
) -> dict[str, str]:
    """Return the attributes of ``<state>`` that tools look at (``protocol.md`` section 11), in the original's order."""
    now = time.time()
    values: dict[str, Any] = {
        "time": format_second(now, utc_offset_s(now)),
        "id": scheduler_id,
        "spooler_id": scheduler_id,
        "spooler_running_since": format_second(started_at, utc_offset_s(started_at)),
        "state": "running",
        "log_file": "",
        "version": version,
        "pid": os.getpid(),
        "config_file": config_file,
        "host": socket.gethostname(),
        "tcp_port": tcp_port,
        "udp_port": udp_port or 0,
        "db": "",
        "loop": 0,
        "waits": 0,
    }
    return {name: str(value) for name, value in values.items()}
