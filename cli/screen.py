"""A terminal that shows one thing after another in the same place."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cli.live import terminal_size
from cli.output import Streams

__all__ = ["Screen"]


class Screen:
    """The whole terminal behind stdout; what stood there before scrolls away, what is shown last stays.

    No mode of the terminal is changed, so whatever ends the process, nothing must be set right.

    Args:
        streams: of the process.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._shown: tuple[tuple[str, ...], os.terminal_size] | None = None

    @property
    def size(self) -> os.terminal_size:
        """The size of now."""
        return terminal_size(self._streams.stdout)

    def show(self, lines: Sequence[str]) -> None:
        """Show other lines, each not too long, and together less than the terminal has.

        Raises:
            StdoutClosed: nobody looks any more.
            FileTroubleError: it can't be written.
        """
        now = (tuple(lines), self.size)
        if now == self._shown:
            return
        room = "\n" * now[1].lines if self._shown is None else ""
        self._shown = now
        self._streams.write(room + "\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
        self._streams.flush()
