"""A terminal as a person sees it: a command runs in a pseudo-terminal, an emulator makes a screen of what it writes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyte

from tests.support.site import PATIENCE_S, eventually

__all__ = ["Terminal", "terminal"]


class Terminal:
    """A running command and its screen.

    Args:
        command: what runs; it has the terminal for stdin, stdout and stderr.
        folder: where.
        environ: its environment.
        size: rows and columns.
        stdout: a file that gets its stdout instead.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str],
        size: tuple[int, int] = (24, 80),
        stdout: Path | None = None,
    ) -> None:
        self._screen = pyte.HistoryScreen(size[1], size[0], history=10_000)
        self._emulator = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._written = b""
        self._ours, theirs = os.openpty()
        self._tell_size(size)
        with contextlib.ExitStack() as stack:
            out = theirs if stdout is None else stack.enter_context(stdout.open("wb"))
            self._process = subprocess.Popen(
                ["setsid", "--ctty", *command],  # so that Ctrl-C and changes of size become signals
                cwd=folder,
                env={**environ, "TERM": "xterm-256color"},
                stdin=theirs,
                stdout=out,
                stderr=theirs,
            )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def lines(self) -> list[str]:
        """The lines on the screen, without blanks at their ends and without the empty ones below."""
        with self._lock:
            lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def text(self) -> str:
        """The lines on the screen as one text."""
        return "\n".join(self.lines)

    @property
    def scrolled_away(self) -> list[str]:
        """The lines that left the screen at its top."""
        with self._lock:
            rows = [[row[column].data for column in range(self._screen.columns)] for row in self._screen.history.top]
        return ["".join(row).rstrip() for row in rows]

    @property
    def written(self) -> bytes:
        """All that came so far, escape sequences included."""
        with self._lock:
            return self._written

    @property
    def is_sane(self) -> bool:
        """Whether the cursor shows, and whatever is typed next appears as usual on the ordinary screen."""
        echoes = termios.tcgetattr(self._ours)[3] & termios.ECHO
        with self._lock:
            modes = {pyte.modes.DECTCEM, pyte.modes.DECAWM}
            plain = self._screen.cursor.attrs._replace(data=" ") == self._screen.default_char
            return bool(echoes) and modes <= self._screen.mode and plain and b"\x1b[?1049h" not in self._written

    def wait_for(self, *texts: str, gone: Sequence[str] = ()) -> None:
        """Wait until the screen has all of ``texts``, and none of ``gone``."""

        def is_there() -> bool:
            text = self.text
            return all(one in text for one in texts) and not any(one in text for one in gone)

        try:
            eventually(is_there)
        except AssertionError:
            raise AssertionError(f"{texts} without {list(gone)} never came; the screen is\n{self.text}") from None

    def press(self, keys: str) -> None:
        """Type something."""
        os.write(self._ours, keys.encode())

    def resize(self, rows: int, columns: int) -> None:
        """Change the size, as a window manager does."""
        with self._lock:
            self._screen.resize(rows, columns)
        self._tell_size((rows, columns))

    def wait(self) -> int:
        """Wait until the command has ended and everything is on the screen; return its exit code."""
        code = self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def close(self) -> None:
        """End the command if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        os.close(self._ours)

    def _tell_size(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # nobody has the other side open any more
                return
            with self._lock:
                self._written += data
                self._emulator.feed(data)


@contextlib.contextmanager
def terminal(
    command: Sequence[str],
    *,
    folder: Path,
    environ: Mapping[str, str],
    size: tuple[int, int] = (24, 80),
    stdout: Path | None = None,
) -> Iterator[Terminal]:
    """Run a command in a terminal; it does not outlive the body."""
    one = Terminal(command, folder=folder, environ=environ, size=size, stdout=stdout)
    try:
        yield one
    finally:
        one.close()
