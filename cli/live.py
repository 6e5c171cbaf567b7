"""A table that changes while something goes on: on a terminal only, on stderr, and gone when it is over."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from cli.layout import render_cut
from cli.output import Sink
from cli.tables import Table

__all__ = ["live_table", "terminal_size"]

_PAUSE_S = 0.125
_SPARE_LINES = 2


@contextlib.contextmanager
def live_table(sink: Sink, table_of: Callable[[int], Table]) -> Iterator[None]:
    """Show a table again and again until the body ends, if somebody looks and sees nothing else meanwhile.

    What is logged to stderr meanwhile stands above it.

    Args:
        sink: says where, and whether in colour.
        table_of: makes the table of now, with at most so many rows; called in a thread of its own.
    """
    stream = sink.streams.stderr
    if sink.settings.is_quiet or sink.settings.verbosity or not stream.isatty():
        yield
        return
    area = _Area(stream)

    def draw() -> None:
        size = terminal_size(stream)
        height = max(size.lines - _SPARE_LINES, 1)
        area.draw(render_cut(table_of(height - 1), color=sink.color, width=size.columns, height=height))

    try:
        with _logged_above(area), _repeated(draw):
            yield
    finally:
        area.draw(())


def terminal_size(stream: TextIO) -> os.terminal_size:
    """Return the size of the terminal that a stream leads to; 80 columns and 24 lines where it does not say."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except OSError:
        size = os.terminal_size((0, 0))
    return os.terminal_size((size.columns or 80, size.lines or 24))


class _Area:
    """The last lines on a terminal, written in place; its modes are left alone, so nothing must be set right later.

    Args:
        stream: leads to the terminal, with the cursor at the beginning of a line.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def draw(self, lines: Sequence[str]) -> None:
        """Show other lines instead."""
        with self._lock:
            self._write("", lines)

    def say(self, text: str) -> None:
        """Write whole lines above, which stay."""
        with self._lock:
            self._write(text, self._lines)

    def _write(self, above: str, lines: Sequence[str]) -> None:
        up = f"\x1b[{len(self._lines)}A" if self._lines else ""
        # Line by line: some terminals keep what is erased to the end of the screen.
        erased = "\r\x1b[K" + up + "\x1b[K\n" * len(self._lines) + up
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(erased + above + "".join(f"{line}\n" for line in lines))
            self._stream.flush()
        self._lines = tuple(lines)


class _Above(io.TextIOBase):
    """A stream for what is logged."""

    def __init__(self, area: _Area) -> None:
        self._area = area

    def write(self, text: str) -> int:
        self._area.say(text)
        return len(text)


@contextlib.contextmanager
def _logged_above(area: _Area) -> Iterator[None]:
    """Let log lines for a stream appear above the area."""
    handlers = [one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler]
    before = [handler.setStream(_Above(area)) for handler in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            handler.setStream(stream)


@contextlib.contextmanager
def _repeated(act: Callable[[], None]) -> Iterator[None]:
    """Do something again and again until the body ends."""
    is_over = threading.Event()

    def again() -> None:
        while not is_over.wait(_PAUSE_S):
            act()

    thread = threading.Thread(target=again, name="live table", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
