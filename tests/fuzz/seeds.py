"""What good peers send: where the making up begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sync_core.protocol.dialect.codec import message_frame
from sync_core.protocol.dialect.frames import content_frames
from sync_core.protocol.dialect.messages import Check, Contents, Folders, Look, Same, Unknown
from sync_core.protocol.dialect.preface import PREFACE
from tests.support.captures import conversation, probes, scripted_answers

__all__ = [
    "LIST",
    "answers",
    "dialect_answers",
    "dialect_requests",
    "http",
    "inventories",
    "lists",
    "paths",
    "requests",
]

_CONVERSATIONS = ("00-canonical", "04-lost-and-back", "13-examples")
_EXAMPLES = Path(__file__).parents[2] / "inventory_examples"

LIST = (
    b'<?xml version="1.0" encoding="ISO-8859-1"?>\n'
    b"<supervisor.remote_scheduler.configuration.fetch_updated_files><configuration.directory>|"
    b"</configuration.directory></supervisor.remote_scheduler.configuration.fetch_updated_files>"
)
_SPOTS = b'<configuration.directory name="%b"><configuration.file name="%b" last_write_time="%b" md5="%b"/></%b>'


def requests() -> Iterator[bytes]:
    """Give whole requests, and what was tried on a real master."""
    yield from (message.data for name in _CONVERSATIONS for message in conversation(name) if message.is_request)
    yield from (b"".join(probe.packets) for probe in probes())


def answers() -> Iterator[bytes]:
    """Give whole answers, and what was tried on a real slave."""
    yield from (message.data for name in _CONVERSATIONS for message in conversation(name) if not message.is_request)
    yield from (b"".join(pieces) for scripted in scripted_answers() for pieces in scripted.answers)


def lists() -> Iterator[bytes]:
    """Give what stands in a list."""
    for name in (b"a", b".a", b"..", b"a/b", b"\xfc", b"&#47;", b"&amp;", b"a\\b", b""):
        yield _SPOTS % (name, b"b.job.xml", b"2012-09-21T12:52:46.000Z", b"0" * 32, b"configuration.directory")
        yield _SPOTS % (b"a", name, b"", b"", b"configuration.directory")


def dialect_requests() -> Iterator[bytes]:
    """Give requests of our dialect, with and without its preface."""
    for message in (Check(), Look(), Folders(folders=()), Contents(files=())):
        yield b"\x3f" + message_frame(message)
        yield b"\x3f" + PREFACE + message_frame(message, compresses=False)


def dialect_answers() -> Iterator[bytes]:
    """Give answers of our dialect."""
    yield b"\x3f" + message_frame(Same())
    yield b"\x3f" + message_frame(Unknown(what="x"))
    yield b"\x3f" + content_frames(b"content" * 1000)


def http() -> Iterator[bytes]:
    """Give request targets and bodies of answers."""
    yield b"/jobscheduler/engine/command?command=%3Cshow_state/%3E\n"
    yield b"/<show_state/>\n"
    yield from (b"text/xml; charset=utf-8\n" + answer for answer in answers())


def paths() -> Iterator[bytes]:
    """Give paths, good ones and others."""
    yield from (
        b"a/b/c.job.xml",
        b"../a",
        b"/a",
        b"a//b",
        b"a/./b",
        b"a\0b",
        b"\xff/\xfe",
        b"a" * 256,
        b"",
        b".jsync",
        b"a\\b",
    )


def inventories() -> Iterator[bytes]:
    """Give the examples."""
    yield from (path.read_bytes() for path in sorted(_EXAMPLES.glob("*.yaml")))
