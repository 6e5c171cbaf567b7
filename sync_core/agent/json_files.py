"""Small JSON files that others read while they are written."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["read_object", "write_object"]


def read_object(path: Path) -> dict[str, Any] | None:
    """Return the object in the file; ``None`` where there is none that can be read."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def write_object(path: Path, values: Mapping[str, Any]) -> None:
    """Replace the file in one step, so that a reader finds the old or the new one; raises OSError."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_text(json.dumps(values, indent=1), encoding="utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
