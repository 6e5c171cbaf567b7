"""Hostile cases as files: what somebody sends, and what must happen. One TOML file is one case.

::

    what = "an id of 20 MB"             # for people
    from = "peer"                       # us, peer (may register), looker, signaller, stranger
    connections = 1                     # so many at once, each takes all steps
    times = 1                           # so often, one after the other
    log_bytes = 20_000                  # most that the agent may write to its log meanwhile

    [[step]]
    send = ['<register_remote_scheduler tcp_port="5" scheduler_id="', { repeat = "i", times = 20_000_000 }, '"/>']
    expect = 'code="XML-ERROR"'         # a pattern in what comes; or "closed", "silence", "closed-or-answered"

Other keys of a step: ``udp`` (parts of one datagram) with ``datagrams`` (how many), ``drip_s`` (a pause behind every
byte), ``pause_s``. After every case the agent must have stayed below its bound of memory, and have answered a good peer
within a second all the while. ``bytes_of`` tells what parts there are.
"""

from __future__ import annotations

import base64
import hashlib
import random
import struct
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import zstandard

from sync_core.protocol.dialect.preface import PREFACE

__all__ = ["LIST", "Case", "bytes_of", "cases", "parameters"]

LIST: Final = "supervisor.remote_scheduler.configuration.fetch_updated_files"

_ROOT: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case; ``more`` has the keys that only some drivers know."""

    name: str
    what: str
    sender: str = "peer"
    connections: int = 1
    times: int = 1
    log_bytes: int | None = None
    steps: tuple[Mapping[str, Any], ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


def cases(folder: str) -> list[Case]:
    """Return the cases of a folder; a key that nobody knows is a mistake in the file."""
    found = []
    for path in sorted((_ROOT / folder).glob("*.toml")):
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        found.append(
            Case(
                name=path.stem,
                what=values.pop("what"),
                sender=values.pop("from", "peer"),
                connections=values.pop("connections", 1),
                times=values.pop("times", 1),
                log_bytes=values.pop("log_bytes", None),
                steps=tuple(values.pop("step", ())),
                more=values,
            )
        )
    return found


def parameters(folder: str) -> pytest.MarkDecorator:
    """Return the mark that runs a test once for each case of a folder."""
    return pytest.mark.parametrize("case", cases(folder), ids=lambda case: case.name)


def bytes_of(parts: Any) -> bytes:
    """Return what parts stand for: a text (ISO-8859-1), a list of parts, or one of the tables below."""
    if isinstance(parts, str):
        return parts.encode("latin-1")
    if isinstance(parts, Sequence):
        return b"".join(map(bytes_of, parts))
    (kind,) = [key for key in parts if key in _KINDS]
    return _KINDS[kind](parts)


def _count(part: Mapping[str, Any]) -> bytes:
    first = part.get("first", 0)
    return "".join(part["count"].replace("%d", str(n)) for n in range(first, first + part["times"])).encode("latin-1")


def _post(part: Mapping[str, Any]) -> bytes:
    body = bytes_of(part["post"])
    head = [
        f"POST {part.get('path', '/jobscheduler/engine/command')} HTTP/1.1",
        "Host: master",
        f"Content-Type: {part.get('type', 'text/xml')}",
        f"Content-Length: {part.get('length', len(body))}",
        *part.get("more", ()),
    ]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def _frame(part: Mapping[str, Any]) -> bytes:
    payload = bytes_of(part["frame"])
    if part.get("compressed"):
        payload = zstandard.ZstdCompressor().compress(payload)
    code = part.get("code", 0x81 if part.get("compressed") else 1)
    return struct.pack(">IB", part.get("length", len(payload)), code) + payload


def _packed(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "bytes" in value:
            return bytes_of(value["bytes"])
        if "repeat" in value:
            return [_packed(value["repeat"])] * int(value["times"])
        return {key: _packed(inner) for key, inner in value.items()}
    return [_packed(inner) for inner in value] if isinstance(value, list) else value


def _answer(part: Mapping[str, Any]) -> bytes:
    inner = bytes_of(part["answer"])
    return b'<?xml version="1.0" encoding="ISO-8859-1"?><spooler><answer>' + inner + b"</answer></spooler>\0"


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any]], bytes]]] = {
    "repeat": lambda part: bytes_of(part["repeat"]) * part["times"],
    "count": _count,  # "%d" stands for the number
    "hex": lambda part: bytes.fromhex(part["hex"]),
    "random": lambda part: random.Random(part.get("seed", 1)).randbytes(part["random"]),
    "list": lambda part: b"<%b>%b</%b>" % (LIST.encode(), bytes_of(part["list"]), LIST.encode()),
    "base64": lambda part: base64.b64encode(bytes_of(part["base64"])),
    "md5": lambda part: hashlib.md5(bytes_of(part["md5"])).hexdigest().encode(),
    "post": _post,
    "preface": lambda _: PREFACE,
    "frame": _frame,
    "message": lambda part: _frame({**part, "frame": {"packed": part["message"]}}),
    "packed": lambda part: msgspec.msgpack.encode(_packed(part["packed"])),
    "answer": _answer,
    "changes": lambda part: _answer(
        {"answer": ["<configuration.directory>", part["changes"], "</configuration.directory>"]}
    ),
}
