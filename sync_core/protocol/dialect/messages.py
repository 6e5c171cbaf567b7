"""The messages of the dialect as values: what may be asked, and what is answered (``docs/protocol-dialect.md``).

A message is a map whose ``t`` says which it is; records that come by the thousand are arrays. Fields that a peer does
not know are passed over, so that a later version can say more. All bounds are checked before anything is made of what
came: msgspec refuses a list by the length that it announces.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from sync_core.model.digest import DIGEST_BYTES
from sync_core.model.errors import RemoteRefusalError
from sync_core.protocol.dialect.limits import (
    MAX_ENTRIES,
    MAX_ITEMS,
    MAX_NAME_BYTES,
    MAX_PATH_BYTES,
    MAX_TEXT_CHARACTERS,
    MAX_WINDOW_BYTES,
)
from sync_core.protocol.proof import KEY_BYTES

__all__ = [
    "MOVED",
    "Answer",
    "Bundle",
    "Check",
    "ContentAsked",
    "Contents",
    "Delta",
    "Error",
    "FileRecord",
    "FolderAsked",
    "FolderEdit",
    "FolderPart",
    "FolderRecord",
    "Folders",
    "Inline",
    "Listing",
    "Look",
    "Request",
    "Root",
    "Same",
    "Unknown",
    "announced_sizes",
    "check_refusal",
]

MOVED = "moved"
"""The code of an ``Error`` that says: ask for the root again, none was offered on this connection."""

_Digest = Annotated[bytes, Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
_Md5 = Annotated[bytes, Meta(min_length=16, max_length=16)]
_WakeKey = Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
_Name = Annotated[bytes, Meta(min_length=1, max_length=MAX_NAME_BYTES)]
_Path = Annotated[bytes, Meta(max_length=MAX_PATH_BYTES)]
_Text = Annotated[str, Meta(max_length=MAX_TEXT_CHARACTERS)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Time = Annotated[int, Meta(ge=-(2**63) + 1, le=2**63 - 1)]
_Mode = Annotated[int, Meta(ge=0, le=0o777)]
_Flags = Annotated[int, Meta(ge=0, le=0xFF)]
_Piece = Annotated[int, Meta(ge=0, le=MAX_WINDOW_BYTES)]
_Index = Annotated[int, Meta(ge=0, lt=MAX_ITEMS)]
_ITEMS = Meta(max_length=MAX_ITEMS)


class _Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="t", tag=str.lower):
    """A map with its own name, in lower case, under ``t``."""


class _Record(Struct, frozen=True, array_like=True, gc=False):
    """An array of its fields in this order."""


class FileRecord(_Record, frozen=True):
    """A file in its folder.

    Attributes:
        name: as it is on disk.
        sha256: of the content; nil where it is not known.
        md5: likewise; no part of the digest, so it is believed: it saves the receiver to compute what it shows.
        size: in bytes; nil where it is not known.
        time: of the last write, whole seconds since the epoch; nil likewise.
        mode: permission bits; nil likewise.
        flags: see ``records``.
    """

    name: _Name
    sha256: _Digest | None
    md5: _Md5 | None
    size: _Count | None
    time: _Time | None
    mode: _Mode | None
    flags: _Flags = 0


class FolderRecord(_Record, frozen=True):
    """A folder in its folder: name, digest, flags."""

    name: _Name
    digest: _Digest
    flags: _Flags = 0


class FolderAsked(_Record, frozen=True):
    """A folder of the tree that was offered last, with its digest there; ``deep``: all below is wanted too."""

    path: _Path
    digest: _Digest
    deep: bool = False


class FolderPart(_Record, frozen=True):
    """What is in one folder, or a part of it.

    Attributes:
        path: of the folder.
        start: how many entries came in earlier parts.
        files: the files of this part, by the bytes of their names.
        folders: likewise.
        more: whether another part of this folder follows.
        gone: there is no such folder in the tree that was offered.
    """

    path: _Path
    start: Annotated[int, Meta(ge=0, le=MAX_ENTRIES)]
    files: Annotated[tuple[FileRecord, ...], _ITEMS] = ()
    folders: Annotated[tuple[FolderRecord, ...], _ITEMS] = ()
    more: bool = False
    gone: bool = False


class FolderEdit(_Record, frozen=True):
    """What is different in one folder.

    Attributes:
        path: of the folder.
        gone: names of what is not there any more.
        folders: folders that are new, or newly marked; what is in them comes with edits of its own.
        files: files that are new or different.
    """

    path: _Path
    gone: Annotated[tuple[_Name, ...], _ITEMS] = ()
    folders: Annotated[tuple[FolderRecord, ...], _ITEMS] = ()
    files: Annotated[tuple[FileRecord, ...], _ITEMS] = ()


class Inline(_Record, frozen=True):
    """A content that follows a ``Delta``: which file of its edits, counted through all of them, and how long it is."""

    file: _Index
    size: _Piece


class ContentAsked(_Record, frozen=True):
    """A piece of a content: of which file of the tree that was offered last, where it begins, and how many bytes."""

    path: _Path
    sha256: _Digest
    offset: _Count
    length: _Piece


class Check(_Message, frozen=True):
    """Is there anything new for me?

    ``known``: digest of the tree that the asker last worked towards; ``has``: of the one that it has; nil: it knows
    none. ``wake_key``: what wake-ups are to be proven by from now on.
    """

    known: _Digest | None = None
    has: _Digest | None = None
    wake_key: _WakeKey | None = None


class Folders(_Message, frozen=True):
    """What is in these folders?"""

    folders: Annotated[tuple[FolderAsked, ...], _ITEMS]


class Contents(_Message, frozen=True):
    """The contents of these files, or pieces of them; ``MAX_WINDOW_BYTES`` at most, all together."""

    files: Annotated[tuple[ContentAsked, ...], _ITEMS]


class Look(_Message, frozen=True):
    """The tree of a slave: of a master its view for the slave with this name, of a slave (nil) its cache."""

    slave: _Text | None = None


class Same(_Message, frozen=True):
    """The newest tree is the ``known`` one."""


class Delta(_Message, frozen=True):
    """What leads from the tree that the asker knows to the newest.

    Attributes:
        base: digest of the former, as asked.
        to: digest of the latter, and of what comes out.
        edits: by folder.
        inline: contents that follow in frames of contents, one behind the other.
    """

    base: _Digest
    to: _Digest
    edits: Annotated[tuple[FolderEdit, ...], _ITEMS]
    inline: Annotated[tuple[Inline, ...], _ITEMS] = ()


class Root(_Message, frozen=True):
    """The newest tree: its digest, and what is in it (``model.folder.Totals``)."""

    digest: _Digest
    files: _Count = 0
    folders: _Count = 0
    settling: _Count = 0
    unreadable: _Count = 0
    unknown: _Count = 0


class Listing(_Message, frozen=True):
    """Folders that were asked for, or some of them: more such messages follow until one is the ``last``."""

    parts: Annotated[tuple[FolderPart, ...], _ITEMS]
    last: bool = False


class Bundle(_Message, frozen=True):
    """The contents that were asked for follow, one behind the other.

    Attributes:
        sizes: for each, in the order of asking, how many bytes follow; -1: it can't be had now.
    """

    sizes: Annotated[tuple[Annotated[int, Meta(ge=-1, le=MAX_WINDOW_BYTES)], ...], _ITEMS]


class Error(_Message, frozen=True):
    """No. ``code`` is for programs, ``text`` for people."""

    code: _Text
    text: _Text = ""


class Unknown(_Message, frozen=True):
    """There is no such request, or not in this version: ``what`` is the ``t`` that it had."""

    what: _Text


def announced_sizes(answer: Answer) -> tuple[int, ...]:
    """Return the lengths in bytes of the contents that follow a message; -1 for one that does not come."""
    if isinstance(answer, Delta):
        return tuple(item.size for item in answer.inline)
    return answer.sizes if isinstance(answer, Bundle) else ()


def check_refusal(answer: Answer) -> None:
    """Raise a ``RemoteRefusalError`` where a peer says that it does not want to, or can't."""
    if isinstance(answer, Error):
        raise RemoteRefusalError(answer.code, answer.text)
    if isinstance(answer, Unknown):
        raise RemoteRefusalError("unknown", f"the peer does not know the request '{answer.what}'")


Request: TypeAlias = Check | Folders | Contents | Look
Answer: TypeAlias = Same | Delta | Root | Listing | Bundle | Error | Unknown
