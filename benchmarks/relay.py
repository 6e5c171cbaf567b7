"""A relay between a slave and its master that counts what passes, and when."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from dataclasses import dataclass, replace

from benchmarks.processes import wait_for

__all__ = ["Relay", "Seen"]

_BLOCK_BYTES = 1 << 18
_QUIET_S = 0.4
"""After an answer nothing more is to come when it was quiet for so long."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What has passed.

    Attributes:
        asked_bytes: from slaves.
        answered_bytes: from the master.
        questions: how often a slave spoke after the master had.
        last_s: when the master spoke last, in ``time.perf_counter``'s seconds.
    """

    asked_bytes: int = 0
    answered_bytes: int = 0
    questions: int = 0
    last_s: float = 0.0


class Relay:
    """Listens on ``port``, and connects to the master whose port is set before a slave comes. Use it as a context."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.master_port = 0
        self._seen = Seen()
        self._is_masters_turn = True
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_over = False

    def __enter__(self) -> Relay:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()

    @property
    def seen(self) -> Seen:
        """What has passed so far."""
        return self._seen

    def one_answer(self, before: Seen, *, timeout_s: float) -> Seen:
        """Wait until a question and its whole answer have passed, and it was quiet then."""

        def is_over() -> bool:
            seen = self._seen
            has_both = seen.asked_bytes > before.asked_bytes and seen.answered_bytes > before.answered_bytes
            return has_both and self._is_masters_turn and time.perf_counter() > seen.last_s + _QUIET_S

        wait_for(is_over, what="a check", timeout_s=timeout_s)
        return self._seen

    def _run(self) -> None:
        while not self._is_over:
            for key, _ in self._selector.select(0.2):
                assert isinstance(key.fileobj, socket.socket)
                if key.data is None:
                    self._accept()
                else:
                    self._pass_on(key.fileobj, *key.data)

    def _accept(self) -> None:
        slave, _ = self._listener.accept()
        try:
            master = socket.create_connection(("127.0.0.1", self.master_port))
        except ConnectionRefusedError:
            slave.close()
            return
        for connection, data in ((slave, (master, True)), (master, (slave, False))):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(connection, selectors.EVENT_READ, data)

    def _pass_on(self, source: socket.socket, target: socket.socket, is_from_slave: bool) -> None:
        try:
            block = source.recv(_BLOCK_BYTES)
            if block:
                target.sendall(block)
                self._count(len(block), is_from_slave=is_from_slave)
                return
        except OSError:  # one end has gone: so goes the other
            pass
        for connection in (source, target):
            with contextlib.suppress(KeyError):
                self._selector.unregister(connection)
            connection.close()

    def _count(self, count: int, *, is_from_slave: bool) -> None:
        seen = self._seen
        if is_from_slave:
            questions = seen.questions + self._is_masters_turn
            self._seen = replace(seen, asked_bytes=seen.asked_bytes + count, questions=questions)
        else:
            answered_bytes = seen.answered_bytes + count
            self._seen = replace(seen, answered_bytes=answered_bytes, last_s=time.perf_counter())
        self._is_masters_turn = not is_from_slave
