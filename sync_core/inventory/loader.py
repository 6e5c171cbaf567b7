"""One inventory file, from its path to an ``Inventory``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sync_core.model.errors import NotBuiltError
from sync_core.model.inventory import Inventory

__all__ = ["load"]


def load(path: Path, *, environ: Mapping[str, str]) -> Inventory:
    """Return what the inventory at ``path`` declares."""
    raise NotBuiltError("load")
