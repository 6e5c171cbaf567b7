"""A slave that speaks as a JobScheduler does: it lists what it has, and gets what it lacks."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import ClassVar

from benchmarks.crowd.speaker import PROLOG, Speaker

__all__ = ["ClassicSpeaker"]

_LIST = b"supervisor.remote_scheduler.configuration.fetch_updated_files"
_FILE = re.compile(
    rb'<configuration\.file name="([^"]*)" last_write_time="([^"]*)">'
    rb'<content encoding="base64"(?:/>|>([^<]*)</content>)'
)
_VERSION = "1.3.12.2131"


class ClassicSpeaker(Speaker):
    """A scripted JobScheduler, for trees whose files all lie at the root."""

    _lists: ClassVar[dict[bytes, dict[bytes, bytes]]] = {}
    """The entries after an answer; the same for all that had the same and got the same."""

    def __init__(self, number: int, port: int) -> None:
        super().__init__(number, port)
        self._received = bytearray()
        self._entries: dict[bytes, bytes] = {}

    def begin(self) -> bytes:
        """Return the registration of a JobScheduler."""
        return self.registration(_VERSION)

    def receive(self, block: bytes) -> bytes:
        """Take an answer; return the list, or nothing."""
        self._received += block
        if not self._received.endswith(b"\0"):
            return b""
        answer = bytes(self._received)
        self._received.clear()
        if b"<ERROR" in answer:
            raise ValueError(answer.decode("latin-1"))
        if not self.is_registered:
            self.is_registered = True
            return self.check()
        self._entries = self._after(answer)
        return self.checked()

    def holds(self, name: str, md5: str) -> bool:
        """Whether it lists this content."""
        return md5.encode() in self._entries.get(name.encode(), b"")

    def _check(self) -> bytes:
        entries = b"".join(self._entries.values())
        return PROLOG + (b"<%s>%s</%s>" % (_LIST, entries, _LIST) if entries else b"<%s/>" % _LIST)

    def _after(self, answer: bytes) -> dict[bytes, bytes]:
        body = answer[answer.index(b"<configuration.directory") :]
        found = _FILE.findall(body)
        if not found:
            return self._entries
        key = hashlib.md5(b"".join(self._entries.values()) + body).digest()
        if key not in self._lists:
            self._lists[key] = {**self._entries, **{name: _entry(name, at, content) for name, at, content in found}}
        return self._lists[key]


def _entry(name: bytes, at: bytes, content: bytes) -> bytes:
    md5 = hashlib.md5(base64.b64decode(content)).hexdigest().encode()
    return b'<configuration.file name="%s" last_write_time="%s" md5="%s"/>' % (name, at, md5)
