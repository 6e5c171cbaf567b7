"""What the library logs: how much of it, where it goes, and in which shape."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from cli.settings import Settings

__all__ = ["log_of_agent", "log_of_command"]


def log_of_command(settings: Settings) -> None:
    """Send the lines of a short-lived command to stderr: warnings; with ``-v`` what happens, with ``-vv`` all of it."""
    _configure(settings, logging.StreamHandler(sys.stderr), (logging.WARNING, logging.INFO, logging.DEBUG))


def log_of_agent(settings: Settings, file: Path | None) -> None:
    """Send the lines of an agent to stderr, or to ``file``, which is rotated: what happens; with ``-v`` all of it.

    Args:
        settings: ``-q`` leaves warnings and errors.
        file: in a folder that exists; ``None`` = stderr.

    Raises:
        StateError: the file can't be written.
    """
    logging._srcfile = None  # Python's manual: so no line is looked for in the stack
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if file is not None:
        from cli.log_file import LogFile

        handler = LogFile(file)
    _configure(settings, handler, (logging.INFO, logging.DEBUG, logging.DEBUG))


def _configure(settings: Settings, handler: logging.Handler, levels: tuple[int, int, int]) -> None:
    """Set the levels by verbosity: 0, 1 and more; the third ``-v`` adds what other libraries say."""
    from sync_core.agent.logs import AgentFormatter

    level = levels[min(settings.verbosity, 2)]
    if settings.is_quiet:
        level = max(level, logging.WARNING)
    handler.setFormatter(AgentFormatter())
    others = level if settings.verbosity > 2 else max(level, logging.WARNING)
    logging.basicConfig(level=others, handlers=[handler], force=True)
    logging.getLogger("sync_core").setLevel(level)
    # It tells of every connection that fails, with tracebacks; what matters of that is said by us.
    logging.getLogger("paramiko").setLevel(others if settings.verbosity > 2 else logging.CRITICAL)
