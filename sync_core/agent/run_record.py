"""The run record: what an agent writes about itself when it starts, and others read to find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

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
_PIDS = range(1, 1 << 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What an agent writes about itself when it starts.

    Attributes:
        host: the inventory's name.
        role: ``master`` or ``slave``.
        inventory: the ``source`` of the inventory that it was started with.
        settings_md5: digest of all settings that it was started with; another one means: restart it.
        pid: its process.
        process_started_at: when that process began, seconds since the system's start.
        started_at: RFC 3339, UTC.
        version: of jsync.
        is_detached: whether ``jsync up -d`` started it.
        is_ready: whether its ports are bound.
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

    @property
    def is_alive(self) -> bool:
        """Whether that process still runs."""
        return is_alive(self.pid, self.process_started_at)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> RunRecord | None:
        """Return the record that ``values`` are; ``None`` where they are none."""
        found: dict[str, Any] = {field.name: values.get(field.name) for field in fields(cls)}
        if not all(isinstance(found[name], kind) for name, kind in _TYPES.items()):
            return None
        record = cls(**found)
        return record if record.pid in _PIDS else None
