"""Commands on a host by SSH: paramiko at work in threads, with deadlines of our own at every step."""

from __future__ import annotations

import asyncio
import contextlib
import math
import shlex
from collections.abc import Callable, Sequence
from typing import TypeVar

from sync_core.model.errors import HostError
from sync_core.net.far_sftp import FileAccess
from sync_core.net.runner import Process, as_root
from sync_core.net.ssh_config import SshTarget
from sync_core.net.ssh_connection import SshConnection, SshLimits
from sync_core.net.ssh_files import with_client
from sync_core.net.ssh_process import CLOSE_S, SshProcess
from sync_core.net.threads import in_thread

__all__ = ["SshLimits", "SshRunner"]

T = TypeVar("T")

# Constant, and what it runs are its arguments. Old busyboxes know another `timeout`, and few systems none.
_WITHIN = 'timeout -k 5 9 true 2>/dev/null && exec timeout -k 5 "$0" "$@"; exec "$@"'


class SshRunner:
    """Runs commands on one host, all over one connection that the first of them opens.

    Args:
        target: where and how.
        password: tried after keys and agent, and for ``sudo`` never.
        become: run commands as root.
        limits: of the steps.
    """

    def __init__(
        self,
        target: SshTarget,
        *,
        password: str | None = None,
        become: bool = False,
        limits: SshLimits | None = None,
    ) -> None:
        self._target = target
        self._password = password
        self._become = become
        self._limits = limits or SshLimits()
        self._connection: SshConnection | None = None
        self._connecting = asyncio.Lock()

    async def start(self, command: Sequence[str], *, deadline_s: float | None = None) -> Process:
        """Start a command.

        Args:
            command: program and arguments.
            deadline_s: when it is ended there, by a program of that host's own where there is one.

        Raises:
            UnreachableError: no connection, no login, or not in time.
            HostError: the host refuses the command.
        """
        connection = await self._connect()
        if deadline_s is not None:
            command = ("sh", "-c", _WITHIN, str(math.ceil(deadline_s)), *command)
        words = shlex.join(as_root(command) if self._become else command)
        name = f"ssh {self._target.host}: start"
        channel = await connection.step(lambda: connection.execute(words), self._limits.step_s, name)
        return SshProcess(channel)

    async def connect(self) -> None:
        """Log in, if that is not done yet; raises UnreachableError."""
        await self._connect()

    async def with_files(self, work: Callable[[FileAccess], T]) -> T:
        """Return what ``work`` does with the files of the host, by SFTP and as the user who logged in.

        Args:
            work: may block; when nobody waits any more its access ends.

        Raises:
            UnreachableError: no connection, no login, or not in time.
            HostError: the host gives no such access, or not to the user that is wanted.
        """
        if self._become:
            raise HostError("by SFTP nobody becomes root")
        connection = await self._connect()
        name = f"ssh {self._target.host}: files"
        client = await connection.step(connection.open_files, self._limits.step_s, name)
        try:
            return await in_thread(lambda: connection.translate(lambda: with_client(client, work)), name=name)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await in_thread(client.close, name=f"ssh {self._target.host}: close files")

    async def close(self) -> None:
        """End the connection; may be called twice."""
        if self._connection is not None:
            await self._connection.close()

    async def _connect(self) -> SshConnection:
        async with self._connecting:
            if self._connection is None or not self._connection.is_alive:
                await self.close()
                self._connection = connection = SshConnection(self._target, self._password, self._limits)
                try:
                    limit_s = self._limits.total_s(self._target)
                    await connection.step(connection.open, limit_s, f"ssh {self._target.host}: connect")
                except BaseException:
                    await connection.close()
                    raise
            return self._connection
