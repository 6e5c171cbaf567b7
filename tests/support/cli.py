"""The command line as a user meets it: arguments in; exit code, stdout and stderr out."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cli.main import main

__all__ = ["Result", "Stream", "logging_left_alone", "run_cli"]


class Stream(io.TextIOWrapper):
    """A text stream over memory, like the process's own: it has a ``buffer`` and says whether it is a terminal."""

    def __init__(self, *, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def written(self) -> bytes:
        self.flush()
        memory = self.buffer
        assert isinstance(memory, io.BytesIO)
        return memory.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one command line."""

    exit_code: int
    out: str
    err: str
    out_bytes: bytes

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; fails when there is anything else."""
        return json.loads(self.out)


def run_cli(*argv: str, environ: Mapping[str, str] | None = None, is_terminal: bool = False) -> Result:
    """Run ``jsync`` with ``argv`` in this process; its environment is ``environ`` alone."""
    stdout, stderr = Stream(is_terminal=is_terminal), Stream(is_terminal=is_terminal)
    with logging_left_alone(), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(argv, environ=environ or {})
    return Result(
        exit_code=code,
        out=stdout.written().decode(),
        err=stderr.written().decode(),
        out_bytes=stdout.written(),
    )


@contextlib.contextmanager
def logging_left_alone() -> Iterator[None]:
    """Undo what a command does to logging, which belongs to the whole process."""
    root, ours = logging.getLogger(), logging.getLogger("sync_core")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    source = logging._srcfile
    root.handlers.clear()
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
        logging._srcfile = source
