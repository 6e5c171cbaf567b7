"""Parts of answers that master and slave write alike: errors, times, the attributes of ``<state>``."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from sync_core.model.errors import JsyncError, RootVanishedError
from sync_core.model.inventory import Host
from sync_core.model.security import parse_ip
from sync_core.protocol.messages import ErrorAnswer
from sync_core.protocol.texts import text
from sync_core.protocol.times import format_answer_time, format_second

__all__ = ["answer_time", "error_answer", "refusal", "state_attributes", "utc_offset_s"]


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
