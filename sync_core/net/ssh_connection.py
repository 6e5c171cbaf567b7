"""One login on a host by SSH, and the logins on hosts in between, with deadlines of our own at every step."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

import paramiko

from sync_core.model.errors import HostError, UnreachableError
from sync_core.net.ssh_config import SshTarget
from sync_core.net.ssh_keys import RefuseUnknown, changed_key
from sync_core.net.ssh_process import CLOSE_S, words_of
from sync_core.net.ssh_way import straight_to
from sync_core.net.threads import in_thread

__all__ = ["SshConnection", "SshLimits"]

_ASK_AGAIN_S = 15

T = TypeVar("T")


class SshLimits:
    """How long each step may take, and how many logins go on at once; to be shared by all runners of a process.

    Args:
        connect_s: seconds until the TCP connection stands; for each host in between, too.
        step_s: seconds for the greeting, the key exchange, the login, and the start of a command: each.
        logins: key exchanges at once, since they need the processor; connecting and waiting cost nothing.
    """

    def __init__(self, *, connect_s: float = 10.0, step_s: float = 15.0, logins: int = 16) -> None:
        self.connect_s = connect_s
        self.step_s = step_s
        self.gate = threading.BoundedSemaphore(logins)

    def total_s(self, target: SshTarget) -> float:
        """Return the longest time that a whole connection to ``target`` may take, the wait for a turn included."""
        hops = 1
        while target.jump is not None:
            target, hops = target.jump, hops + 1
        return hops * (self.connect_s + 4 * self.step_s)


class SshConnection:
    """A login on a host, and the logins on hosts in between. Its methods block, except for the coroutines.

    Args:
        target: where and how.
        password: tried after keys and agent, on ``target`` only.
        limits: of the steps.
    """

    def __init__(self, target: SshTarget, password: str | None, limits: SshLimits) -> None:
        self._target = target
        self._password = password
        self._limits = limits
        self._clients: list[paramiko.SSHClient] = []
        self._sockets: list[socket.socket | paramiko.Channel] = []
        self._is_closed = False

    @property
    def is_alive(self) -> bool:
        """Whether it stands."""
        transport = self._clients[-1].get_transport() if self._clients else None
        return transport is not None and transport.is_active()

    async def step(self, work: Callable[[], T], timeout_s: float, name: str) -> T:
        """Do blocking ``work`` in a thread; when the time is over, or nobody waits any more, everything is closed."""
        task = asyncio.ensure_future(in_thread(work, name=name))
        try:
            async with asyncio.timeout(timeout_s):
                return await task
        except TimeoutError:
            await self.close()
            raise UnreachableError(f"SSH to {self._target.host}: not done within {timeout_s:g} s") from None
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """End all of it, also what is just being opened."""
        self._is_closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await in_thread(self._close, name=f"ssh {self._target.host}: close")

    def open(self) -> None:
        """Log in; raises UnreachableError."""
        self._login(self._target)

    def execute(self, words: str) -> paramiko.Channel:
        """Start a command.

        Args:
            words: as the host's shell reads them.

        Raises:
            UnreachableError: the connection is over.
            HostError: the host refuses the command.
        """
        transport = self._clients[-1].get_transport()
        if transport is None:
            raise UnreachableError(f"the SSH connection to {self._target.host} is over")
        channel: paramiko.Channel | None = None
        try:
            channel = transport.open_session(timeout=self._limits.step_s)
            channel.settimeout(self._limits.step_s)
            channel.exec_command(words.encode("utf-8", "surrogateescape"))
        except (paramiko.SSHException, OSError, EOFError) as error:
            if channel is not None:
                channel.close()
            text = f"SSH to {self._target.host}: no command can be started: {words_of(error)}"
            if transport.is_active():
                raise HostError(text) from error
            raise UnreachableError(text) from error
        return channel

    def open_files(self) -> paramiko.SFTPClient:
        """Return access to the files of the host.

        Raises:
            UnreachableError: the connection is over.
            HostError: the host gives no such access.
        """
        transport = self._clients[-1].get_transport()
        if transport is None:
            raise UnreachableError(f"the SSH connection to {self._target.host} is over")
        client = self.translate(lambda: paramiko.SFTPClient.from_transport(transport))
        if client is None:
            raise HostError(f"SSH to {self._target.host}: no access to files")
        return client

    def translate(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns; its errors of SSH become ours."""
        try:
            return work()
        except (paramiko.SSHException, paramiko.SFTPError, EOFError, UnicodeError) as error:
            text = f"SSH to {self._target.host}: files can't be read: {words_of(error)}"
            if self.is_alive:
                raise HostError(text) from error
            raise UnreachableError(text) from error

    def _login(self, target: SshTarget) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        for file in target.known_hosts:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                client.load_system_host_keys(str(file))
        client.set_missing_host_key_policy(RefuseUnknown(target))
        way = self._way_to(target)
        self._clients.append(client)  # after those in between, so the last one is the target's
        try:
            with self._limits.gate:
                self._shake_hands(client, target, way)
        except paramiko.BadHostKeyException as error:
            raise changed_key(target, error.key) from error
        except paramiko.AuthenticationException as error:
            hint = (
                f"try: ssh -p {target.port} {target.user}@{target.host}; a password can be given as JSYNC_SSH_PASSWORD"
            )
            raise UnreachableError(f"SSH to {target.host}: {target.user} can't log in", hint=hint) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            reason = words_of(error)
            if reason == "No existing session":  # what paramiko says when its own wait for a greeting is over
                reason = "no SSH greeting, or not in time"
            raise UnreachableError(f"SSH to {target.host}: {reason}") from error
        if (transport := client.get_transport()) is not None:
            transport.set_keepalive(_ASK_AGAIN_S)
        return client

    def _shake_hands(
        self, client: paramiko.SSHClient, target: SshTarget, way: socket.socket | paramiko.Channel
    ) -> None:
        client.connect(
            target.key_alias or target.host,
            port=22 if target.key_alias else target.port,
            username=target.user,
            password=self._password if target is self._target else None,
            key_filename=[str(key) for key in target.keys],  # type: ignore[arg-type]
            sock=way,
            allow_agent=not target.is_exclusive,
            look_for_keys=not target.is_exclusive,
            timeout=self._limits.connect_s,
            banner_timeout=self._limits.step_s,
            auth_timeout=self._limits.step_s,
            channel_timeout=self._limits.step_s,
        )

    def _way_to(self, target: SshTarget) -> socket.socket | paramiko.Channel:
        """Return a stream to the SSH port of ``target``, through the host in between if there is one."""
        way = (
            self._through(target, target.jump) if target.jump else straight_to(target, connect_s=self._limits.connect_s)
        )
        self._sockets.append(way)
        if self._is_closed:  # nobody waits for us any more
            way.close()
        return way

    def _through(self, target: SshTarget, jump: SshTarget) -> paramiko.Channel:
        transport = self._login(jump).get_transport()
        if transport is None:
            raise UnreachableError(f"the SSH connection to {jump.host} is over")
        try:
            return transport.open_channel(
                "direct-tcpip", (target.host, target.port), ("127.0.0.1", 0), timeout=self._limits.connect_s
            )
        except (paramiko.SSHException, EOFError) as error:
            raise UnreachableError(f"SSH to {target.host}: not reached from {jump.host}: {words_of(error)}") from error

    def _close(self) -> None:
        for client in reversed(self._clients):
            client.close()
        for sock in reversed(self._sockets):
            sock.close()
