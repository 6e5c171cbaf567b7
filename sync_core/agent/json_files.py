"""Small JSON files that others read while they are written."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from sync_core.agent.own_folder import opener

__all__ = ["read_object", "write_object"]


def read_object(folder: int, name: str) -> dict[str, Any] | None:
    """Return the object in the file ``name`` of an open folder; ``None`` where there is none that can be read."""
    try:
        with open(name, "rb", opener=_within(folder)) as file:
            values = json.loads(file.read())
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def write_object(folder: int, name: str, values: Mapping[str, Any]) -> None:
    """Replace the file in one step, so that a reader finds the old or the new one; raises OSError."""
    temporary = f".{name}.{secrets.token_hex(4)}"
    try:
        with open(temporary, "x", encoding="utf-8", opener=_within(folder)) as file:
            file.write(json.dumps(values, indent=1))
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _within(folder: int) -> Callable[[str, int], int]:
    return lambda name, flags: opener(name, flags, folder=folder)
