"""Contents of files that were offered: read when asked for, and handed out only if they are still what was offered."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sync_core.model.errors import TreeError
from sync_core.model.file import File, sha256_of
from sync_core.model.folder import Folder, get
from sync_core.model.path import RelPath
from sync_core.tree.content import ContentReader, content_reader

__all__ = ["FileContents", "Piece"]

_MOST_KEPT_BYTES: Final = 16 << 20
_MOST_KEPT_FILE_BYTES: Final = 1 << 18
"""A changed file is asked for by all slaves at once; what is larger is read from the disk's cache each time."""

_MOST_PREFETCHED: Final = 16
_PREFETCHED_BYTES: Final = 1 << 16

_WHOLE_BYTES: Final = 1 << 20
"""What is checked here before it leaves; pieces of a larger file are checked by who put them together."""


class Piece(NamedTuple):
    """Some bytes of a file.

    Attributes:
        path: of the file below the root.
        file: what was offered.
        offset: where they begin.
        length: how many they are.
    """

    path: RelPath
    file: File
    offset: int
    length: int


class FileContents:
    """Reads below one root. Blocks, so it belongs into a thread; several may use it at once.

    Args:
        root: the folder that paths start from.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept: dict[bytes, bytes] = {}
        self._kept_bytes = 0
        self._lock = threading.Lock()

    def kept(self, file: File) -> bytes | None:
        """Return the content without any reading, if it is at hand."""
        return self._kept.get(file.sha256) if file.sha256 is not None else None

    def read(self, pieces: Sequence[Piece]) -> list[bytes | None]:
        """Return pieces of files; ``None`` for each whose content can't be had as it was offered."""
        missing = [piece for piece in pieces if self.kept(piece.file) is None]
        if not missing:
            return [self._kept_piece(piece) for piece in pieces]
        try:
            with content_reader(self._root) as reader:
                return [self._kept_piece(piece) or self._read(reader, piece) for piece in pieces]
        except TreeError:
            return [None] * len(pieces)

    def prefetch(self, tree: Folder, paths: Collection[RelPath]) -> None:
        """Have the contents at these paths at hand, as far as they are files and small.

        Args:
            tree: what is below the root.
            paths: where something has just changed; of many none is read before it is asked for.
        """
        if len(paths) > _MOST_PREFETCHED:
            return
        found = [(path, get(tree, path)) for path in paths]
        self.read(
            [
                Piece(path, file, 0, file.size_bytes or 0)
                for path, file in found
                if isinstance(file, File) and file.sha256 and (file.size_bytes or 0) <= _PREFETCHED_BYTES
            ]
        )

    def _kept_piece(self, piece: Piece) -> bytes | None:
        content = self.kept(piece.file)
        return None if content is None else content[piece.offset : piece.offset + piece.length]

    def _read(self, reader: ContentReader, piece: Piece) -> bytes | None:
        file = piece.file
        try:
            with reader.open(piece.path) as opened:
                content = opened.piece(piece.offset, piece.length) if opened.size_bytes == file.size_bytes else None
        except TreeError:
            return None
        if content is None or len(content) != piece.length:
            return None
        if piece.length == file.size_bytes and piece.length <= _WHOLE_BYTES:
            sha256 = sha256_of(content)
            if sha256 != file.sha256:
                return None
            self._keep(sha256, content)
        return content

    def _keep(self, sha256: bytes, content: bytes) -> None:
        if len(content) > _MOST_KEPT_FILE_BYTES:
            return
        with self._lock:
            if sha256 not in self._kept:
                self._kept[sha256] = content
                self._kept_bytes += len(content)
            while self._kept_bytes > _MOST_KEPT_BYTES:
                self._kept_bytes -= len(self._kept.pop(next(iter(self._kept))))
