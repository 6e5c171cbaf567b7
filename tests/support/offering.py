"""An agent that offers a tree in our own dialect over loopback, and those who ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from sync_core.agent.dialect_answers import Checked, DialectAnswers, Offer
from sync_core.agent.file_contents import Piece
from sync_core.model.errors import JsyncError
from sync_core.model.file import File, sha256_of
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.model.security import Level
from sync_core.net.client import CommandClient
from sync_core.net.dialect_client import AnswerPart, DialectConnection
from sync_core.net.server import CommandServer, Connection, Traffic
from sync_core.protocol.dialect.client import Finished
from sync_core.protocol.dialect.history import History
from sync_core.protocol.dialect.messages import Check, Request
from sync_core.protocol.messages import OkAnswer, OpenDialect
from sync_core.protocol.messages import Request as ClassicRequest
from tests.support.agents import ANSWER_TIME
from tests.support.folders import a_tree
from tests.support.net import LOCALHOST

__all__ = ["OfferingAgent", "asked"]


class OfferingAgent:
    """Offers what a test says: files by path.

    Args:
        files: the first tree.
        level: what its peers may do.

    Attributes:
        tree: that it offers now.
        contents: that it can hand out, by SHA-256.
        has: what the checks said that the slave has.
        reads: which pieces were read: path and offset.
        on_read: called on a thread before each piece is read.
        refusal: what is raised instead of an offer.
    """

    def __init__(self, files: Mapping[str, bytes | None], *, level: Level = Level.ALL) -> None:
        self.contents: dict[bytes, bytes] = {}
        self.has: list[bytes | None] = []
        self.reads: list[tuple[str, int]] = []
        self.on_read: Callable[[str, int], None] = lambda path, offset: None
        self.refusal: JsyncError | None = None
        self._history = History(most_trees=8)
        self._server = CommandServer(
            listen="127.0.0.1",
            port=0,
            handler=self._handle,
            level_of=lambda _: level,
            answer_time=lambda: ANSWER_TIME,
            serve_dialect=DialectAnswers(self).serve,
        )
        self.wake_keys: list[bytes | None] = []
        self.tree: Folder = EMPTY_FOLDER
        self.offer(files)

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def traffic(self) -> Traffic:
        """What its connections have in memory; there must be one."""
        return self._server.connections[0].traffic

    def offer(self, files: Mapping[str, bytes | None]) -> Folder:
        """Offer another tree, and be able to hand out its contents."""
        self.tree = a_tree(dict(files))
        self.contents.update((sha256_of(content), content) for content in files.values() if content is not None)
        return self.tree

    def withhold(self, content: bytes) -> None:
        """Be no longer able to hand out a content."""
        del self.contents[sha256_of(content)]

    def drop_all(self) -> None:
        """Close every connection."""
        for connection in self._server.connections:
            connection.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[OfferingAgent]:
        await self._server.start()
        try:
            yield self
        finally:
            await self._server.close()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[DialectConnection]:
        """Give a connection to it on which the dialect may begin."""
        client = await CommandClient.connect(LOCALHOST, self.port, timeout_s=5)
        await client.ask(OpenDialect(), timeout_s=5)
        connection = await DialectConnection.take_over(client)
        try:
            yield connection
        finally:
            await connection.close()

    async def look(self, connection: Connection, slave: str | None) -> Offer:
        if self.refusal is not None:
            raise self.refusal
        return Offer(tree=self.tree, place_of=lambda path: path, is_look=True)

    async def check(self, connection: Connection, request: Check, before: Folder | None) -> Checked:
        if self.refusal is not None:
            raise self.refusal
        self.has.append(request.has)
        self.wake_keys.append(request.wake_key)
        self._history.offer(self.tree)
        known = None if request.known is None else self._history.get(request.known)
        if request.known == EMPTY_FOLDER.digest:
            known = EMPTY_FOLDER
        return Checked(offer=Offer(tree=self.tree, place_of=lambda path: path), known=known)

    def kept(self, file: File) -> bytes | None:
        return None

    def read(self, pieces: Sequence[Piece]) -> list[bytes | None]:
        return [self._read(piece) for piece in pieces]

    def _read(self, piece: Piece) -> bytes | None:
        self.reads.append((piece.path, piece.offset))
        self.on_read(piece.path, piece.offset)
        content = self.contents.get(piece.file.sha256 or b"")
        return None if content is None else content[piece.offset : piece.offset + piece.length]

    async def _handle(self, _: Connection, request: ClassicRequest) -> OkAnswer:
        return OkAnswer(jsync=2)


async def asked(connection: DialectConnection, request: Request) -> list[AnswerPart]:
    """Ask and return all that comes, without the end."""
    await connection.send(request, timeout_s=5)
    parts: list[AnswerPart] = []
    while not isinstance(part := await connection.next_part(timeout_s=5), Finished):
        parts.append(part)
    return parts
