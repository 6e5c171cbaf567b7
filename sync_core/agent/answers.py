"""Answers that master and slave give alike: refusals by level, ``<state>``, errors of the tree."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from sync_core.model.errors import JsyncError, RootVanishedError
from sync_core.model.inventory import Host
from sync_core.model.security import Level, parse_ip
from sync_core.protocol.messages import (
    Answer,
    CheckFolders,
    ClusterAnswer,
    ErrorAnswer,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    GetParam,
    GetParams,
    ListFiles,
    OkAnswer,
    OtherAnswer,
    OtherCommand,
    Register,
    Request,
    ShowCluster,
    ShowState,
    StateAnswer,
)
from sync_core.protocol.texts import text
from sync_core.protocol.times import format_answer_time, format_second

__all__ = [
    "answer_time",
    "cluster_answer",
    "error_answer",
    "level_needed",
    "other_answer",
    "refusal",
    "state_attributes",
    "utc_offset_s",
]

_LEVELS: Mapping[type, Level] = {
    CheckFolders: Level.INFO,
    ShowState: Level.INFO,
    ShowCluster: Level.INFO,
    GetParam: Level.INFO,
    GetParams: Level.INFO,
    ListFiles: Level.INFO,
    Register: Level.NO_ADD,
    FetchUpdatedFiles: Level.INFO,  # only who registered gets more than SCHEDULER-457 (capture 09)
    FetchConfiguration: Level.NO_ADD,
    FetchDifferences: Level.NO_ADD,
}
"""What a peer must be allowed to do (``protocol.md`` section 10)."""

_OTHERS_FOR_ALL = frozenset({"add_jobs", "add_order", "config", "job", "job_chain", "process_class", "lock"})
_OTHERS_FOR_INFO = ("show_", "param", "params", "subsystem.show")


def level_needed(request: Request) -> Level:
    """Return the level that the command needs."""
    if not isinstance(request, OtherCommand):
        return _LEVELS[type(request)]
    if request.name in _OTHERS_FOR_ALL:
        return Level.ALL
    return Level.INFO if request.name.startswith(_OTHERS_FOR_INFO) else Level.NO_ADD


def cluster_answer(state: StateAnswer) -> ClusterAnswer:
    """Return ``<cluster>``: the remote schedulers of ``state``."""
    return ClusterAnswer(
        remote_schedulers=state.remote_schedulers,
        connected=state.connected,
        active=state.active,
        with_remote_schedulers=state.with_remote_schedulers,
    )


def other_answer(request: GetParam | GetParams | OtherCommand) -> Answer:
    """Return what master and slave alike answer to commands that are a JobScheduler's business (section 11)."""
    match request:
        case GetParam():  # a scheduler's own parameters, of which we have none
            return OkAnswer()
        case GetParams():
            return OtherAnswer(element="params")
        case OtherCommand(name=name):
            return error_answer("SCHEDULER-105", name)


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
    code = "SCHEDULER-882" if isinstance(error, RootVanishedError) else error.code
    now = time.time()
    return ErrorAnswer(code=code, text=f"{code}  {error}", time=format_second(now, utc_offset_s(now)))


def state_attributes(host: Host, *, version: str, started_at: float, config_file: str) -> dict[str, str]:
    """Return the attributes of ``<state>`` that tools look at (``protocol.md`` section 11), in the original's order."""
    own_ip = host.listen or host.address
    now = time.time()
    values: dict[str, Any] = {
        "time": format_second(now, utc_offset_s(now)),
        "id": host.scheduler_id,
        "spooler_id": host.scheduler_id,
        "spooler_running_since": format_second(started_at, utc_offset_s(started_at)),
        "state": "running",
        "log_file": "",
        "version": version,
        "pid": os.getpid(),
        "config_file": config_file,
        "host": socket.gethostname(),
        "tcp_port": host.tcp_port,
        "udp_port": 0 if host.is_master else host.udp_port or 0,
        "ip_address": own_ip if parse_ip(own_ip) is not None else "",
        "db": "",
        "loop": 0,
        "waits": 0,
    }
    return {name: str(value) for name, value in values.items()}
