"""The JSON Schema of an inventory."""

from __future__ import annotations

from sync_core.model.errors import NotBuiltError

__all__ = ["schema"]


def schema() -> dict[str, object]:
    """Return the JSON Schema (draft-07) that describes an inventory file."""
    raise NotBuiltError("schema")
