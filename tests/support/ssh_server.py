"""An SSH server on loopback, in threads of this process, which may fall silent at any step."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from enum import StrEnum
from functools import cache, partial
from pathlib import Path

import paramiko

from sync_core.net.ssh_config import SshTarget

__all__ = ["PASSWORD", "USER", "Server", "Silent", "a_key", "ssh_server"]

USER = "jobs"
PASSWORD = "geheim-4711"
_BLOCK = 65536
_AFTER_S = 0.05
_YES, _NO, _PROHIBITED, _NOT_CONNECTED = 0, 2, 1, 2  # as paramiko.common has them


class Silent(StrEnum):
    """Where a server says nothing any more."""

    NEVER = "never"
    GREETING = "greeting"
    LOGIN = "login"
    CHANNEL = "channel"
    COMMAND = "command"


@cache
def a_key(name: str) -> paramiko.PKey:
    """Return a key pair, always the same one for the same name."""
    return paramiko.ECDSAKey.generate()


class _Interface(paramiko.ServerInterface):
    def __init__(self, server: Server) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_password(self, username: str, password: str) -> int:
        self._wait(Silent.LOGIN)
        return _YES if (username, password) == (USER, PASSWORD) else _NO

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return _YES if username == USER and key == a_key("user") else _NO

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._wait(Silent.CHANNEL)
        return _YES if kind == "session" else _PROHIBITED

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        try:
            way = socket.create_connection(destination, timeout=5)
        except OSError:
            return _NOT_CONNECTED
        self._server.ways[chanid] = way
        return _YES

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._wait(Silent.COMMAND)
        if not self._server.runs_commands:
            return False
        self._server.commands.append(command.decode())
        # The answer to this request must leave first; paramiko sends it after we return.
        threading.Timer(_AFTER_S, self._server.execute, args=(channel, command.decode())).start()
        return True

    def _wait(self, step: Silent) -> None:
        if self._server.silent is step:
            self._server.is_over.wait()


class _Files(paramiko.SFTPServerInterface):
    """This machine's files."""

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        try:
            return [paramiko.SFTPAttributes.from_stat(place.lstat(), place.name) for place in Path(path).iterdir()]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(Path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def canonicalize(self, path: str) -> str:
        return os.path.realpath(path)

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        handle = paramiko.SFTPHandle(flags)
        try:
            handle.readfile = Path(path).open("rb")  # type: ignore[attr-defined]  # noqa: SIM115 - the handle closes it
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return handle


class Server:
    """Accepts connections until it is closed.

    Attributes:
        port: that it listens on.
        commands: that were asked for, as they came.
        connections: that were accepted.
        runs_commands: whether it does; it gives access to files in any case.
    """

    def __init__(self, *, silent: Silent = Silent.NEVER, host_key: str = "host") -> None:
        self.silent = silent
        self.runs_commands = True
        self.is_over = threading.Event()
        self.commands: list[str] = []
        self.ways: dict[int, socket.socket] = {}
        self.connections = 0
        self._host_key = a_key(host_key)
        self._transports: list[paramiko.Transport] = []
        self._sockets: list[socket.socket] = []
        self._channels: list[paramiko.Channel | None] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def known_hosts(self, file: Path, key: str = "host") -> Path:
        """Write a file in which this server has the key of that name."""
        pair = a_key(key)
        with file.open("a") as known:
            known.write(f"[127.0.0.1]:{self.port} {pair.get_name()} {pair.get_base64()}\n")
        return file

    def target(self, known_hosts: Path, *, keys: tuple[Path, ...] = (), jump: SshTarget | None = None) -> SshTarget:
        """Return how to reach it; nobody's own keys or agent are used."""
        return SshTarget(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            keys=keys,
            is_exclusive=True,
            known_hosts=(known_hosts,),
            key_alias=None,
            jump=jump,
        )

    def close(self) -> None:
        """End everything."""
        self.is_over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for transport in self._transports:
            transport.close()
        for sock in (*self._sockets, *self.ways.values()):
            sock.close()

    def drop(self) -> None:
        """Cut all connections, without a word."""
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self.is_over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._sockets.append(sock)
            if self.silent is not Silent.GREETING:
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        transport = paramiko.Transport(sock)
        self._transports.append(transport)
        transport.add_server_key(self._host_key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files)
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=_Interface(self))
            while transport.is_active():
                channel = transport.accept(0.2)
                self._channels.append(channel)  # paramiko closes those that nobody holds
                way = self.ways.get(channel.get_id()) if channel is not None else None
                if channel is not None and way is not None:
                    _join(channel, way)

    def execute(self, channel: paramiko.Channel, command: str) -> None:
        """Run a command for a channel, as sshd does by the user's shell."""
        with subprocess.Popen(
            ["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            out, err = process.stdout.fileno(), process.stderr.fileno()
            errors = threading.Thread(target=_pump, args=(partial(os.read, err), channel.sendall_stderr), daemon=True)
            errors.start()
            feeder = threading.Thread(target=_feed, args=(channel, process), daemon=True)
            feeder.start()
            _pump(partial(os.read, out), channel.sendall)
            errors.join()
            with contextlib.suppress(OSError, EOFError):
                channel.send_exit_status(process.wait())
                channel.shutdown_write()
                channel.close()
            feeder.join()


def _feed(channel: paramiko.Channel, process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        while block := channel.recv(_BLOCK):
            process.stdin.write(block)
            process.stdin.flush()
    with contextlib.suppress(OSError):
        process.stdin.close()


def _pump(read: object, write: object) -> None:
    assert callable(read)
    assert callable(write)
    with contextlib.suppress(OSError):
        while block := read(_BLOCK):
            write(block)


def _join(channel: paramiko.Channel, way: socket.socket) -> None:
    for read, write, end in ((channel.recv, way.sendall, way.close), (way.recv, channel.sendall, channel.close)):

        def run(read: object = read, write: object = write, end: object = end) -> None:
            _pump(read, write)
            assert callable(end)
            end()

        threading.Thread(target=run, daemon=True).start()


@contextlib.contextmanager
def ssh_server(*, silent: Silent = Silent.NEVER, host_key: str = "host") -> Iterator[Server]:
    """Run a server, and end it whatever happens."""
    server = Server(silent=silent, host_key=host_key)
    try:
        yield server
    finally:
        server.close()
