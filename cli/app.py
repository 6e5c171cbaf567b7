"""The typer application: what stands above the commands, and how a command line is parsed."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Annotated

import typer
import typer.main

from cli.arguments import options_after_command
from cli.command import Command, Listed, Parsed, callback_of
from sync_core import __version__

__all__ = ["parse", "parse_for_json"]

_VERSION = f"jsync {__version__}"

_HELP = """Keep one configuration folder the same on many machines.

A master holds the folder; slaves register with it, list what they have, and fetch what differs. jsync speaks the
language of JobScheduler 1.x and works without one."""

_EPILOG = """\b
Options of every command, before or after it: -i/--inventory FILE, -l/--limit
PATTERN, -o/--output table|json, -q/--quiet, -v/--verbose, --color WHEN.

\b
First steps:
  jsync init demo && cd demo   write a working example
  jsync up                     run it; Ctrl-C stops it
  jsync COMMAND --help         options and examples of one command"""


def parse(argv: Sequence[str], commands: Sequence[Command | Listed]) -> Parsed | int:
    """Return what ``argv`` means, or an exit code where ``--help`` or ``--version`` was all that it meant.

    Args:
        argv: without the program's name; common options may stand before the command.
        commands: what there is, in the order in which help lists it; in full the one that is named.

    Raises:
        Exception: typer's own for usage errors; ``cli.errors`` knows them.
    """
    application = typer.main.get_command(_build(commands))
    result = application.main(args=options_after_command(argv), prog_name="jsync", standalone_mode=False)
    return result if isinstance(result, Parsed) else int(result or 0)


def parse_for_json(argv: Sequence[str], commands: Sequence[Command | Listed]) -> Parsed | dict[str, object]:
    """Return as ``parse`` what ``argv`` means, or as a document what ``--version``, ``--help`` and the like print."""
    words = io.StringIO()
    with contextlib.redirect_stdout(words), contextlib.suppress(SystemExit):  # completion scripts end in that way
        parsed = parse(argv, commands)
        if isinstance(parsed, Parsed):
            return parsed
    if words.getvalue() == f"{_VERSION}\n":
        return {"schema": "jsync.version/1", "version": __version__}
    return {"schema": "jsync.help/1", "text": words.getvalue()}


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(_VERSION)
        raise typer.Exit


def _above(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _unnamed() -> None:
    """Stand for a command that the command line does not name."""


def _build(commands: Sequence[Command | Listed]) -> typer.Typer:
    # plain help: grep finds whole lines in it, and rich need not be imported to show it
    context = {"help_option_names": ["-h", "--help"]}
    app = typer.Typer(name="jsync", rich_markup_mode=None, pretty_exceptions_enable=False)

    app.callback(help=_HELP, epilog=_EPILOG, context_settings=context)(_above)
    for command in commands:
        if isinstance(command, Listed):
            app.command(command.name, help=command.summary)(_unnamed)
            continue
        app.command(command.name, help=command.help, epilog=command.epilog, context_settings=context)(
            callback_of(command)
        )
    return app
