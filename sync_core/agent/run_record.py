"""The run record: what an agent writes about itself when it starts or reloads, and others read to find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sync_core.agent.process import is_alive

__all__ = ["RunRecord"]

_TYPES: Mapping[str, type] = {
    "host": str,
    "role": str,
    "inventory": str,
    "settings_md5": str,
    "pid": int,
    "process_started_at": float,
    "started_at": str,
    "version": str,
    "is_detached": bool,
    "is_ready": bool,
}
_MAY_LACK: Mapping[str, type] = {"restart_md5": str, "reloads": int, "reloaded_at": str, "reload_error": str}
"""What agents before 0.2 don't write."""
_PIDS = range(1, 1 << 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What an agent writes about itself when it starts, and after a reload.

    Attributes:
        host: the inventory's name.
        role: ``master`` or ``slave``.
        inventory: the ``source`` of the inventory that it was started with.
        settings_md5: digest of all settings that it works with; another one means that they are not those of today.
        pid: its process.
        process_started_at: when that process began, seconds since the system's start.
        started_at: RFC 3339, UTC.
        version: of jsync.
        is_detached: whether ``jsync up -d`` started it.
        is_ready: whether its ports are bound.
        restart_md5: digest of those settings that it can't take over while it runs; empty: it takes over none.
        reloads: how often it was told to read its inventory again, and has done so or refused it.
        reloaded_at: when it last took an inventory over, RFC 3339, UTC.
        reload_error: why it refused the last one.
    """

    host: str
    role: str
    inventory: str
    settings_md5: str
    pid: int
    process_started_at: float
    started_at: str
    version: str
    is_detached: bool
    is_ready: bool
    restart_md5: str = ""
    reloads: int = 0
    reloaded_at: str | None = None
    reload_error: str | None = None

    @property
    def is_alive(self) -> bool:
        """Whether that process still runs."""
        return is_alive(self.pid, self.process_started_at)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> RunRecord | None:
        """Return the record that ``values`` are; ``None`` where they are none."""
        found = {name: values.get(name) for name in _TYPES}
        if not all(isinstance(found[name], kind) for name, kind in _TYPES.items()):
            return None
        found |= {name: values[name] for name, kind in _MAY_LACK.items() if isinstance(values.get(name), kind)}
        record = cls(**cast("dict[str, Any]", found))
        return record if record.pid in _PIDS else None
