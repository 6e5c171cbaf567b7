"""How the dialect begins on a connection that was classic so far (``docs/protocol-dialect.md``, Beginning).

Bytes alone: whoever only looks at agents of today needs nothing of the classic dialect, whose parts take their time to
import.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["DIALECT_VERSION", "MAX_OPENING_BYTES", "OPENING", "PREFACE", "agrees", "begins_preface", "knows_dialect"]

DIALECT_VERSION: Final = 2
"""What ``<ok jsync="2"/>`` says: the newest version that the answerer speaks. ``1`` is classic between jsync peers."""

OPENING: Final = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<jsync.dialect/>'
"""The question of those who do not register: ``<jsync.dialect/>`` as ``encode_request`` writes it."""

MAX_OPENING_BYTES: Final = 4096
"""More than any answer to it has; a longer one does not agree."""

PREFACE: Final = b"\x16jsync/2\n"
"""What the asker sends before its first frame. No classic request begins with its first byte, and no HTTP."""

_FIRST_VERSION: Final = (0, 2)
_JSYNC: Final = re.compile(r"\(jsync ([0-9]{1,6})\.([0-9]{1,6})(?=[.)])")
_AGREED: Final = re.compile(
    rb'<\?xml version="1\.0" encoding="[A-Za-z0-9-]{1,20}"\?>\s*<spooler>\s*<answer(?: time="[^"<>]{0,40}")?>\s*'
    rb'<ok jsync="([0-9]{1,4})"\s*/>\s*</answer>\s*</spooler>\s*\0'
)


def agrees(answer: bytes) -> bool:
    """Return whether an answer agrees to the dialect; one in another form, or that is not complete, does not."""
    found = _AGREED.fullmatch(answer)
    return found is not None and int(found[1]) >= DIALECT_VERSION


def begins_preface(data: bytes) -> bool | None:
    """Whether what an asker sent since the last answer begins with the preface; ``None``: more bytes will tell."""
    if data.startswith(PREFACE):
        return True
    return None if PREFACE.startswith(data) else False


def knows_dialect(version: str) -> bool:
    """Whether a peer that registered with this version text knows the dialect: jsync 0.2 and later."""
    found = _JSYNC.search(version)
    return found is not None and (int(found[1]), int(found[2])) >= _FIRST_VERSION
