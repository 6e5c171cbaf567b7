"""How the dialect begins on a connection that was classic so far (``docs/protocol-dialect.md``, Beginning)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["DIALECT_VERSION", "PREFACE", "begins_preface", "knows_dialect"]

DIALECT_VERSION: Final = 2
"""What ``<ok jsync="2"/>`` says: the newest version that the answerer speaks. ``1`` is classic between jsync peers."""

PREFACE: Final = b"\x16jsync/2\n"
"""What the asker sends before its first frame. No classic request begins with its first byte, and no HTTP."""

_FIRST_VERSION: Final = (0, 2)
_JSYNC = re.compile(r"\(jsync ([0-9]{1,6})\.([0-9]{1,6})(?=[.)])")


def begins_preface(data: bytes) -> bool | None:
    """Whether what an asker sent begins with the preface; ``None``: so far it does, more bytes will tell.

    Args:
        data: everything since the last answer. What follows the preface belongs to the dialect's session.
    """
    if data.startswith(PREFACE):
        return True
    return None if PREFACE.startswith(data) else False


def knows_dialect(version: str) -> bool:
    """Whether a peer that registered with this version text knows the dialect: jsync 0.2 and later."""
    found = _JSYNC.search(version)
    return found is not None and (int(found[1]), int(found[2])) >= _FIRST_VERSION
