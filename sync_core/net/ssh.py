"""Commands on a host by SSH: paramiko at work in threads, with deadlines of our own at every step."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import paramiko

from sync_core.model.errors import HostError, UnreachableError
from sync_core.net.far_sftp import FileAccess
from sync_core.net.runner import Process, as_root
from sync_core.net.ssh_config import SshTarget
from sync_core.net.ssh_files import with_client
from sync_core.net.ssh_keys import RefuseUnknown, changed_key
from sync_core.net.ssh_process import CLOSE_S, SshProcess, words_of
from sync_core.net.threads import in_thread

__all__ = ["SshLimits", "SshRunner"]

_ASK_AGAIN_S = 15
_SILENCE_MS = 30_000
"""A host that vanishes while we only listen is noticed: it is asked now and then, and must acknowledge that."""

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
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()

    async def start(self, command: Sequence[str]) -> Process:
        """Start a command.

        Raises:
            UnreachableError: no connection, no login, or not in time.
            HostError: the host refuses the command.
        """
        connection = await self._connect()
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

    async def _connect(self) -> _Connection:
        async with self._connecting:
            if self._connection is None or not self._connection.is_alive:
                await self.close()
                self._connection = connection = _Connection(self._target, self._password, self._limits)
                try:
                    limit_s = self._limits.total_s(self._target)
                    await connection.step(connection.open, limit_s, f"ssh {self._target.host}: connect")
                except BaseException:
                    await connection.close()
                    raise
            return self._connection


class _Connection:
    """A login on a host, and the logins on hosts in between. Its methods block, except for the coroutines."""

    def __init__(self, target: SshTarget, password: str | None, limits: SshLimits) -> None:
        self._target = target
        self._password = password
        self._limits = limits
        self._clients: list[paramiko.SSHClient] = []
        self._sockets: list[socket.socket | paramiko.Channel] = []
        self._is_closed = False

    @property
    def is_alive(self) -> bool:
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
        self._is_closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await in_thread(self._close, name=f"ssh {self._target.host}: close")

    def open(self) -> None:
        self._login(self._target)

    def execute(self, words: str) -> paramiko.Channel:
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
        way = self._through(target, target.jump) if target.jump else self._straight(target)
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

    def _straight(self, target: SshTarget) -> socket.socket:
        until_s = time.monotonic() + self._limits.connect_s
        failure: OSError = TimeoutError(f"no answer within {self._limits.connect_s:g} s")
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            for at, (family, kind, number, _, name) in enumerate(found):
                left_s = (until_s - time.monotonic()) / (len(found) - at)  # each address gets its share
                sock = socket.socket(family, kind, number)
                try:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENCE_MS)
                    sock.settimeout(max(left_s, 0.1))
                    sock.connect(name)
                    return sock
                except TimeoutError:
                    sock.close()
                except OSError as error:
                    sock.close()
                    failure = error
        except OSError as error:
            failure = error
        raise UnreachableError(
            f"SSH to {target.host} port {target.port}: {failure.strerror or failure}", errno=failure.errno
        ) from failure

    def _close(self) -> None:
        for client in reversed(self._clients):
            client.close()
        for sock in reversed(self._sockets):
            sock.close()
