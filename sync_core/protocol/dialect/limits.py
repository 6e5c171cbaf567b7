"""What a peer may send, at most. Whoever sends more is cut off; nothing of it is kept."""

from __future__ import annotations

from typing import Final

__all__ = [
    "MAX_DEPTH",
    "MAX_ENTRIES",
    "MAX_FRAME_BYTES",
    "MAX_INLINE_BYTES",
    "MAX_ITEMS",
    "MAX_NAME_BYTES",
    "MAX_PATH_BYTES",
    "MAX_TEXT_CHARACTERS",
    "MAX_WAITING",
    "MAX_WINDOW_BYTES",
]

MAX_FRAME_BYTES: Final = 1 << 20
"""Of a frame's payload, compressed or not. A message is one frame."""

MAX_WINDOW_BYTES: Final = 1 << 20
"""Of the contents that one ``Contents`` asks for: what either side may have to hold for it."""

MAX_INLINE_BYTES: Final = 1 << 18
"""Of the contents that ride along with one ``Delta``."""

MAX_WAITING: Final = 4
"""Requests that an asker may have sent whose answers are not complete."""

MAX_ITEMS: Final = 10_000
"""In any list of a message."""

MAX_ENTRIES: Final = 1_000_000
"""Entries of one tree that a peer is asked for; as many as elements in a classic document."""

MAX_NAME_BYTES: Final = 255
MAX_PATH_BYTES: Final = 4096
MAX_DEPTH: Final = 200
"""Names in a path, as in the classic dialect."""

MAX_TEXT_CHARACTERS: Final = 1000
"""Of a text for people."""
