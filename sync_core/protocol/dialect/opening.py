"""The question of those who do not register, and whether its answer agrees: the bytes, without a reader of XML.

Whoever only looks at agents of today needs nothing else of the classic dialect, whose parts take their time to import.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["MAX_OPENING_BYTES", "OPENING", "agrees"]

OPENING: Final = b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<jsync.dialect/>'
"""``<jsync.dialect/>`` as ``encode_request`` writes it."""

MAX_OPENING_BYTES: Final = 4096
"""More than any answer to it has; a longer one does not agree."""

_VERSION: Final = 2
_AGREED: Final = re.compile(
    rb'<\?xml version="1\.0" encoding="[A-Za-z0-9-]{1,20}"\?>\s*<spooler>\s*<answer(?: time="[^"<>]{0,40}")?>\s*'
    rb'<ok jsync="([0-9]{1,4})"\s*/>\s*</answer>\s*</spooler>\s*\0'
)


def agrees(answer: bytes) -> bool:
    """Return whether an answer agrees to the dialect; one in another form, or that is not complete, does not."""
    found = _AGREED.fullmatch(answer)
    return found is not None and int(found[1]) >= _VERSION
