"""The floor: as little Python as brings a changed file to other folders, without any check, bound or sync.

``python -m benchmarks.peers.bare push ROOT PORT…`` watches ``ROOT`` and sends each file that changes to receivers,
``python -m benchmarks.peers.bare receive ROOT PORT…`` is one receiver, or several in one process, one folder for each
port below ``ROOT``.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from asyncinotify import Inotify, Mask

from benchmarks.processes import running, wait_for
from tests.support.ports import free_port

__all__ = ["bare_pusher"]

_HEAD = struct.Struct("!HI")
_PROJECT = Path(__file__).resolve().parents[2]
_START_S = 30.0


@contextmanager
def bare_pusher(source: Path, targets: Path, count: int) -> Iterator[tuple[list[int], list[Path]]]:
    """Run a pusher and its receivers; give the processes and the receivers' folders, below ``targets``."""
    ports = [free_port() for _ in range(count)]
    folders = [targets / str(port) for port in ports]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    words = [str(port) for port in ports]
    command = [sys.executable, "-m", "benchmarks.peers.bare"]
    with ExitStack() as stack:
        start = {"cwd": _PROJECT, "stdin": subprocess.DEVNULL}
        receiver = stack.enter_context(running([*command, "receive", str(targets), *words], **start))
        pusher = stack.enter_context(running([*command, "push", str(source), *words], **start))
        wait_for((targets / "ready").exists, what="the bare pusher", timeout_s=_START_S)
        yield [receiver.pid, pusher.pid], folders


def _push(root: Path, ports: Sequence[int]) -> None:
    with Inotify() as inotify:
        for folder, _, _ in os.walk(root):
            inotify.add_watch(folder, Mask.MOVED_TO | Mask.CLOSE_WRITE)
        receivers = [_connected(port) for port in ports]
        while (event := inotify.sync_get()) is not None:
            if event.path is None:
                continue
            path, content = os.fsencode(event.path.relative_to(root)), event.path.read_bytes()
            block = _HEAD.pack(len(path), len(content)) + path + content
            for receiver in receivers:
                receiver.sendall(block)


def _connected(port: int) -> socket.socket:
    def connected() -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:  # the receiver is about to listen
            return None

    connection = wait_for(connected, what="a receiver", timeout_s=_START_S)
    assert connection is not None
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _receive(root: Path, ports: Sequence[int]) -> None:
    listeners = {port: socket.create_server(("127.0.0.1", port)) for port in ports}
    selector = selectors.DefaultSelector()
    for port, listener in listeners.items():
        selector.register(listener.accept()[0], selectors.EVENT_READ, root / str(port))
    (root / "ready").touch()
    while True:
        for key, _ in selector.select():
            assert isinstance(key.fileobj, socket.socket)
            _take_one(key.fileobj, key.data)


def _take_one(connection: socket.socket, folder: Path) -> None:
    path_bytes, size_bytes = _HEAD.unpack(_exactly(connection, _HEAD.size))
    path = folder / os.fsdecode(_exactly(connection, path_bytes))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    temporary.write_bytes(_exactly(connection, size_bytes))
    temporary.replace(path)


def _exactly(connection: socket.socket, count: int) -> bytes:
    block = connection.recv(count, socket.MSG_WAITALL) if count else b""
    if len(block) < count:
        raise SystemExit("the other end has gone")
    return block


if __name__ == "__main__":
    {"push": _push, "receive": _receive}[sys.argv[1]](Path(sys.argv[2]), [int(word) for word in sys.argv[3:]])
