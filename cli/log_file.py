"""The log of an agent that has no terminal."""

from __future__ import annotations

import logging
import os
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final, cast

from sync_core.agent.own_folder import opener
from sync_core.model.errors import StateError

__all__ = ["LogFile"]

_MOST_BYTES: Final = 10 * 1024 * 1024
_OLD_LOGS: Final = 3
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class LogFile(RotatingFileHandler):
    """Appends to a file that no link leads elsewhere, and begins a new one when that is full.

    Args:
        file: in a folder that exists.

    Raises:
        StateError: it can't be written.
    """

    def __init__(self, file: Path) -> None:
        try:
            super().__init__(
                file, maxBytes=_MOST_BYTES, backupCount=_OLD_LOGS, encoding="utf-8", errors="backslashreplace"
            )
        except OSError as error:
            raise StateError(f"{file} can't be written: {error.strerror}", hint="remove what stands there") from error

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        """Whether the file is full; Python's own formats each line twice to know."""
        return self.stream is not None and os.fstat(self.stream.fileno()).st_size >= self.maxBytes

    def _open(self) -> TextIOWrapper:
        fd = opener(self.baseFilename, _APPEND)
        return cast(TextIOWrapper, os.fdopen(fd, self.mode, encoding=self.encoding, errors=self.errors))
