"""What is answered in our own dialect (``docs/protocol-dialect.md``): what is new, folders, contents.

One value per connection: the tree that was offered last, of which alone can be asked. What many peers need is built
once, and nothing large is built or read in the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Final, Protocol

from sync_core.agent.answers import refusal
from sync_core.agent.file_contents import Piece
from sync_core.agent.shared_answers import Built, SharedAnswers
from sync_core.model.errors import JsyncError
from sync_core.model.file import File
from sync_core.model.folder import Folder
from sync_core.model.path import RelPath, name_bytes
from sync_core.model.security import Level
from sync_core.net.dialect_server import serve_dialect
from sync_core.net.server import Connection, ServerLimits
from sync_core.protocol.dialect.codec import message_frame, request_digest
from sync_core.protocol.dialect.contents import OfferedPiece, offered_pieces
from sync_core.protocol.dialect.delta import delta, edits_to_wire, files_of
from sync_core.protocol.dialect.frames import content_frames
from sync_core.protocol.dialect.limits import MAX_FRAME_BYTES, MAX_INLINE_BYTES
from sync_core.protocol.dialect.listing import listings
from sync_core.protocol.dialect.messages import (
    MOVED,
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
)
from sync_core.protocol.dialect.server import DialectServer
from sync_core.protocol.texts import text

__all__ = ["Checked", "DialectAnswers", "Offer", "Offers"]

_FEW_FILES: Final = 64
_INLINE_FILE_BYTES: Final = 1 << 16
"""A larger content is asked for when it is wanted: the slave may have it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The tree that was offered last on a connection.

    Attributes:
        tree: it.
        place_of: where a file of it lies, for ``read``.
        own: for those who look at a master: the slave's own folder.
        is_look: whether it was asked for by ``look``: marks are told, contents only to those who may register.
        is_list: whether contents are told to nobody.
    """

    tree: Folder
    place_of: Callable[[RelPath], RelPath]
    own: Folder | None = None
    is_look: bool = False
    is_list: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check is answered with.

    Attributes:
        offer: the newest tree.
        known: the tree that the slave knows; ``None`` where its digest is none that is known here.
    """

    offer: Offer
    known: Folder | None


class Offers(Protocol):
    """What an agent has to offer."""

    async def look(self, connection: Connection, slave: str | None) -> Offer:
        """Return what is offered to one who looks; its errors are told."""

    async def check(self, connection: Connection, request: Check, before: Folder | None) -> Checked:
        """Return what is offered to a slave that was offered ``before`` last; its errors are told."""

    def kept(self, file: File) -> bytes | None:
        """Return a content without any reading, if it is at hand."""

    def read(self, pieces: Sequence[Piece]) -> list[bytes | None]:
        """Return pieces of contents; blocks."""


