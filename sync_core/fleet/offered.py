"""A tree that an agent offers to one who looks, and what can be asked of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Protocol

from sync_core.fleet.file_list import FileList, Source
from sync_core.model.errors import RemoteProtocolError
from sync_core.model.file import File
from sync_core.model.inventory import Host
from sync_core.model.path import RelPath
from sync_core.net.dialect_client import DialectConnection
from sync_core.protocol.dialect.contents import WantedContent, windows
from sync_core.protocol.dialect.events import Answered, ContentReceived, Finished
from sync_core.protocol.dialect.messages import Answer, Contents, Look, Request, Root, check_refusal
from sync_core.protocol.dialect.names import path_of
from sync_core.protocol.dialect.pull import Pull

__all__ = ["Offered"]


class _Asking(Protocol):
    """What says what to ask next, and takes what comes: a pull, or a half of two trees."""

    def next_request(self) -> Request | None: ...

    def receive(self, answer: Answer) -> None: ...

    def finished(self, request: Request) -> None: ...


class Offered:
    """One connection on which a tree was offered; made by ``look``.

    Attributes:
        host: whose.
        slave: of a master: for which slave.
        root: the digest of the tree, and what is in it.
    """

    def __init__(
        self, connection: DialectConnection, host: Host, slave: Host | None, *, pull: Pull, timeout_s: float
    ) -> None:
        assert pull.root is not None, "a look was answered"  # noqa: S101 - narrows the type
        self.host = host
        self.slave = slave
        self.root: Root = pull.root
        self._connection = connection
        self._pull = pull
        self._timeout_s = timeout_s

    @classmethod
    async def look(
        cls, connection: DialectConnection, host: Host, slave: Host | None, *, answer_timeout_s: float
    ) -> Offered:
        """Ask what there is.

        Args:
            connection: on which the preface may be sent.
            host: who answers there.
            slave: of a master: for which slave.
            answer_timeout_s: the longest time in which no byte moves.

        Raises:
            RemoteRefusalError: it does not want to say.
            RemoteProtocolError: its answer makes no sense.
            UnreachableError: the connection broke, or nothing moved for so long.
        """
        pull = Pull(look=Look(slave=None if slave is None else slave.name))
        waiting: deque[Request] = deque([pull.start()])
        await connection.send(waiting[0], timeout_s=answer_timeout_s)
        await _take(connection, waiting, pull, timeout_s=answer_timeout_s)
        if pull.root is None:
            raise RemoteProtocolError("the agent does not say what it has")
        return cls(connection, host, slave, pull=pull, timeout_s=answer_timeout_s)

    async def whole(self) -> FileList:
        """Return all of it, and close; raises what ``look`` raises."""
        try:
            await self.ask(self._pull)
        finally:
            await self.close()
        if self._pull.wanted is None:
            raise RemoteProtocolError("the agent does not say all that it has")
        own = None if self.slave is None else self._pull.own
        return FileList(host=self.host, slave=self.slave, source=Source.AGENT, tree=self._pull.wanted, own=own)

    async def ask(self, asking: _Asking) -> None:
        """Ask and take answers until there is nothing more to ask; raises what ``look`` raises."""
        waiting: deque[Request] = deque()
        while True:
            while self._connection.can_ask and (request := asking.next_request()) is not None:
                waiting.append(request)
                await self._connection.send(request, timeout_s=self._timeout_s)
            if not waiting:
                return
            await _take(self._connection, waiting, asking, timeout_s=self._timeout_s)

    async def contents(self, files: Mapping[RelPath, File]) -> dict[RelPath, bytes]:
        """Return contents of files, each by its SHA-256 and size; those that can't be had are left out.

        Raises:
            JsyncError: as ``look``.
        """
        asking = _ContentsAsked(files)
        await self.ask(asking)
        return asking.whole()

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


class _ContentsAsked:
    """Asks for contents window by window."""

    def __init__(self, files: Mapping[RelPath, File]) -> None:
        self._files = {path: file for path, file in files.items() if file.sha256 is not None}
        self._windows = windows(
            WantedContent(path, file.sha256, file.size_bytes or 0)
            for path, file in self._files.items()
            if file.sha256 is not None
        )
        self._found: dict[RelPath, bytearray] = {}

    def next_request(self) -> Contents | None:
        return next(self._windows, None)

    def receive(self, answer: Answer) -> None:
        check_refusal(answer)

    def take(self, part: ContentReceived) -> None:
        if isinstance(part.request, Contents):
            path = path_of(part.request.files[part.index].path)
            self._found.setdefault(path, bytearray()).extend(part.data)

    def finished(self, request: Request) -> None:
        pass

    def whole(self) -> dict[RelPath, bytes]:
        """Return what came in full."""
        return {
            path: bytes(content)
            for path, content in self._found.items()
            if len(content) == (self._files[path].size_bytes or 0)
        }


async def _take(connection: DialectConnection, waiting: deque[Request], asking: _Asking, *, timeout_s: float) -> None:
    """Take answers until one of those that are due is complete."""
    while True:
        match await connection.next_part(timeout_s=timeout_s):
            case Answered(answer=answer):
                asking.receive(answer)
            case ContentReceived() as part:
                if isinstance(asking, _ContentsAsked):
                    asking.take(part)
            case Finished(request=request):
                waiting.popleft()
                asking.finished(request)
                return
