"""Contents by path and SHA-256, in windows: many small files in one, a big one in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from sync_core.model.file import File
from sync_core.model.folder import Folder, get
from sync_core.model.path import RelPath
from sync_core.protocol.dialect.limits import MAX_WINDOW_BYTES
from sync_core.protocol.dialect.messages import ContentAsked, Contents
from sync_core.protocol.dialect.names import path_of, wire_path

__all__ = ["OfferedPiece", "WantedContent", "offered_pieces", "windows"]

_MOST_FILES: Final = 2000
_MOST_REQUEST_BYTES: Final = 1 << 19
_ASKED_BYTES: Final = 64
_MOST_BROKEN: Final = 16


class WantedContent(NamedTuple):
    """A content that a slave needs: where the master has it, what it is as a whole, and where to go on."""

    path: RelPath
    sha256: bytes
    size_bytes: int
    offset: int = 0


class OfferedPiece(NamedTuple):
    """A piece of an offered file that may be read and sent; all its bytes are there.

    The whole content must have the SHA-256 of ``file`` when it is read.
    """

    path: RelPath
    file: File
    offset: int
    length: int


def windows(wanted: Iterable[WantedContent], *, most_bytes: int = MAX_WINDOW_BYTES) -> Iterator[Contents]:
    """Give the requests that bring these contents, in order, each when it is asked for; ``wanted`` is taken one by one.

    A content is only cut where it is longer than ``most_bytes``, which is what a whole request may bring: it is held
    for it, and an urgent check has to wait for it. ``UnsafeNameError``: a path can't travel.
    """
    asked: list[ContentAsked] = []
    room = most_bytes
    request_bytes = 0
    for content in wanted:
        path, offset = wire_path(content.path), content.offset
        while True:
            is_full = len(asked) >= _MOST_FILES or request_bytes >= _MOST_REQUEST_BYTES
            if asked and (is_full or content.size_bytes - offset > room):
                yield Contents(files=tuple(asked))
                asked, room, request_bytes = [], most_bytes, 0
            length = min(content.size_bytes - offset, room)
            asked.append(ContentAsked(path, content.sha256, offset, length))
            request_bytes += _ASKED_BYTES + len(path)
            room -= length
            offset += length
            if offset >= content.size_bytes:
                break
    if asked:
        yield Contents(files=tuple(asked))


def offered_pieces(root: Folder, request: Contents) -> list[OfferedPiece | None]:
    """Return what is asked for, in order; ``None`` where the tree that was offered last has no such content.

    A piece costs the reading of more than it has: a window has one at its beginning and one at its end, and who asks
    for many gets some of them.
    """
    pieces: list[OfferedPiece | None] = []
    broken = 0
    for asked in request.files:
        piece = _offered(root, asked)
        broken += piece is not None and piece.length != piece.file.size_bytes
        pieces.append(None if broken > _MOST_BROKEN else piece)
    return pieces


def _offered(root: Folder, asked: ContentAsked) -> OfferedPiece | None:
    path = path_of(asked.path)
    file = get(root, path)
    if not isinstance(file, File) or file.sha256 != asked.sha256 or file.size_bytes is None:
        return None
    if file.is_held_back or asked.offset + asked.length > file.size_bytes:
        return None
    return OfferedPiece(path, file, asked.offset, asked.length)
