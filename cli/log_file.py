"""The log of an agent that has no terminal."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

__all__ = ["LogFile"]

_MOST_BYTES: Final = 10 * 1024 * 1024
_OLD_LOGS: Final = 3


class LogFile(RotatingFileHandler):
    """Appends to a file, and begins a new one when that is full.

    Args:
        file: in a folder that exists.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=_MOST_BYTES, backupCount=_OLD_LOGS, encoding="utf-8", errors="backslashreplace")

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        """Whether the file is full; Python's own formats each line twice to know. What is no file never is."""
        return self.stream is not None and os.fstat(self.stream.fileno()).st_size >= self.maxBytes
