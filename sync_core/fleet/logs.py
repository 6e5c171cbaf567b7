"""What detached agents wrote."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sync_core.agent.state import HostState
from sync_core.fleet.places import require_local
from sync_core.fleet.up import runnable
from sync_core.model.errors import FileTroubleError
from sync_core.model.inventory import Host, Inventory

__all__ = ["follow_logs", "read_logs"]

_POLL_S = 0.2


def read_logs(
    inventory: Inventory, hosts: Iterable[Host], state_folder: Path, *, lines: int
) -> tuple[tuple[str, str], ...]:
    """Return the last lines of each host's log, as (host, line), host by host.

    Args:
        inventory: where they are declared.
        hosts: whose logs.
        state_folder: where run state lies.
        lines: how many of each, at most.

    Raises:
        NotBuiltError: a host is not this machine.
        StateError: another inventory owns the host's name.
        FileTroubleError: a log can't be read.
    """
    return tuple(
        (log.host, line) for log in _logs(inventory, hosts, state_folder) for line in deque(log.lines(), maxlen=lines)
    )


def follow_logs(
    inventory: Inventory, hosts: Iterable[Host], state_folder: Path, *, lines: int
) -> Iterator[tuple[str, str]]:
    """Yield the last lines and then each new one as it is written, for ever.

    Args and errors are those of ``read_logs``.
    """
    logs = _logs(inventory, hosts, state_folder)
    for log in logs:
        yield from ((log.host, line) for line in deque(log.lines(), maxlen=lines))
    while True:
        new = [(log.host, line) for log in logs for line in log.lines()]
        yield from new
        if not new:
            time.sleep(_POLL_S)


@dataclass(slots=True)
class _Log:
    """A log file that is read on from where the last reading ended, over rotations too."""

    host: str
    path: Path
    offset: int = 0
    inode: int = 0
    rest: bytes = field(default=b"", repr=False)

    def lines(self) -> Iterator[str]:
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                if found.st_ino != self.inode or found.st_size < self.offset:
                    self.inode, self.offset, self.rest = found.st_ino, 0, b""
                file.seek(self.offset)
                for line in file:
                    self.offset += len(line)
                    self.rest += line
                    if self.rest.endswith(b"\n"):
                        yield self.rest[:-1].decode("utf-8", "replace")
                        self.rest = b""
        except FileNotFoundError:
            return
        except OSError as error:
            raise FileTroubleError(
                f"{self.path} can't be read: {error.strerror}", hint="mend its owner or mode", host=self.host
            ) from error


def _logs(inventory: Inventory, hosts: Iterable[Host], state_folder: Path) -> list[_Log]:
    logs = []
    for host in runnable(hosts):
        require_local(host)
        state = HostState(state_folder, host.name)
        state.claim(inventory.source)
        logs.append(_Log(host=host.name, path=state.log_path))
    return logs
