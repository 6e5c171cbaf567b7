"""What ``jsync status`` shows of a master, on the disk: written at little cost, and never old for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sync_core.agent.master_state import slave_status
from sync_core.model.registry.registration import Slave

__all__ = ["MasterStatus", "pause_s"]

_AT_ONCE: Final = 100
_LEAST_PAUSE_S: Final = 0.2
_MOST_PAUSE_S: Final = 5.0
_SHARE: Final = 50


class MasterStatus:
    """Writes the status after changes of the register; those within one pause make one write.

    Args:
        slaves: the register.
        name_of: the inventory's name of a slave, if it is one of its slaves.
        facts: what else the status says; takes those that are there and speak in plain.
        write: replaces the status; blocks.
    """

    def __init__(
        self,
        slaves: Iterable[Slave],
        *,
        name_of: Callable[[Slave], str | None],
        facts: Callable[[Sequence[str]], Mapping[str, Any]],
        write: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._slaves = slaves
        self._name_of = name_of
        self._facts = facts
        self._write = write
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Have it written, soon."""
        self._changed.set()

    async def run(self) -> None:
        """Write it now and after every change, until cancelled."""
        while True:
            self._changed.clear()
            values, cpu_s = await self._values()
            cpu_s += await asyncio.to_thread(self._written, values)
            await self._changed.wait()
            await asyncio.sleep(pause_s(cpu_s))

    async def _values(self) -> tuple[dict[str, Any], float]:
        """Return it and the CPU that it took; of thousands of slaves some at a time, so that all others are served."""
        entries: list[dict[str, Any]] = []
        slaves = list(self._slaves)
        cpu_s = 0.0
        for first in range(0, len(slaves), _AT_ONCE):
            started_s = time.thread_time()
            entries += [slave_status(slave, self._name_of(slave)) for slave in slaves[first : first + _AT_ONCE]]
            cpu_s += time.thread_time() - started_s
            await asyncio.sleep(0)
        plain = [entry["slave"] or entry["identity"] for entry in entries if entry["is_active"] and entry["is_plain"]]
        return {
            **self._facts(plain),
            "slaves_registered": sum(entry["is_active"] for entry in entries),
            "slaves_in_sync": sum(entry["in_sync"] for entry in entries),
            "slaves": entries,
        }, cpu_s

    def _written(self, values: Mapping[str, Any]) -> float:
        started_s = time.thread_time()
        self._write(values)
        return time.thread_time() - started_s


def pause_s(cpu_s: float) -> float:
    """Return the seconds from a change to the next write.

    They are a multiple of what the last one cost, so that a register in which something always changes does not keep
    a core busy. CPU counts, not the time that passed: in a burst of fetches a status of thousands takes many times as
    long, and what it says would be old long after the burst.

    Args:
        cpu_s: seconds of CPU that the last write took.
    """
    return min(max(_LEAST_PAUSE_S, _SHARE * cpu_s), _MOST_PAUSE_S)
