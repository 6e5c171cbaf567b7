"""A machine that is there and never says a word."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

__all__ = ["Silence", "silence"]


class Silence:
    """A port of 127.0.0.1 that takes connections, until it goes away."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._server.getsockname()[1]

    def end(self) -> None:
        """Hang up on everybody."""
        self._server.close()


@contextlib.contextmanager
def silence() -> Iterator[Silence]:
    """Be silent for the length of the body."""
    one = Silence()
    try:
        yield one
    finally:
        one.end()
