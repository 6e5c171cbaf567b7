"""Values as JSON: the keys of a document are the attributes of the value, in their order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path

from sync_core.model.errors import JsyncError

__all__ = ["plain", "schema_of"]

_VERSIONS = {"files": 2, "status": 2}
"""Of documents that lost a key; all others never did."""


def schema_of(command: str) -> str:
    """Return what stands under ``schema`` in the command's document."""
    return f"jsync.{command}/{_VERSIONS.get(command, 1)}"


def plain(value: object) -> object:
    """Return ``value`` in what JSON knows: values and errors become objects, enums their words, paths text.

    Raises:
        TypeError: there is something in it that has no form in JSON: a bug.
    """
    match value:
        case float() if not math.isfinite(value):
            return f"{value}".replace("inf", ".inf").replace("nan", ".nan")  # as YAML writes them; JSON has none
        case None | bool() | int() | float() | str():
            # enums of words and numbers are words and numbers already
            return value.value if isinstance(value, Enum) else value
        case JsyncError():
            return {"code": value.code, "message": str(value), "hint": value.hint, "host": value.host}
        case Path():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case tuple() | list():
            return [plain(item) for item in value]
    if not is_dataclass(value):
        raise TypeError(f"no form in JSON: {type(value).__name__}")
    return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
