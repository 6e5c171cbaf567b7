"""Whether a content that came is the one that was announced."""

from __future__ import annotations

import hashlib

from sync_core.model.answer_plan import PlannedWrite
from sync_core.model.change import WriteFile
from sync_core.model.file import md5_of, sha256_of

__all__ = ["Digests", "digests_of"]


class Digests:
    """What is known of a content that was read so far.

    Args:
        needs_md5: whether nobody has told the md5.
    """

    def __init__(self, *, needs_md5: bool) -> None:
        self.sha256 = hashlib.sha256()
        self.md5 = hashlib.md5(usedforsecurity=False) if needs_md5 else None

    def update(self, piece: bytes) -> None:
        """Add the next bytes."""
        self.sha256.update(piece)
        if self.md5 is not None:
            self.md5.update(piece)


def digests_of(wanted: WriteFile | PlannedWrite, content: bytes) -> tuple[str, bytes]:
    """Return md5 and SHA-256 of a content; a told md5 is believed where the SHA-256 is right.

    Raises:
        OSError: it is not what was announced.
    """
    sha256 = sha256_of(content)
    if isinstance(wanted, WriteFile):
        return md5_of(content), sha256
    if wanted.sha256 is not None:
        md5, is_right = wanted.md5, sha256 == wanted.sha256
    else:
        md5 = md5_of(content)
        is_right = md5 == wanted.md5
    if not is_right or wanted.size_bytes not in {None, len(content)}:
        raise OSError("what came is not what was announced")
    return md5, sha256
