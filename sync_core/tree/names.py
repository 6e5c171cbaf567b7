"""Which names on a disk can travel."""

from __future__ import annotations

import re
from typing import Final

from sync_core.model.errors import UnsafeNameError
from sync_core.model.path import check_name

__all__ = ["why_unfit"]

_CONTROL: Final = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f]")
"""What the text of a document can't hold (XML 1.0)."""

_SUSPECT: Final = re.compile(r"[\0-\x1f/\\]|\A\.{0,2}\Z")
"""What a name needs to be looked at closer."""


def why_unfit(name: str) -> str | None:
    """Return why ``name`` can't travel: as a name (``check_name``), or as text of a document (XML 1.0)."""
    if _SUSPECT.search(name) is None:
        return None
    try:
        check_name(name)
    except UnsafeNameError as error:
        return str(error)
    if _CONTROL.search(name):
        return f"the name {name!r} is not allowed: it contains a control character"
    return None