class DialectAnswers:
    """Answers the requests of all connections of one agent.

    Args:
        offers: what it has to offer.
        limits: what one connection may cost.
    """

    def __init__(self, offers: Offers, *, limits: ServerLimits | None = None) -> None:
        self._offers = offers
        self._limits = limits or ServerLimits()
        self._offered: dict[Connection, Offer] = {}
        self._shared = SharedAnswers()

    async def serve(
        self, connection: Connection, received: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve the rest of a connection on which the dialect begins (``net.server``)."""
        try:
            await serve_dialect(connection, received, reader, writer, handler=self._answer, limits=self._limits)
        finally:
            self._offered.pop(connection, None)

    async def _answer(self, connection: Connection, session: DialectServer, request: Request) -> AsyncIterator[bytes]:
        """Give the answer to one request, in as many writes as it takes."""
        try:
            match request:
                case Check():
                    yield await self._check(connection, session, request)
                case Look():
                    yield await self._look(connection, session, request)
                case Folders():
                    offer = self._offered.get(connection)
                    if offer is None:
                        yield session.answer(Error(code=MOVED))
                        return
                    messages = listings(offer.tree, request.folders, with_marks=offer.is_look, own=offer.own)
                    await connection.reserve(MAX_FRAME_BYTES)
                    for message in messages:
                        yield session.answer(message)
                        await asyncio.sleep(0)
                        await connection.reserve(MAX_FRAME_BYTES)
                case Contents():
                    yield await self._contents(connection, session, request)
        except JsyncError as error:
            yield session.answer(_refused(error))

    async def _look(self, connection: Connection, session: DialectServer, request: Look) -> bytes:
        offer = self._offered[connection] = await self._offers.look(connection, request.slave)
        return session.answer(_root(offer.tree))

    async def _check(self, connection: Connection, session: DialectServer, request: Check) -> bytes:
        before = self._offered.get(connection)
        checked = await self._offers.check(connection, request, None if before is None else before.tree)
        offer = self._offered[connection] = checked.offer
        tree, known = offer.tree, checked.known
        if request.known == tree.digest:
            return session.answer(Same())
        if known is None:
            return session.answer(_root(tree))
        await connection.reserve(2 * MAX_INLINE_BYTES)
        if offer.own is not None and offer.own.children:  # nobody else asks for that: it would only fill the memory
            return session.answer_encoded((await self._what_leads_on(known, offer)).data)
        key = ("delta", known.digest, tree.digest)
        return session.answer_encoded(await self._shared.get(key, lambda: self._what_leads_on(known, offer)))

    async def _what_leads_on(self, known: Folder, offer: Offer) -> Built:
        """Return what leads from one tree to another, with small contents; where that is too much, the root."""
        edits = delta(known, offer.tree)
        if edits is None:
            return Built(message_frame(_root(offer.tree)))
        wire = edits_to_wire(edits)
        chosen: list[tuple[int, RelPath, File]] = []
        room = MAX_INLINE_BYTES
        for index, (path, record) in enumerate(files_of(wire)):
            file = edits[path]
            size_bytes = record.size or 0
            if isinstance(file, File) and file.sha256 is not None and size_bytes <= min(room, _INLINE_FILE_BYTES):
                chosen.append((index, path, file))
                room -= size_bytes
        contents = await self._read([(offer.place_of(path), file) for _, path, file in chosen])
        there = [
            (index, content) for (index, _, _), content in zip(chosen, contents, strict=True) if content is not None
        ]
        inline = tuple(Inline(index, len(content)) for index, content in there)
        message = Delta(base=known.digest, to=offer.tree.digest, edits=wire, inline=inline)
        data = b"".join(content for _, content in there)
        return Built(content_frames(data, head=message_frame(message)))

    async def _read(self, files: Sequence[tuple[RelPath, File]]) -> list[bytes | None]:
        """Return whole contents; what is at hand costs no thread."""
        at_hand = [self._offers.kept(file) for _, file in files]
        if None not in at_hand:
            return at_hand
        pieces = [Piece(path, file, 0, file.size_bytes or 0) for path, file in files]
        return await asyncio.to_thread(self._offers.read, pieces)

    async def _contents(self, connection: Connection, session: DialectServer, request: Contents) -> bytes:
        offer = self._offered.get(connection)
        if offer is None:
            return session.answer(Error(code=MOVED))
        if offer.is_list or (offer.is_look and connection.level < Level.NO_ADD):
            return session.answer(_error("SCHEDULER-121"))
        look_up = partial(_pieces_and_key, offer, request)
        pieces, key = await asyncio.to_thread(look_up) if len(request.files) > _FEW_FILES else look_up()
        await connection.reserve(sum(piece.length for piece in pieces if piece is not None))
        compresses = not connection.peer_ip.is_loopback  # on the same machine it only costs time
        return session.answer_encoded(
            await self._shared.get(
                ("contents", key, compresses),
                lambda: asyncio.to_thread(self._bundle, offer, pieces, compresses=compresses),
            )
        )

    def _bundle(self, offer: Offer, pieces: Sequence[OfferedPiece | None], *, compresses: bool) -> Built:
        there = [piece for piece in pieces if piece is not None]
        read = iter(self._offers.read([Piece(offer.place_of(p.path), p.file, p.offset, p.length) for p in there]))
        contents = [None if piece is None else next(read) for piece in pieces]
        head = message_frame(Bundle(sizes=tuple(-1 if content is None else len(content) for content in contents)))
        data = b"".join(content for content in contents if content)
        # What can't be had now may be there again when it is asked for next.
        is_lasting = all(piece is None or content is not None for piece, content in zip(pieces, contents, strict=True))
        return Built(content_frames(data, head=head, compresses=compresses), is_lasting)


def _pieces_and_key(offer: Offer, request: Contents) -> tuple[list[OfferedPiece | None], bytes]:
    """Return what is asked for, and what says in few bytes which contents these are, and where they lie."""
    pieces = offered_pieces(offer.tree, request)
    key = sha256(request_digest(request))
    for piece in pieces:
        key.update(b"" if piece is None else name_bytes(offer.place_of(piece.path)))
        key.update(b"\0")
    return pieces, key.digest()


def _root(tree: Folder) -> Root:
    totals = tree.totals
    return Root(
        digest=tree.digest,
        files=totals.files,
        folders=totals.folders,
        settling=totals.settling,
        unreadable=totals.unreadable,
        unknown=totals.unknown,
    )


def _error(code: str, *insertions: str) -> Error:
    return Error(code=code, text=text(code, *insertions))


def _refused(error: JsyncError) -> Error:
    told = refusal(error)
    return Error(code=told.code, text=told.text[:1000])
