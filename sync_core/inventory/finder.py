"""Which inventory file is meant when nobody says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sync_core.model.errors import NotBuiltError

__all__ = ["find"]


def find(explicit: Path | None, *, environ: Mapping[str, str]) -> Path:
    """Return the inventory file to use (``cli.md`` section 1)."""
    raise NotBuiltError("find")
