"""How one who asks comes to the newest tree: what to ask next, and what comes of the answers.

No bytes and no clock: whoever drives it sends ``start()``, gives it every ``Answered`` and ``Finished``, and sends what
``next_request`` says while the session lets it, until ``wanted`` is there. A connection that broke costs what was under
way: ``start()`` begins again with all folders that had come.
"""

from __future__ import annotations

from typing import Final

from sync_core.model.edit import edited
from sync_core.model.errors import LocalProtocolError, RemoteProtocolError
from sync_core.model.folder import EMPTY_FOLDER, Folder
from sync_core.protocol.dialect.contents import WantedContent
from sync_core.protocol.dialect.delta import edits_of, files_of
from sync_core.protocol.dialect.drafts import DraftTree, KnownFolders
from sync_core.protocol.dialect.messages import (
    MOVED,
    Answer,
    Bundle,
    Check,
    Delta,
    Error,
    Folders,
    Listing,
    Look,
    Request,
    Root,
    Same,
    check_refusal,
)

__all__ = ["Pull"]

_MOST_TRIES: Final = 8
"""How often the same is asked again, and how often a tree is begun again, before the peer is given up."""


class Pull:
    """The way from a known tree to the newest.

    Args:
        known: the tree that was last worked towards; for those who look, what the other tree is compared with.
        has: the digest of the tree that is there now; ``None`` where that is not known.
        look: what to ask instead of a check. Files keep their marks then, and layers are told, as far as folders come:
            where nothing is held back, those that are known do not.

    Attributes:
        wanted: the newest tree, once it is known; the very same folders as in the known one where they are equal.
        inline: the contents that ride along with the answer to the check, as ``ContentReceived.index`` counts them.
        root: what was offered last, with its counts.
    """

    def __init__(
        self,
        known: Folder = EMPTY_FOLDER,
        *,
        has: bytes | None = None,
        wake_key: bytes | None = None,
        look: Look | None = None,
    ) -> None:
        self._known = known
        self._has = has
        self._wake_key = wake_key
        self._look = look
        self._folders = KnownFolders(known)
        self._tree: DraftTree | None = None
        self._is_first_due = True
        self._trusts_delta = True
        self._beginnings = 0
        self._losses = 0
        self.wanted: Folder | None = None
        self.inline: tuple[WantedContent, ...] = ()
        self.root: Root | None = None

    @property
    def own(self) -> Folder:
        """For those who look at a master: what comes from the slave's own folder, as far as folders came."""
        return EMPTY_FOLDER if self._tree is None else self._tree.own

    def start(self) -> Check | Look:
        """Return the first request on a connection; what is under way on another one is void."""
        self._tree, self.wanted, self.inline = None, None, ()
        self._is_first_due = False
        return self._first()

    def next_request(self) -> Request | None:
        """Return what to ask next; ``None``: nothing before something comes, or nothing any more."""
        if self.wanted is not None:
            return None
        if self._is_first_due:
            self._is_first_due = False
            return self._first()
        return None if self._tree is None else self._tree.next_request()

    def receive(self, answer: Answer) -> None:
        """Take a message of an answer; doubled ones and those of requests that are void change nothing.

        Raises:
            RemoteProtocolError: the peer contradicts itself, or its tree is too large: begin anew with another pull.
            RemoteRefusalError: it does not want to.
        """
        match answer:
            case _ if self.wanted is not None:
                return
            case Same():
                self._stay()
            case Delta():
                self._apply(answer)
            case Root():
                self._walk(answer)
            case Listing(parts=parts):
                for part in parts:
                    if self._tree is not None and not self._tree.receive(part):
                        self._begin_again()
                self.wanted = None if self._tree is None else self._tree.wanted
            case Error(code=code) if code == MOVED:
                self._begin_again()
            case Bundle():
                raise LocalProtocolError("a pull asks for no contents")
            case _:
                check_refusal(answer)

    def finished(self, request: Request) -> None:
        """Note that the answer to a request is complete: what is missing of it is asked for again.

        ``RemoteProtocolError``: that happened too often.
        """
        if self.wanted is not None:
            return
        if isinstance(request, (Check, Look)):
            is_lost = self._tree is None and not self._is_first_due
            self._is_first_due |= is_lost
        else:
            is_lost = isinstance(request, Folders) and self._tree is not None and self._tree.lose(request)
        self._losses = self._losses + 1 if is_lost else 0
        if self._losses > _MOST_TRIES:
            raise RemoteProtocolError("the peer does not send what it has offered")

    def _first(self) -> Check | Look:
        if self._look is not None:
            return self._look
        known = self._known.digest if self._trusts_delta else None
        return Check(known=known, has=self._has, wake_key=self._wake_key)

    def _stay(self) -> None:
        if not self._trusts_delta or self._look is not None:
            raise RemoteProtocolError("the peer says that nothing is new to one who knows nothing")
        self.wanted = self._known

    def _apply(self, answer: Delta) -> None:
        if self._tree is not None:
            return
        edits = edits_of(answer.edits)
        self.inline = _inline(answer)
        after = edited(self._known, edits)
        if answer.base == self._known.digest and after.digest == answer.to:
            self.wanted = after
            return
        self._trusts_delta = False
        self._begin_again()

    def _walk(self, root: Root) -> None:
        if self._tree is not None and self.root is not None and self.root.digest == root.digest:
            return
        self.root = root
        self._is_first_due = False
        is_look = self._look is not None
        known, folders = self._known, self._folders
        if is_look and (root.settling or root.unreadable or root.unknown):
            # A digest says nothing of what settles or can't be read: what is known would show none of it.
            known, folders = EMPTY_FOLDER, KnownFolders()
        self.wanted = folders.find(root.digest, known)
        if self.wanted is None:
            self._tree = DraftTree(root.digest, known=known, folders=folders, keeps_marks=is_look)

    def _begin_again(self) -> None:
        self._tree = None
        self._is_first_due = True
        self._beginnings += 1
        if self._beginnings > _MOST_TRIES:
            raise RemoteProtocolError("the peer has another tree each time that it is asked")


def _inline(answer: Delta) -> tuple[WantedContent, ...]:
    files = files_of(answer.edits)
    found = []
    for item in answer.inline:
        path, record = files[item.file]
        if record.sha256 is None or record.size != item.size:
            raise RemoteProtocolError(f"the content of {path!r} that rides along is none that was offered")
        found.append(WantedContent(path, record.sha256, item.size))
    return tuple(found)
