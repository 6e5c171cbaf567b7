"""``jsync agent``: one agent in the foreground, for systemd and for ``jsync up``."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from cli.agents import ending_cleanly
from cli.choice import choose_one
from cli.command import Call, Command
from cli.errors import ExitCode
from cli.foreground import run_elsewhere
from cli.log import log_of_agent
from sync_core.model.errors import JsyncError, UsageError
from sync_core.model.inventory import Connection

__all__ = ["COMMAND"]

_log = logging.getLogger("sync_core.agent")


def _agent(
    call: Call,
    host: Annotated[str, typer.Argument(metavar="HOST", help="Whose agent.")],
    detached: Annotated[bool, typer.Option("--detached", hidden=True)] = False,
    attached: Annotated[bool, typer.Option("--attached", hidden=True)] = False,
) -> int:
    from sync_core.agent.run import run_agent
    from sync_core.agent.state import HostState, state_folder
    from sync_core.fleet.places import connection_of

    inventory = call.inventory()
    chosen = choose_one(inventory, host, call.settings.limit)
    if chosen.connection is Connection.NONE:
        raise UsageError(f"{chosen.name} has `connection: none`: it has no agent of ours", host=chosen.name)
    if connection_of(chosen) is not Connection.LOCAL:
        return run_elsewhere(call, inventory, chosen)
    state = HostState(state_folder(call.environ), chosen.name)
    state.create()
    log_of_agent(call.settings, state.log_path if detached else None)
    try:
        with ending_cleanly():
            run_agent(inventory, chosen, state, is_detached=detached, is_attached=attached)
    except JsyncError as error:
        if detached:  # whoever reads the log later must find there why it ended
            _log.error("%s", error)
        if not (detached or attached):
            raise
        # `jsync up` tells what our last line says
        call.sink.warn(f"{error} ({error.hint})" if error.hint else str(error))
        return ExitCode.TROUBLE
    if call.settings.is_json:
        call.sink.document("agent", {"host": chosen.name, "ok": True})
    return ExitCode.DONE


COMMAND = Command(
    name="agent",
    run=_agent,
    help="""Run one agent in the foreground, for systemd.

    It logs to stderr, reads the inventory again on SIGHUP (in a terminal it ends), and ends cleanly on SIGTERM and
    SIGINT. The agent of another machine runs there, by SSH, and ends with us.""",
    examples=(
        ("jsync agent slave-5000", "this slave's agent"),
        ("jsync agent slave-5000 -v", "with every step in the log"),
        ("jsync -i /etc/jsync/jsync.yaml agent m1", "as a service would call it"),
    ),
)
