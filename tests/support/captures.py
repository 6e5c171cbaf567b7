"""Conversations of real peers, as they stand in ``tests/protocol/vectors``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_VECTORS = Path(__file__).parent.parent / "protocol" / "vectors"
_PAUSE = re.compile(rb" ~ [0-9.]+ ~ ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a recorded conversation.

    Attributes:
        is_request: it went to the end that listens.
        data: its bytes, NUL included.
    """

    is_request: bool
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What somebody sent to a real master, packet by packet, and what came back.

    Attributes:
        answers: whole documents with their NUL; the last one may have been cut off by the recorder.
        is_open: whether the connection was open afterwards.
    """

    title: str
    packets: tuple[bytes, ...]
    answers: tuple[bytes, ...]
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedAnswers:
    """What a scripted master answered a real slave, and what that made of it.

    Attributes:
        answers: each in the pieces in which it was sent.
        goes_on: whether the slave kept the connection.
        cached: the content of its only file afterwards, ``None`` if there was none.
    """

    title: str
    answers: tuple[tuple[bytes, ...], ...]
    goes_on: bool
    cached: bytes | None


def conversation(name: str) -> tuple[Message, ...]:
    """Return the TCP messages of a recording (``00-canonical``, ``04-lost-and-back``, ``13-examples``)."""
    lines = _lines(name)
    return tuple(
        Message(is_request=line.startswith(">>"), data=_literal(line[3:]))
        for line in lines
        if line.startswith((">> ", "<< "))
    )


def probes() -> tuple[Probe, ...]:
    """Return every case of capture 02."""
    return tuple(
        Probe(
            title=title,
            packets=tuple(_unescaped(line[3:]) for line in lines if line.startswith(">> ")),
            answers=_documents(next(_literal(line[3:]) for line in lines if line.startswith("<< "))),
            is_open="-- connection afterwards: open" in lines,
        )
        for title, lines in _cases("02-probes")
    )


def scripted_answers() -> tuple[ScriptedAnswers, ...]:
    """Return every case of capture 03 in which the slave got an answer to judge."""
    return tuple(
        ScriptedAnswers(
            title=title,
            answers=tuple(tuple(_PAUSE.split(_literal(line[3:]))) for line in lines if line.startswith("<< b")),
            goes_on="-- goes on" in lines,
            cached=next((_cached(line) for line in lines if line.startswith("== ")), None),
        )
        for title, lines in _cases("03-answers")
        if "<< close" not in lines
    )


def _lines(name: str) -> list[str]:
    return (_VECTORS / f"{name}.txt").read_text("utf-8").splitlines()


def _cases(name: str) -> Iterator[tuple[str, list[str]]]:
    title, lines = "", list[str]()
    for line in [*_lines(name), "## "]:
        if not line.startswith("## "):
            lines.append(line.strip())
            continue
        if title:
            yield title, lines
        title, lines = line[3:], []


def _literal(text: str) -> bytes:
    value = ast.literal_eval(text if text.endswith("'") and text != "b'" else text + "'")
    assert isinstance(value, bytes)
    return value


def _unescaped(text: str) -> bytes:
    return text.encode("ascii").decode("unicode_escape").encode("latin-1")


def _documents(received: bytes) -> tuple[bytes, ...]:
    """Cut what the recorder joined by `` || `` where it had come in separate reads."""
    pieces = received.replace(b" || ", b"").split(b"\0")
    return tuple(piece + b"\0" for piece in pieces[:-1]) + ((pieces[-1],) if pieces[-1].strip() else ())


def _cached(line: str) -> bytes:
    return _literal(line[line.index(" b'", 3 + 3) + 1 :])
