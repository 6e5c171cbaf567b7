"""What the library logs, on stderr: how much of it, and in which shape."""

from __future__ import annotations

import logging
import sys

from cli.settings import Settings

__all__ = ["log_to_stderr"]

_BY_VERBOSITY = (logging.WARNING, logging.INFO, logging.DEBUG)


def log_to_stderr(settings: Settings) -> None:
    """Send log lines of a short-lived command to stderr: warnings, with ``-v`` what happens, with ``-vv`` all of it.

    ``-vvv`` adds what other libraries log.
    """
    from sync_core.agent.logs import AgentFormatter

    level = logging.ERROR if settings.is_quiet else _BY_VERBOSITY[min(settings.verbosity, 2)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(AgentFormatter())
    logging.basicConfig(level=level if settings.verbosity > 2 else logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("sync_core").setLevel(level)
