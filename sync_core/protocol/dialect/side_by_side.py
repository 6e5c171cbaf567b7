"""Two trees, looked at side by side: level by level, and only where their digests differ."""

from __future__ import annotations

from sync_core.model.errors import RemoteProtocolError
from sync_core.model.folder import Folder, unlisted
from sync_core.protocol.dialect.drafts import LedTree
from sync_core.protocol.dialect.messages import Answer, Folders, Listing, Request, check_refusal

__all__ = ["SideBySide", "TreeHalf"]


class TreeHalf:
    """One of the two: ``digest`` of its root, what is asked for it, and the ``tree`` as far as it came."""

    def __init__(self, digest: bytes) -> None:
        self.digest = digest
        self.tree = LedTree(digest)

    def next_request(self) -> Folders | None:
        """Return what to ask next; ``None``: all that is wanted was asked for."""
        return self.tree.next_request()

    def receive(self, answer: Answer) -> None:
        """Take a message of an answer.

        ``RemoteRefusalError``: the peer does not want to. ``RemoteProtocolError``: it contradicts itself.
        """
        check_refusal(answer)
        for part in answer.parts if isinstance(answer, Listing) else ():
            if not self.tree.receive(part):
                raise RemoteProtocolError(f"the folder {part.path!r} is gone though it was offered")

    def finished(self, request: Request) -> None:
        """Note that an answer is complete; ``RemoteProtocolError``: something of it is missing."""
        if isinstance(request, Folders) and self.tree.lose(request):
            raise RemoteProtocolError("the peer does not send what it has offered")


class SideBySide:
    """What two peers have, as far as it is not alike; made of the digests of both roots.

    Whoever drives it says ``go_on``, and asks both halves for what they want, until that is false.
    """

    def __init__(self, ours: bytes, theirs: bytes) -> None:
        self.ours = TreeHalf(ours)
        self.theirs = TreeHalf(theirs)
        self._level: list[bytes] | None = None

    def go_on(self) -> bool:
        """Want what is next: folders that both have and that differ, and all of those that one has; ``False``: none.

        Both must have given all that was wanted before.
        """
        if self._level is None:
            self._level = [b""]
            return self.ours.digest != self.theirs.digest
        ours, theirs = self.ours.tree, self.theirs.tree
        level, self._level = self._level, []
        for path in level:
            here, there = ours.folders_in(path), theirs.folders_in(path)
            self._level += ours.go_below(path, there)
            theirs.go_below(path, here)
        return ours.is_asking or theirs.is_asking

    def trees(self) -> tuple[Folder, Folder, Folder]:
        """Return our tree, theirs, and what of ours is the slave's own; what is alike is ``unlisted`` in both.

        ``RemoteProtocolError``: a folder did not come.
        """
        ours, theirs = self.ours.tree.wanted, self.theirs.tree.wanted
        if self.ours.digest == self.theirs.digest:
            ours = theirs = unlisted(self.ours.digest)
        if ours is None or theirs is None:
            raise RemoteProtocolError("the peer does not send what it has offered")
        return ours, theirs, self.ours.tree.own
