"""What peers may ask of an agent, and what master and slave answer alike (``protocol.md`` sections 10 and 11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from sync_core.agent.answers import error_answer, refusal
from sync_core.model.errors import JsyncError
from sync_core.model.security import Level
from sync_core.net.server import Connection
from sync_core.protocol.messages import (
    Answer,
    CheckFolders,
    ClusterAnswer,
    FetchConfiguration,
    FetchDifferences,
    FetchUpdatedFiles,
    GetParam,
    GetParams,
    ListFiles,
    OkAnswer,
    OpenDialect,
    OtherAnswer,
    OtherCommand,
    Register,
    Request,
    ShowCluster,
    ShowState,
    StateAnswer,
)

__all__ = ["LEVELS", "OwnRequest", "StateOf", "answer_command", "cluster_answer", "level_needed", "other_answer"]

OwnRequest: TypeAlias = (
    Register | FetchUpdatedFiles | FetchConfiguration | CheckFolders | ListFiles | FetchDifferences | OpenDialect
)
"""What master and slave answer each in its own way."""

StateOf: TypeAlias = Callable[[frozenset[str]], StateAnswer]
"""Builds ``<state>`` for the words of ``what``."""

LEVELS: Mapping[type, Level] = {
    CheckFolders: Level.INFO,
    ShowState: Level.INFO,
    ShowCluster: Level.INFO,
    GetParam: Level.INFO,
    GetParams: Level.INFO,
    ListFiles: Level.INFO,
    OpenDialect: Level.INFO,
    Register: Level.NO_ADD,
    FetchUpdatedFiles: Level.INFO,  # only who registered gets more than SCHEDULER-457 (capture 09)
    FetchConfiguration: Level.NO_ADD,
    FetchDifferences: Level.NO_ADD,
}
"""What a peer must be allowed to do (``protocol.md`` section 10)."""

_OTHERS_FOR_ALL = frozenset({"add_jobs", "add_order", "config", "job", "job_chain", "process_class", "lock"})
_OTHERS_FOR_INFO = ("show_", "param", "params", "subsystem.show")


async def answer_command(
    connection: Connection,
    request: Request,
    *,
    state: StateOf,
    own: Callable[[Connection, OwnRequest], Awaitable[Answer]],
) -> Answer:
    """Return the answer to one request; our own errors become ERROR answers.

    Args:
        connection: where it came from; its level decides what it may ask.
        request: what is asked.
        state: builds ``<state>``.
        own: answers what this role answers in its own way.
    """
    if connection.level < level_needed(request):
        return error_answer("SCHEDULER-121")
    try:
        match request:
            case ShowState():
                return state(request.what)
            case ShowCluster():
                return cluster_answer(state(request.what))
            case GetParam() | GetParams() | OtherCommand():
                return other_answer(request)
            case _:
                return await own(connection, request)
    except JsyncError as error:
        return refusal(error)


def level_needed(request: Request) -> Level:
    """Return the level that the command needs."""
    if not isinstance(request, OtherCommand):
        return LEVELS[type(request)]
    if request.name in _OTHERS_FOR_ALL:
        return Level.ALL
    return Level.INFO if request.name.startswith(_OTHERS_FOR_INFO) else Level.NO_ADD


def cluster_answer(state: StateAnswer) -> ClusterAnswer:
    """Return ``<cluster>``: the remote schedulers of ``state``."""
    return ClusterAnswer(
        remote_schedulers=state.remote_schedulers,
        connected=state.connected,
        active=state.active,
        with_remote_schedulers=state.with_remote_schedulers,
        count=state.count,
    )


def other_answer(request: GetParam | GetParams | OtherCommand) -> Answer:
    """Return what master and slave alike answer to commands that are a JobScheduler's business (section 11)."""
    match request:
        case GetParam():  # a scheduler's own parameters, of which we have none
            return OkAnswer()
        case GetParams():
            return OtherAnswer(element="params")
        case OtherCommand(name=name):
            return error_answer("SCHEDULER-105", name)
