"""The contents that a simulated slave of the dialect fetches: verified, and thrown away."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sync_core.model.file import File
from sync_core.model.folder import Folder, is_same
from sync_core.model.path import ROOT, RelPath, join
from sync_core.protocol.dialect.contents import WantedContent, windows
from sync_core.protocol.dialect.messages import Contents

__all__ = ["Fetch", "Verifier"]


class Fetch:
    """What is missing on the way from one tree to another.

    Args:
        before: the tree whose contents are there.
        wanted: the tree to come to.
        came: SHA-256 of contents that came with the answer to the check.
    """

    def __init__(self, before: Folder, wanted: Folder, came: frozenset[bytes]) -> None:
        lacking = {item.sha256: item for item in _lacking(wanted, before, ROOT) if item.sha256 not in came}
        self._windows = windows(lacking.values())
        self._verifiers = {sha256: Verifier(sha256, item.size_bytes) for sha256, item in lacking.items()}

    @property
    def is_complete(self) -> bool:
        """Whether everything is there and has the digest that it must have."""
        return not self._verifiers

    def next_request(self) -> Contents | None:
        """Return what to ask next; ``None``: everything was asked for."""
        return next(self._windows, None)

    def take(self, sha256: bytes, offset: int, data: bytes) -> None:
        """Take some bytes of a content.

        Raises:
            ValueError: they are not what was offered.
        """
        if self._verifiers[sha256].take(offset, data):
            del self._verifiers[sha256]


class Verifier:
    """Computes the digest of one content, which comes in order."""

    def __init__(self, sha256: bytes, size_bytes: int) -> None:
        self._sha256 = sha256
        self._size_bytes = size_bytes
        self._hash = hashlib.sha256()
        self._at = 0

    def take(self, offset: int, data: bytes) -> bool:
        """Take the next bytes; return whether they were the last.

        Raises:
            ValueError: they are not the next ones, or the content has another digest.
        """
        if offset != self._at:
            raise ValueError(f"bytes from {offset} came where those from {self._at} are next")
        self._hash.update(data)
        self._at += len(data)
        if self._at < self._size_bytes:
            return False
        if self._hash.digest() != self._sha256:
            raise ValueError("a content has another digest than was offered")
        return True


def _lacking(wanted: Folder, before: Folder, path: RelPath) -> Iterator[WantedContent]:
    for name, entry in wanted.children.items():
        old, inner = before.children.get(name), join(path, name)
        if is_same(entry, old):
            continue
        if isinstance(entry, Folder):
            yield from _lacking(entry, old if isinstance(old, Folder) else Folder(), inner)
        elif entry.sha256 is not None and not (isinstance(old, File) and old.sha256 == entry.sha256):
            yield WantedContent(inner, entry.sha256, entry.size_bytes or 0)
