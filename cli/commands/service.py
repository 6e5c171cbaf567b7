"""``jsync service``: the systemd unit of an agent."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.agents import own_command
from cli.choice import choose_one
from cli.command import Call, Command
from cli.errors import ExitCode
from sync_core.model.errors import UsageError

__all__ = ["COMMAND", "own_program"]


_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}")


def _service(
    call: Call,
    host: Annotated[str, typer.Argument(metavar="HOST", help="Whose agent.")],
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Who shall run it.")] = "jsync",
) -> int:
    from sync_core.fleet.service import service_of

    if not _USER.fullmatch(user):
        raise UsageError(f"{user!r} is no name of a user")
    inventory = call.inventory()
    chosen = choose_one(inventory, host, call.settings.limit)
    service = service_of(
        inventory, chosen, command=own_program(Path(sys.executable)), environ={"PYTHONUNBUFFERED": "1"}, user=user
    )
    if call.settings.is_json:
        body = {"host": chosen.name, "name": service.name, "unit": service.text}
        call.sink.document("service", body)
    else:
        call.sink.lines(service.text.splitlines())
    return ExitCode.DONE


def own_program(python: Path) -> tuple[str, ...]:
    """Return this jsync by the name that an administrator knows, if it lies beside its interpreter."""
    program = python.with_name("jsync")
    return (str(program),) if program.exists() else own_command()


COMMAND = Command(
    name="service",
    run=_service,
    help="""Print a systemd unit for an agent.

    It lets the agent write its cache and its state, and nothing else. Nothing is installed.""",
    examples=(
        ("jsync service slave-5000", "to read"),
        ("jsync service slave-5000 --user scheduler", "for another user"),
        ("jsync service m1 > jsync-m1.service", "to install: see docs/systemd.md"),
    ),
)
