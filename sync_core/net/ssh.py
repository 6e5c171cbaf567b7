"""Commands on a host by SSH: paramiko at work in threads, with deadlines of our own at every step."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import shlex
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import paramiko

from sync_core.model.errors import UnreachableError
from sync_core.net.runner import Process, as_root
from sync_core.net.ssh_config import SshTarget
from sync_core.net.threads import in_thread

__all__ = ["SshLimits", "SshRunner"]

_MOST_ERROR_BYTES = 64 * 1024
_BLOCK_BYTES = 65536
_CLOSE_S = 5.0

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
        return _SshProcess(channel)

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
            async with asyncio.timeout(_CLOSE_S):
                await in_thread(self._close, name=f"ssh {self._target.host}: close")

    def open(self) -> None:
        self._login(self._target)

    def execute(self, words: str) -> paramiko.Channel:
        transport = self._clients[-1].get_transport()
        if transport is None:
            raise UnreachableError(f"the SSH connection to {self._target.host} is over")
        try:
            channel = transport.open_session(timeout=self._limits.step_s)
            channel.settimeout(self._limits.step_s)
            channel.exec_command(words)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise UnreachableError(f"SSH to {self._target.host}: no command can be started: {_words(error)}") from error
        return channel

    def _login(self, target: SshTarget) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        self._clients.append(client)
        for file in target.known_hosts:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                client.load_system_host_keys(str(file))
        client.set_missing_host_key_policy(_Refuse(target))
        way = self._way_to(target)
        try:
            with self._limits.gate:
                self._shake_hands(client, target, way)
        except paramiko.BadHostKeyException as error:
            raise _changed(target, error.key) from error
        except paramiko.AuthenticationException as error:
            hint = (
                f"try: ssh -p {target.port} {target.user}@{target.host}; a password can be given as JSYNC_SSH_PASSWORD"
            )
            raise UnreachableError(f"SSH to {target.host}: {target.user} can't log in", hint=hint) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise UnreachableError(f"SSH to {target.host}: {_words(error)}") from error
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
            raise UnreachableError(f"SSH to {target.host}: not reached from {jump.host}: {_words(error)}") from error

    def _straight(self, target: SshTarget) -> socket.socket:
        until_s = time.monotonic() + self._limits.connect_s
        failure: OSError = TimeoutError(f"no answer within {self._limits.connect_s:g} s")
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            for at, (family, kind, number, _, name) in enumerate(found):
                left_s = (until_s - time.monotonic()) / (len(found) - at)  # each address gets its share
                sock = socket.socket(family, kind, number)
                try:
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


class _Refuse(paramiko.MissingHostKeyPolicy):
    """Nobody is trusted because nobody said no."""

    def __init__(self, target: SshTarget) -> None:
        self._target = target

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raise UnreachableError that tells how the key would become known."""
        scan = _scan(self._target)
        raise UnreachableError(
            f"SSH to {self._target.host}: its key is not known ({key.get_name()} {_fingerprint(key)})",
            hint=f"compare that with the host's own, then: {scan}",
        )


def _changed(target: SshTarget, key: paramiko.PKey) -> UnreachableError:
    removals = [f"ssh-keygen -R {shlex.quote(target.known_as)} -f {shlex.quote(str(target.known_hosts[0]))}"]
    return UnreachableError(
        f"SSH to {target.host}: its key has changed (now {key.get_name()} {_fingerprint(key)})",
        hint=f"somebody may be in between; if the change is right: {' && '.join([*removals, _scan(target)])}",
    )


def _scan(target: SshTarget) -> str:
    words = ["ssh-keyscan", *(["-p", str(target.port)] if target.port != 22 else []), target.host]
    return f"{shlex.join(words)} >> {shlex.quote(str(target.known_hosts[0]))}"


def _fingerprint(key: paramiko.PKey) -> str:
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode("ascii")
    return f"SHA256:{digest.rstrip('=')}"


def _words(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in text.splitlines()[0])[:200]


class _SshProcess:
    """A command on a channel; the event loop is told by a pipe of paramiko's when there is something to read."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._output: asyncio.Queue[bytes] = asyncio.Queue()
        self._complaint = bytearray()
        self._sending = asyncio.Lock()
        self._is_over = False
        self._loop = asyncio.get_running_loop()
        self._handle = channel.fileno()
        self._loop.add_reader(self._handle, self._read)

    @property
    def complaint(self) -> bytes:
        return bytes(self._complaint)

    async def send(self, data: bytes) -> None:
        async with self._sending:
            try:
                await in_thread(lambda: self._channel.sendall(data), name="ssh: send")
            except OSError as error:
                raise UnreachableError(f"the SSH connection takes no more: {_words(error)}") from error

    async def receive(self) -> bytes:
        return b"" if self._is_over and self._output.empty() else await self._output.get()

    async def end_input(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            await in_thread(self._channel.shutdown_write, name="ssh: end of input")

    async def wait(self) -> int:
        # Output was read to its end, so this waits for one message, or for the end of the connection.
        exit_code = await in_thread(self._channel.recv_exit_status, name="ssh: exit code")
        if not self._channel.exit_status_ready() or exit_code < 0:
            raise UnreachableError("the SSH connection was lost")
        return exit_code

    async def close(self) -> None:
        self._end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await in_thread(self._channel.close, name="ssh: close")

    def _read(self) -> None:
        while self._channel.recv_ready():
            self._output.put_nowait(self._channel.recv(_BLOCK_BYTES))
        while self._channel.recv_stderr_ready():
            block = self._channel.recv_stderr(_BLOCK_BYTES)
            self._complaint += block[: _MOST_ERROR_BYTES - len(self._complaint)]
        if self._channel.eof_received or self._channel.closed:
            self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._loop.remove_reader(self._handle)
            self._output.put_nowait(b"")
