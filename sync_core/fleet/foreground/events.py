"""What a jsync in the foreground of another machine tells: a JSON object on a line of its own for each event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync_core.fleet.far_jsync import error_from
from sync_core.model.errors import JsyncError

__all__ = ["Event", "Line", "Ready", "Refused", "decode", "encode"]


@dataclass(frozen=True, slots=True)
class Line:
    """An agent wrote a line."""

    host: str
    text: str


@dataclass(frozen=True, slots=True)
class Ready:
    """An agent has bound its ports."""

    host: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An agent did not start at all."""

    host: str
    error: JsyncError


Event = Line | Ready | Refused


def encode(event: Event) -> str:
    """Return the line that tells of ``event``, without its end."""
    match event:
        case Line(host, text):
            said: dict[str, object] = {"event": "line", "host": host, "line": text}
        case Ready(host):
            said = {"event": "ready", "host": host}
        case Refused(host, error):
            words = {"code": error.code, "message": str(error), "hint": error.hint, "host": host}
            said = {"event": "refused", "host": host, "error": words}
    return json.dumps(said)


def decode(line: bytes) -> Event | None:
    """Return the event that ``line`` tells of; ``None``: it is something else, like the greeting of a login."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not isinstance(host := said.get("host"), str):
        return None
    return _event(host, said)


def _event(host: str, said: Mapping[str, Any]) -> Event | None:
    match said:
        case {"event": "line", "line": str(text)}:
            return Line(host, text)
        case {"event": "ready"}:
            return Ready(host)
        case {"event": "refused", "error": dict(words)}:
            return Refused(host, error_from(words, host=host))
        case _:
            return None
