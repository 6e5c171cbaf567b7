"""A slave that speaks jsync's own dialect (``docs/protocol-dialect.md``), verifies every digest, and writes nothing."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.crowd.contents import Fetch, Verifier
from benchmarks.crowd.speaker import Speaker
from sync_core.model.file import File
from sync_core.model.folder import EMPTY_FOLDER, Folder, get
from sync_core.model.path import RelPath
from sync_core.protocol.dialect.client import (
    NEED_DATA,
    Answered,
    ConnectionClosed,
    ContentReceived,
    DialectAnswer,
    DialectClient,
    Finished,
)
from sync_core.protocol.dialect.messages import Contents
from sync_core.protocol.dialect.preface import PREFACE
from sync_core.protocol.dialect.pull import Pull
from sync_core.protocol.dialect.states import ClientState

__all__ = ["DialectSpeaker"]

_VERSION = "1.3.12 (jsync 0.2.0)"
_INVITED = b'<ok jsync="2"/>'


class DialectSpeaker(Speaker):
    """Registers as a JobScheduler would, sends the preface, and checks: asks for folders and contents that are new."""

    _trees: ClassVar[dict[bytes, Folder]] = {}
    """By digest: what many slaves have lies in this process once."""

    def __init__(self, number: int, port: int) -> None:
        super().__init__(number, port)
        self._classic = bytearray()
        self._client = DialectClient()
        self._tree = EMPTY_FOLDER
        self._pull = Pull()
        self._inline: Verifier | None = None
        self._came: set[bytes] = set()
        self._fetch: Fetch | None = None

    def begin(self) -> bytes:
        """Return the registration of a jsync slave."""
        return self.registration(_VERSION)

    def receive(self, block: bytes) -> bytes:
        """Take what came and return what to ask."""
        if not self.is_registered:
            return self._begun(block)
        self._client.receive_data(block)
        to_send = bytearray()
        while (event := self._client.next_event()) is not NEED_DATA:
            to_send += self._take(event)
        return bytes(to_send)

    def holds(self, name: str, md5: str) -> bool:
        """Whether a file at the root has this content; what is held was verified."""
        file = get(self._tree, RelPath(name))
        return isinstance(file, File) and file.md5 == md5

    def _begun(self, block: bytes) -> bytes:
        self._classic += block
        if not self._classic.endswith(b"\0"):
            return b""
        if _INVITED not in self._classic:
            raise ValueError(f"the master does not speak the dialect: {bytes(self._classic)!r}")
        self.is_registered = True
        return PREFACE + self.check()

    def _check(self) -> bytes:
        self._pull = Pull(self._tree, has=self._tree.digest)
        self._fetch, self._inline = None, None
        self._came.clear()
        return self._client.ask(self._pull.start())

    def _take(self, event: DialectAnswer) -> bytes:
        match event:
            case Answered(request=request, answer=answer) if not isinstance(request, Contents):
                self._pull.receive(answer)
            case ContentReceived():
                self._verify(event)
            case Finished(request=request):
                if not isinstance(request, Contents):
                    self._pull.finished(request)
                return self._go_on()
            case ConnectionClosed():
                raise ValueError("the master has closed the connection")
        return b""

    def _verify(self, event: ContentReceived) -> None:
        if isinstance(event.request, Contents):
            assert self._fetch is not None
            self._fetch.take(event.request.files[event.index].sha256, event.offset, event.data)
            return
        content = self._pull.inline[event.index]
        self._inline = self._inline or Verifier(content.sha256, content.size_bytes)
        if self._inline.take(event.offset, event.data):
            self._came.add(content.sha256)
            self._inline = None

    def _go_on(self) -> bytes:
        """Return what to ask next: folders, then contents; with all there, the check is over."""
        to_send = bytearray()
        while self._client.can_ask and (request := self._pull.next_request()) is not None:
            to_send += self._client.ask(request)
        wanted = self._pull.wanted
        if wanted is None:
            return bytes(to_send)
        if self._fetch is None:
            self._fetch = Fetch(self._tree, wanted, frozenset(self._came))
        while self._client.can_ask and (contents := self._fetch.next_request()) is not None:
            to_send += self._client.ask(contents)
        if self._client.state is not ClientState.IDLE:
            return bytes(to_send)
        return self._over(wanted, is_complete=self._fetch.is_complete)

    def _over(self, wanted: Folder, *, is_complete: bool) -> bytes:
        """End the check; after one that brought something another one follows: so the master learns of it."""
        if is_complete and wanted.digest != self._tree.digest:
            self._tree = self._trees.setdefault(wanted.digest, wanted)
            self.want_check()
        return self.checked()
