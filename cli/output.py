"""The two streams of the process: data on stdout, everything else on stderr, and never two documents."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO

from cli.documents import schema_of
from cli.layout import render
from cli.settings import Color, Settings
from cli.tables import Cell, Styled, Table, paint
from cli.text import printable
from sync_core.model.errors import FileTroubleError

__all__ = ["Sink", "StdoutClosed", "Streams", "stdout_errors", "wants_color"]


_ORDINARY_LEVELS = (" [info]   ", " [debug]  ")


class StdoutClosed(Exception):
    """Whoever reads stdout has gone (``jsync files … | head``)."""


class Streams:
    """stdout and stderr, with write errors as errors of ours.

    Args:
        stdout: for data.
        stderr: for everything else; what can't be written there is lost, there is no other place for it.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.has_document = False

    def write(self, text: str) -> None:
        """Write data to stdout.

        Raises:
            StdoutClosed: nobody reads it any more.
            FileTroubleError: it can't be written.
        """
        with stdout_errors():
            self.stdout.write(text)

    def write_bytes(self, data: bytes) -> None:
        """Write data to stdout as it is; raises like ``write``."""
        with stdout_errors():
            self.stdout.flush()
            self.stdout.buffer.write(data)

    def document(self, body: Mapping[str, object], *, indent: int | None = None) -> None:
        """Write the one JSON document, in ASCII; raises like ``write``."""
        self.write(json.dumps(body, ensure_ascii=True, allow_nan=False, indent=indent) + "\n")
        self.has_document = True

    def complain(self, text: str) -> None:
        """Write a line to stderr; control characters are escaped, line breaks are kept."""
        self.complain_raw("".join(f"{printable(line)}\n" for line in text.split("\n")))

    def complain_raw(self, text: str) -> None:
        """Write text to stderr that is safe already."""
        with contextlib.suppress(OSError, ValueError):
            self.stderr.write(text)
            self.stderr.flush()

    def flush(self) -> None:
        """Bring everything out; raises like ``write``."""
        with stdout_errors():
            self.stdout.flush()

    def is_read(self) -> bool:
        """Return whether anybody may still read stdout, without writing to it; who can't tell says yes."""
        try:
            poll = select.poll()
            poll.register(self.stdout.fileno(), 0)  # the end of the other side is told in any case
            return not poll.poll(0)
        except (OSError, ValueError):
            return True

    def silence(self) -> None:
        """Let nothing more be written to stdout, not even by the interpreter when it ends."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stdout.fileno())
            os.close(nowhere)


class Sink:
    """Where a command's words go, by the common options.

    Args:
        streams: of the process.
        settings: decide about JSON, quiet and colour.
        environ: ``NO_COLOR`` and ``TERM`` count.
    """

    def __init__(self, streams: Streams, settings: Settings, environ: Mapping[str, str]) -> None:
        self.streams = streams
        self.settings = settings
        self.color = wants_color(settings.color, environ, is_terminal=streams.stdout.isatty())

    def document(self, command: str, body: Mapping[str, object]) -> None:
        """Write the command's JSON document, ``schema`` first."""
        self.streams.document({"schema": schema_of(command), **body})

    def lines(self, lines: Iterable[str]) -> None:
        """Write lines of data; each stays one line whatever is in it."""
        for line in lines:
            self.streams.write(printable(line) + "\n")

    def content(self, lines: Iterable[Cell]) -> None:
        """Write lines of a file's content, with their colours; tabs stay tabs, anything else is escaped."""
        for line in lines:
            text = line.text if isinstance(line, Styled) else line
            safe = "\t".join(printable(part) for part in text.split("\t"))
            painted = paint(safe, line.style) if self.color and isinstance(line, Styled) else safe
            self.streams.write(painted + "\n")

    def log_line(self, prefix: str, line: str) -> None:
        """Pass on a line that an agent wrote, unless ``-q`` is given and the line needs no attention.

        It is data, but never part of a document, and is written at once. ``prefix`` may hold escape sequences of ours.
        """
        if self.settings.is_quiet and any(level in line for level in _ORDINARY_LEVELS):
            return
        text = f"{prefix}{printable(line)}\n"
        if self.settings.is_json:
            self.streams.complain_raw(text)
        else:
            self.streams.write(text)
            self.streams.flush()

    def table(self, table: Table) -> None:
        """Write a table: fitted to a terminal, as wide as it must be elsewhere."""
        width = shutil.get_terminal_size().columns if self.streams.stdout.isatty() else None
        self.streams.write(render(table, color=self.color, width=width))

    def note(self, text: str) -> None:
        """Say something on stderr, except with ``-q``."""
        if not self.settings.is_quiet:
            self.streams.complain(text)

    def warn(self, text: str) -> None:
        """Say something that needs attention on stderr."""
        self.streams.complain(text)


def wants_color(color: Color, environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Return whether output is coloured: an explicit option beats ``NO_COLOR``, which beats the terminal."""
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    return is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


@contextlib.contextmanager
def stdout_errors() -> Iterator[None]:
    """Turn the errors of what is written to stdout inside into ours.

    Raises:
        StdoutClosed: nobody reads it any more.
        FileTroubleError: it can't be written.
    """
    try:
        yield
    except BrokenPipeError as error:
        raise StdoutClosed from error
    except OSError as error:
        raise FileTroubleError(f"stdout can't be written: {error.strerror}") from error
