"""What a simulated slave says and understands: bytes in, bytes out. It writes nothing to disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import Final

__all__ = ["PROLOG", "SPEAKERS", "Speaker", "new_speaker"]

SPEAKERS: Final = {
    "classic": "benchmarks.crowd.classic:ClassicSpeaker",
    "dialect": "benchmarks.crowd.dialect:DialectSpeaker",
}
"""By name, where each stands: only the one that is spoken is imported."""

PROLOG: Final = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n'


class Speaker(ABC):
    """One slave's conversation with its master.

    Args:
        number: tells it from the others.
        port: of all of them, in TCP and UDP; their addresses tell them apart.
    """

    def __init__(self, number: int, port: int) -> None:
        self._number = number
        self._port = port
        self.is_registered = False
        self.checks = 0
        self._is_checking = False
        self._is_check_due = False

    def registration(self, version: str) -> bytes:
        """Return the registration with a version text."""
        return PROLOG + (
            b'<register_remote_scheduler scheduler_id="crowd-%d" tcp_port="%d" udp_port="%d" version="%s"/>'
            % (self._number, self._port, self._port, version.encode())
        )

    def check(self) -> bytes:
        """Return what begins a check; while one is under way, it is made after that one."""
        if self._is_checking or not self.is_registered:
            self.want_check()
            return b""
        self._is_checking, self._is_check_due = True, False
        return self._check()

    def want_check(self) -> None:
        """Let another check follow the one that is under way."""
        self._is_check_due = True

    def checked(self) -> bytes:
        """Note that a check is over; return what begins the next where one is due."""
        self.checks += 1
        self._is_checking = False
        return self.check() if self._is_check_due else b""

    @abstractmethod
    def begin(self) -> bytes:
        """Return what is sent first."""

    @abstractmethod
    def receive(self, block: bytes) -> bytes:
        """Take what came and return what to send.

        Raises:
            ValueError, JsyncError: the master said something that makes no sense here.
        """

    @abstractmethod
    def holds(self, name: str, md5: str) -> bool:
        """Whether a file at the root has this content, after the last check that is over."""

    @abstractmethod
    def _check(self) -> bytes:
        """Return what begins a check."""


def new_speaker(name: str, number: int, port: int) -> Speaker:
    """Return a new speaker of this name for one slave."""
    module, _, kind = SPEAKERS[name].partition(":")
    speaker = getattr(import_module(module), kind)(number, port)
    assert isinstance(speaker, Speaker)
    return speaker
