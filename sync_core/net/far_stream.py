"""What a program on a host says of a folder there, read field by field: each ends with NUL, and nothing is trusted."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from sync_core.model.errors import (
    FileTroubleError,
    HostError,
    RemoteProtocolError,
    RootVanishedError,
    UnreachableError,
)
from sync_core.model.firewall.judgement import printable
from sync_core.model.path import RelPath
from sync_core.net.runner import Process, Runner, first_line

__all__ = [
    "Contents",
    "Fields",
    "WayError",
    "conversation",
    "md5_field",
    "mtime_ns_of",
    "name_of_bytes",
    "number_field",
    "read_files",
    "root_of",
    "whole",
]

_MD5 = re.compile(r"[0-9a-f]{32}")
_MOST_FIELD_BYTES = 64 * 1024
"""More than any path or md5 line has."""
_MOST_LETTERS = 500
"""Of a word that may be shown."""
_MOST_BYTES = 512 << 20
"""A list of a million files is smaller."""

Contents = Mapping[RelPath, bytes | FileTroubleError]
"""The content of each file that was asked for, or why there is none."""


class WayError(HostError):
    """The host does not have what this way of reading needs, or does not behave like it; another way may work."""


class Fields:
    """The output of a process as fields.

    Args:
        process: says them.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._buffer = bytearray()
        self._taken = 0

    async def field(self) -> bytes:
        """Return the next field.

        Raises:
            UnreachableError: the connection is lost.
            WayError: there is none, or it has no end.
        """
        start = 0
        while (end := self._buffer.find(b"\0", start)) < 0:
            start = len(self._buffer)
            if start > _MOST_FIELD_BYTES:
                raise WayError("a field without end")
            await self._more()
        field = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return field

    async def word(self) -> str:
        """Return the next field as text in which nothing can do harm; raises what ``field`` raises."""
        text = (await self.field()).decode("utf-8", "replace")
        return text if text.isprintable() and len(text) <= _MOST_LETTERS else printable(text)[:_MOST_LETTERS]

    async def path(self) -> RelPath:
        """Return the next field as a path, whose names may be anything; raises what ``field`` raises."""
        return RelPath(name_of_bytes((await self.field()).removeprefix(b"./")))

    async def raw(self, size_bytes: int) -> bytes:
        """Return so many bytes as they are; raises what ``field`` raises."""
        while len(self._buffer) < size_bytes:
            await self._more()
        content = bytes(self._buffer[:size_bytes])
        del self._buffer[:size_bytes]
        return content

    async def _more(self) -> None:
        block = await self._process.receive()
        if not block:
            exit_code = await self._process.wait()
            raise WayError(first_line(self._process.complaint) or f"it ended with exit code {exit_code}")
        self._taken += len(block)
        if self._taken > _MOST_BYTES:
            raise WayError(f"more than {_MOST_BYTES} bytes of output")
        self._buffer += block


@contextlib.asynccontextmanager
async def conversation(
    runner: Runner, command: Sequence[str], stdin: bytes = b"", *, deadline_s: float | None = None
) -> AsyncIterator[Fields]:
    """Start ``command``, give it ``stdin``, and yield what it says; nothing of it is left afterwards.

    Args:
        runner: of the host.
        command: program and arguments.
        stdin: for it.
        deadline_s: when it is ended there in any case; ``None``: it sees to that itself.

    Raises:
        UnreachableError: the host can't be reached.
        WayError: it can't be started there.
    """
    try:
        process = await runner.start(command, deadline_s=deadline_s)
    except WayError:
        raise
    except HostError as error:
        if type(error) is HostError:  # the host answers, but has no such program
            raise WayError(str(error)) from error
        raise
    try:
        with contextlib.suppress(UnreachableError):  # the reading end knows better why
            await process.send(stdin)
            await process.end_input()
        yield Fields(process)
    finally:
        await process.close()


async def root_of(fields: Fields, root: str) -> str:
    """Return the real path of the folder that the next fields are about.

    Args:
        fields: at their beginning.
        root: the folder that was asked for.

    Raises:
        RootVanishedError: it is not there.
        FileTroubleError: it is no folder, or can't be read.
        WayError: whoever answers does not know what was asked.
    """
    match await fields.word():
        case "tree":
            return name_of_bytes(await fields.field())
        case "gone":
            await fields.word()
            raise RootVanishedError(f"the folder {root!r} does not exist")
        case "bad":
            raise FileTroubleError(f"the folder {root!r} can't be read: {await fields.word()}")
        case other:
            raise WayError(f"it says {other!r}")


def whole(end: str, root: str) -> None:
    """Return if ``end`` is the word of an orderly end.

    Raises:
        RootVanishedError: the folder vanished meanwhile.
        RemoteProtocolError: something else.
    """
    if end == "moved":
        raise RootVanishedError(f"the folder {root!r} vanished while it was read")
    if end != "end":
        raise RemoteProtocolError(f"a list that goes on with {end!r}")


async def read_files(fields: Fields, root: str, paths: Iterable[RelPath], most_bytes: int) -> Contents:
    """Return the contents of files.

    Args:
        fields: after the root.
        root: as it was asked for.
        paths: the files that were asked for.
        most_bytes: the longest content that was asked for.

    Raises:
        RemoteProtocolError: what is said makes no sense.
        RootVanishedError: the folder vanished meanwhile.
    """
    wanted = set(paths)
    found: dict[RelPath, bytes | FileTroubleError] = {}
    while (tag := await fields.word()) in {"file", "not"}:
        path = await fields.path()
        if path not in wanted or path in found:
            raise RemoteProtocolError(f"a file that nobody asked for: {path!r}")
        if tag == "not":
            found[path] = FileTroubleError(f"{path!r} can't be read: {await fields.word()}")
            continue
        size = await fields.word()
        if not size.isdecimal() or int(size) > most_bytes + 1:
            raise RemoteProtocolError(f"a file of {size!r} bytes")
        found[path] = await fields.raw(int(size))
    whole(tag, root)
    if len(found) < len(wanted):
        raise RemoteProtocolError("fewer files than were asked for")
    return found


async def number_field(fields: Fields) -> int:
    """Return the next field as a number; raises what ``Fields.field`` raises, and RemoteProtocolError."""
    text = await fields.word()
    if not text.removeprefix("-").isdecimal() or len(text) > 20:
        raise RemoteProtocolError(f"a number that is none: {text!r}")
    return int(text)


def md5_field(text: str) -> str:
    """Return ``text`` if it is an md5.

    Raises:
        RemoteProtocolError: it is none.
    """
    if not _MD5.fullmatch(text):
        raise RemoteProtocolError(f"an md5 that is none: {text!r}")
    return text


def name_of_bytes(name: bytes) -> str:
    """Return a path of that host as this one would name it."""
    return name.decode("utf-8", "surrogateescape")


def mtime_ns_of(text: str) -> int:
    """Return a time in seconds with or without a fraction as nanoseconds.

    Raises:
        RemoteProtocolError: it is none.
    """
    seconds, _, fraction = text.partition(".")
    digits = seconds.removeprefix("-")
    if not digits.isdecimal() or len(digits) > 18 or (fraction and not fraction.isdecimal()):
        raise RemoteProtocolError(f"a time that is none: {text!r}")
    return int(seconds) * 10**9 + int(fraction[:9].ljust(9, "0") if fraction else 0)
