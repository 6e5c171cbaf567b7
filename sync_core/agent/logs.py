"""Log lines as administrators of a JobScheduler know them (``protocol.md`` section 1.7).

``2026-11-24 03:06:29.502 [info]   (Supervisor_client 127.0.0.1:4450) SCHEDULER-950  Scheduler has been registered``

The library only logs; whoever owns the process attaches ``AgentFormatter`` to a handler.
"""

from __future__ import annotations

import logging
import time
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

__all__ = ["AgentFormatter", "PrefixedLogger"]

_LEVELS = {
    logging.DEBUG: " [debug]  ",
    logging.INFO: " [info]   ",
    logging.WARNING: " [WARN]   ",
    logging.ERROR: " [ERROR]  ",
    logging.CRITICAL: " [ERROR]  ",
}


class AgentFormatter(logging.Formatter):
    """Formats records in the original's shape; every event is one line, tracebacks excepted."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for ``record``; its attribute ``prefix``, if any, stands in brackets."""
        stamp = _stamp(int(record.created))
        prefix = getattr(record, "prefix", "")
        message = _one_line(record.getMessage())
        level = _LEVELS.get(record.levelno, " [info]   ")
        line = f"{stamp}.{int(record.msecs):03d}{level}{f'({_one_line(prefix)}) ' if prefix else ''}{message}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class PrefixedLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose lines carry a prefix, as ``(Supervisor_client 10.0.0.5:4440)``.

    Args:
        logger: where the lines go.
        prefix: without brackets.
    """

    def __init__(self, logger: logging.Logger, prefix: str) -> None:
        super().__init__(logger, {"prefix": prefix})

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the prefix to the record."""
        kwargs["extra"] = {**kwargs.get("extra", {}), **(self.extra or {})}
        return msg, kwargs


@lru_cache(maxsize=4)
def _stamp(second: int) -> str:
    """Return a second in local time; thousands of lines may fall into one."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


def _one_line(text: str) -> str:
    """Escape control characters and undecodable bytes, so that nobody's data forges a line or steers a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)
