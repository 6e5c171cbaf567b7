"""A master that speaks the dialect from memory, and a pretend wire that joins both ends and cuts what it carries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sync_core.model.file import sha256_of
from sync_core.model.folder import Folder
from sync_core.protocol.dialect.client import (
    NEED_DATA,
    ConnectionClosed,
    ContentReceived,
    DialectAnswer,
    DialectClient,
)
from sync_core.protocol.dialect.contents import offered_pieces
from sync_core.protocol.dialect.delta import delta, edits_to_wire, files_of
from sync_core.protocol.dialect.history import History
from sync_core.protocol.dialect.listing import listings
from sync_core.protocol.dialect.messages import (
    MOVED,
    Answer,
    Bundle,
    Check,
    Contents,
    Delta,
    Error,
    Folders,
    Inline,
    Look,
    Request,
    Root,
    Same,
    Unknown,
    announced_sizes,
)
from sync_core.protocol.dialect.server import Asked, DialectServer
from tests.support.wire import Splitter, whole

ReadContent = Callable[[bytes], bytes]


@dataclass(slots=True)
class PretendMaster:
    """Answers like a master.

    Attributes:
        newest: the tree that it offers.
        read: returns the content with this SHA-256.
        history: trees that it knows; it can lead on from these.
        rides_along: whether contents come with a delta.
        offered: the tree that was offered last on this connection; a new connection begins with ``None``.
    """

    newest: Folder
    read: ReadContent
    history: History = field(default_factory=lambda: History(most_trees=8))
    rides_along: bool = True
    offered: Folder | None = None

    def answers(self, request: Request | Unknown) -> Iterator[tuple[Answer, bytes]]:
        """Give the messages of the answer, each with the contents that follow it."""
        match request:
            case Unknown():
                yield request, b""
            case Check(known=known):
                yield self._check(known)
            case Look():
                self.offered = self.newest
                yield Root(digest=self.newest.digest), b""
            case _ if self.offered is None:
                yield Error(code=MOVED), b""
            case Folders(folders=folders):
                for listing in listings(self.offered, folders):
                    yield listing, b""
            case Contents():
                pieces = offered_pieces(self.offered, request)
                found = [
                    b"" if piece is None else self.read(piece.file.sha256 or b"")[piece.offset :][: piece.length]
                    for piece in pieces
                ]
                sizes = (-1 if piece is None else piece.length for piece in pieces)
                yield Bundle(sizes=tuple(sizes)), b"".join(found)

    def _check(self, known: bytes | None) -> tuple[Answer, bytes]:
        base = None if known is None else self.history.get(known)
        self.history.offer(self.newest)
        self.offered = self.newest
        if known == self.newest.digest:
            return Same(), b""
        edits = None if base is None else delta(base, self.newest)
        if base is None or edits is None:
            return Root(digest=self.newest.digest), b""
        wire = edits_to_wire(edits)
        held = [
            (number, self.read(record.sha256))
            for number, (_, record) in enumerate(files_of(wire))
            if record.sha256 is not None and self.rides_along
        ]
        inline = tuple(Inline(number, len(content)) for number, content in held)
        answer = Delta(base=base.digest, to=self.newest.digest, edits=wire, inline=inline)
        return answer, b"".join(content for _, content in held)


class DialectWire:
    """Both ends of one connection after the preface.

    Args:
        master: makes the answers.
        split: how the wire cuts what goes over it, in both directions.
    """

    def __init__(self, master: PretendMaster, *, split: Splitter = whole) -> None:
        self.client = DialectClient()
        self.server = DialectServer()
        self.sent_bytes = 0
        self._master = master
        self._split = split

    def carry(self, data: bytes) -> list[DialectAnswer]:
        """Carry bytes to the master and back what it says; return what the end that asks reports."""
        events: list[DialectAnswer] = []
        for piece in self._split(data):
            self.server.receive_data(piece)
            while isinstance(event := self.server.next_event(), Asked):
                for answer, content in self._master.answers(event.request):
                    events += self._back(self.server.answer(answer))
                    if sum(announced_sizes(answer)) > 0:
                        events += self._back(self.server.contents(content))
        return events

    def _back(self, data: bytes) -> list[DialectAnswer]:
        self.sent_bytes += len(data)
        events: list[DialectAnswer] = []
        for piece in self._split(data):
            self.client.receive_data(piece)
            events += drain(self.client)
        return events


def drain(client: DialectClient) -> list[DialectAnswer]:
    """Return everything that the end that asks has to report."""
    events: list[DialectAnswer] = []
    while (event := client.next_event()) is not NEED_DATA:
        events.append(event)
        if isinstance(event, ConnectionClosed):
            break
    return events


def joined(events: list[DialectAnswer]) -> list[DialectAnswer]:
    """Return events with neighbouring pieces of one content made one: how a wire cuts contents means nothing."""
    result: list[DialectAnswer] = []
    for given in events:
        event = given
        last = result[-1] if result else None
        if isinstance(event, ContentReceived) and isinstance(last, ContentReceived) and not last.is_last:
            assert (event.request, event.index, event.offset) == (
                last.request,
                last.index,
                last.offset + len(last.data),
            )
            event = ContentReceived(
                request=event.request,
                index=event.index,
                offset=last.offset,
                data=last.data + event.data,
                is_last=event.is_last,
            )
            result.pop()
        result.append(event)
    return result


def contents_of(events: list[DialectAnswer]) -> dict[bytes, bytes]:
    """Return what came, by SHA-256."""
    found: dict[object, bytearray] = {}
    for event in events:
        if isinstance(event, ContentReceived):
            request = event.request
            key = request.files[event.index].path if isinstance(request, Contents) else event.index
            content = found.setdefault(key, bytearray())
            assert event.offset == len(content)
            content += event.data
    return {sha256_of(bytes(content)): bytes(content) for content in found.values()}
