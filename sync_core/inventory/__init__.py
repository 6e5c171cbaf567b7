"""YAML, JSON and executables in, the values of ``model`` out.

``find`` says which inventory is meant, ``load`` reads it, ``listing`` shows it again, and ``schema`` is the JSON Schema
of what ``load`` takes. Nothing here ever asks DNS.
"""

from __future__ import annotations

from typing import Any

from sync_core.inventory.finder import find
from sync_core.inventory.loader import load

__all__ = ["find", "load", "schema"]


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft-07) of an inventory file."""
    # What makes it takes its time, and only `jsync schema` wants it.
    from sync_core.inventory.json_schema import schema as made  # noqa: PLC0415

    return made()
