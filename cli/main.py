"""Where the process begins and ends."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from cli.app import parse, parse_for_json
from cli.arguments import asks_for_json, command_of, stays_until_a_signal
from cli.command import Call
from cli.commands import LISTED, all_commands, commands_for
from cli.cron import in_its_turn
from cli.errors import ExitCode, Failure, report
from cli.output import Sink, Streams, stdout_errors

__all__ = ["main", "run"]

_COMPLETION = "_JSYNC_COMPLETE"
"""The variable by which shells ask for words to complete."""
_PASSWORD = "JSYNC_SSH_PASSWORD"  # noqa: S105 - the name of a variable


def run() -> NoReturn:
    """Run the command line of this process and end it with the exit code."""
    # Who closed stdout gets no data, which is trouble; who closed stderr does not want to know.
    sys.stdout = sys.stdout or Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 - for the process's life
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - likewise
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # a terminal that can't show a character gets its escape, not a traceback
            stream.reconfigure(errors="backslashreplace")
    code = main(sys.argv[1:])
    # At its end Python looks for garbage in all that was imported, which takes longer than most commands' work.
    gc.freeze()
    sys.exit(code)


def main(argv: Sequence[str], *, environ: Mapping[str, str] | None = None) -> int:
    """Run one command line and return its exit code; nothing but ``SystemExit`` of completion scripts escapes.

    Args:
        argv: without the program's name.
        environ: the environment; this process's own by default.
    """
    environ = dict(os.environ if environ is None else environ)
    password = environ.pop(_PASSWORD, None) or None
    os.environ.pop(_PASSWORD, None)  # it is for the login by SSH, not for agents and inventories that we start
    streams = Streams(sys.stdout, sys.stderr)
    word = command_of(argv)
    name = word if any(listed.name == word for listed in LISTED) else None
    failure = Failure(streams, command=name, is_json=asks_for_json(argv), environ=environ)
    try:
        code = _run(argv, streams, environ, password)
        streams.flush()
    except (Exception, KeyboardInterrupt) as error:
        code = report(error, failure)
        if isinstance(error, KeyboardInterrupt) and stays_until_a_signal(argv):
            return ExitCode.DONE  # it had not yet begun to wait for it
    return code


def _run(argv: Sequence[str], streams: Streams, environ: Mapping[str, str], password: str | None) -> int:
    # Completion asks for everything of all of them.
    commands = all_commands() if _COMPLETION in environ else commands_for(command_of(argv))
    with stdout_errors():  # help is written while the command line is read
        parsed = (parse_for_json if asks_for_json(argv) else parse)(argv, commands)
    if isinstance(parsed, int):
        return parsed
    if isinstance(parsed, dict):
        streams.document(parsed)
        return ExitCode.DONE
    sink = Sink(streams, parsed.settings, environ)
    call = Call(settings=parsed.settings, sink=sink, environ=environ, password=password)
    with in_its_turn(call, parsed.command.name):
        return parsed.command.run(call, **parsed.values)
